import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const from = (name) => import(new URL(`../../../chat/static/desk/${name}.js`, import.meta.url));
const { LeadForm } = await from("lead_form");

const settled = () => new Promise((resolve) => setTimeout(resolve));
let form, looks, submit;

beforeEach(() => {
  looks = 0;
  globalThis.document = { hidden: false };
  globalThis.fetch = async () => ({ ok: true, text: async () => `${++looks}` });
  globalThis.DOMParser = class {
    parseFromString = () => ({ body: { childNodes: [] } });
  };
  // Where the lead's way stands nothing more happens by itself after each look.
  const part = { dataset: {}, isConnected: true, replaceChildren() {}, querySelector: () => part };
  form = {
    dataset: { version: "0" },
    elements: [],
    querySelector: () => part,
    querySelectorAll: () => [],
    addEventListener: (_, listener) => (submit = () => listener({ preventDefault() {} })),
  };
});

test("an own save, which is told to the saver too, is looked after once", async () => {
  const shown = new LeadForm(form, async () => ({ version: 1 }));
  submit();
  shown.changed(1);
  await settled();
  assert.deepEqual([looks, form.dataset.version], [1, 1]);
});

test("a lead that was saved before is looked after at once, a new one is not", async () => {
  new LeadForm(form, null);
  await settled();
  assert.equal(looks, 0);
  form.dataset.version = "2";
  new LeadForm(form, null);
  await settled();
  assert.equal(looks, 1);
});
