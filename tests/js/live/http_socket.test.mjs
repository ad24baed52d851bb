import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { HttpSocket } from "../../../chat/static/live/http_socket.js";

const CHAT = "11111111-1111-4111-8111-111111111111";
const OTHER = "22222222-2222-4222-8222-222222222222";
const HELLO = { type: "hello", token: "t0ken", resume: { conversation: CHAT, after: 4 } };

let requests, heard, closed, socket;

const settle = () => new Promise((resolve) => setImmediate(resolve));
const tick = (ms) => mock.timers.tick(ms);
const event = (seq, conversation = CHAT) => ({ type: "message", conversation, seq });
const welcome = (conversation = CHAT) => ({ type: "welcome", conversations: [{ conversation }] });
const polls = () => requests.filter((request) => request.method === "GET");
const posts = () => requests.filter((request) => request.method === "POST");
const types = () => heard.map((frame) => frame.type);

/* A server that answers when it is told to. */
function fetch(address, { signal, ...options }) {
  const url = new URL(address, "https://acme.example");
  const request = { path: url.pathname, query: Object.fromEntries(url.searchParams), ...options };
  requests.push(request);
  return new Promise((resolve, reject) => {
    request.fail = () => reject(new TypeError("no network"));
    request.answer = async (frames, status = 200) => {
      resolve({ ok: status === 200, status, json: async () => frames });
      await settle();
    };
    signal.addEventListener("abort", () => {
      request.aborted = true;
      reject(signal.reason);
    });
  });
}

async function open(hello = HELLO) {
  socket = new HttpSocket(fetch);
  socket.onopen = () => socket.send(JSON.stringify(hello));
  socket.onmessage = ({ data }) => heard.push(JSON.parse(data));
  socket.onclose = ({ code }) => closed.push(code);
  await settle();
}

async function welcomed() {
  await open();
  await polls()[0].answer([welcome()]);
}

const send = (frame) => socket.send(JSON.stringify(frame));

beforeEach(() => {
  requests = [];
  heard = [];
  closed = [];
  mock.timers.enable({ apis: ["setTimeout"] });
});
afterEach(() => {
  socket.close();
  mock.timers.reset();
});

test("the hello is asked at once, and then it waits for what follows", async () => {
  await open();
  const [first] = requests;
  assert.equal(first.path, "/widget/events");
  assert.deepEqual(first.query, { conversation: CHAT, after: "4", wait: "0" });
  assert.equal(first.headers.Authorization, "Bearer t0ken");
  await first.answer([welcome(), event(5), event(6)]);
  assert.deepEqual(types(), ["welcome", "message", "message"]);
  assert.deepEqual(polls()[1].query, { conversation: CHAT, after: "6", wait: "25" });
  await polls()[1].answer([welcome()]);
  assert.deepEqual(polls()[2].query, { conversation: CHAT, after: "6", wait: "25" });
});

test("a visitor without a conversation asks without one", async () => {
  await open({ type: "hello", token: "t0ken" });
  assert.deepEqual(polls()[0].query, { wait: "0" });
});

test("another conversation in the welcome is followed from its start", async () => {
  await open();
  await polls()[0].answer([welcome(OTHER), event(1, OTHER), event(2, OTHER)]);
  assert.deepEqual(polls()[1].query, { conversation: OTHER, after: "2", wait: "25" });
});

test("what only looks like an event does not move on", async () => {
  await welcomed();
  await polls()[1].answer([welcome(), { type: "seen", conversation: CHAT, by: "desk", seq: 9 }]);
  assert.equal(polls()[2].query.after, "4");
});

test("frames go out one request at a time, in order, together where they waited", async () => {
  await welcomed();
  for (const id of ["a", "b", "c"]) send({ type: "message.send", id });
  assert.equal(posts().length, 1);
  assert.deepEqual(JSON.parse(posts()[0].body).map((f) => f.id), ["a"]);
  await posts()[0].answer([{ type: "ack", id: "a" }]);
  assert.deepEqual(JSON.parse(posts()[1].body).map((f) => f.id), ["b", "c"]);
  await posts()[1].answer([{ type: "ack", id: "b" }, { type: "ack", id: "c" }]);
  assert.deepEqual(heard.slice(1).map((f) => f.id), ["a", "b", "c"]);
  assert.equal(posts()[0].path, "/widget/frames");
  assert.equal(posts()[0].headers.Authorization, "Bearer t0ken");
});

test("many frames go out in parts", async () => {
  await welcomed();
  for (let n = 0; n < 40; n++) send({ type: "typing", n });
  for (let n = 0; n < 4; n++) await posts()[n].answer([]);
  assert.deepEqual(posts().map((p) => JSON.parse(p.body).length), [1, 16, 16, 7]);
  assert.deepEqual(posts().flatMap((p) => JSON.parse(p.body).map((f) => f.n)), [...Array(40).keys()]);
});

test("the page of the hello is sent as a frame", async () => {
  await open({ ...HELLO, page: { url: "https://www.acme.example/" } });
  await polls()[0].answer([welcome()]);
  assert.deepEqual(JSON.parse(posts()[0].body), [{ type: "page", url: "https://www.acme.example/" }]);
});

test("a resume is the next poll, at once", async () => {
  await welcomed();
  send({ type: "resume", conversation: OTHER, after: 0 });
  await settle();
  assert.equal(polls()[1].aborted, true);
  assert.deepEqual(polls()[2].query, { conversation: OTHER, after: "0", wait: "25" });
  assert.deepEqual([closed, posts()], [[], []]);
});

test("a refusal ends it as it would end a socket, after its frames were heard", async () => {
  for (const [status, code] of [[401, 4401], [403, 4403], [429, 4429], [503, 1006], [404, 1006]]) {
    requests = [];
    heard = [];
    closed = [];
    await welcomed();
    await polls()[1].answer([{ type: "error", code: "some" }], status);
    assert.deepEqual([types(), closed], [["welcome", "error"], [code]]);
    assert.equal(requests.length, 2);
  }
});

test("a request that fails ends it, and the other request with it", async () => {
  await welcomed();
  send({ type: "message.send", id: "a" });
  posts()[0].fail();
  await settle();
  assert.deepEqual(closed, [1006]);
  assert.equal(polls()[1].aborted, true);
});

test("a request without an answer is given up", async () => {
  await welcomed();
  tick(39_999);
  assert.deepEqual(closed, []);
  tick(1);
  await settle();
  assert.deepEqual(closed, [1006]);
});

test("an answer that is no list of frames ends it", async () => {
  await welcomed();
  await polls()[1].answer({ page: "of a proxy" });
  assert.deepEqual(closed, [1006]);
});

test("closed means closed", async () => {
  await welcomed();
  socket.close();
  await settle();
  await polls()[1].answer([welcome(), event(5)]);
  send({ type: "message.send", id: "a" });
  assert.deepEqual([types(), closed, requests.length], [["welcome"], [], 2]);
});
