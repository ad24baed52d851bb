import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Connection, Refused, backoff } from "../../../chat/static/live/connection.js";

let sockets, frames, states;

class FakeSocket {
  sent = [];
  closed = false;
  constructor(url) {
    this.url = url;
    sockets.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
  /* What the network does. */
  say(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  async welcome() {
    await this.onopen();
    this.say({ type: "welcome" });
  }
  end(code = 1006) {
    this.onclose?.({ code });
  }
}

const latest = () => sockets.at(-1);

function connection(options = {}) {
  return new Connection({
    url: "ws://test/",
    hello: async ({ renew }) => ({ type: "hello", token: renew ? "new" : "old" }),
    onFrame: (frame) => frames.push(frame),
    onState: (state) => states.push(state),
    Socket: FakeSocket,
    random: () => 0.5,
    ...options,
  });
}

async function online(options) {
  const made = connection(options);
  made.open();
  await latest().welcome();
  return made;
}

const tick = (ms) => mock.timers.tick(ms);
const settle = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  sockets = [];
  frames = [];
  states = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

test("it says hello first and is online when welcomed", async () => {
  await online();
  assert.deepEqual(latest().sent, [{ type: "hello", token: "old" }]);
  assert.deepEqual(states, ["connecting", "online"]);
  assert.equal(frames[0].type, "welcome");
});

test("a frame resolves with its ack and is not sent again", async () => {
  const live = await online();
  const answer = live.send({ type: "message.send", id: "a", text: "Hello" });
  latest().say({ type: "ack", id: "a", seq: 7 });
  assert.equal((await answer).seq, 7);
  latest().end();
  tick(30_000);
  await latest().welcome();
  assert.deepEqual(latest().sent.map((f) => f.type), ["hello"]);
});

test("unanswered frames are sent again in order with the same ids, once per connection", async () => {
  const live = await online();
  live.send({ type: "message.send", id: "a" });
  live.send({ type: "message.send", id: "b" });
  latest().end();
  live.send({ type: "message.send", id: "c" });
  tick(30_000);
  await latest().welcome();
  assert.deepEqual(latest().sent.map((f) => f.id), [undefined, "a", "b", "c"]);
});

test("a refused frame rejects with the code and leaves the outbox", async () => {
  const live = await online();
  const answer = live.send({ type: "message.send", id: "a" });
  latest().say({ type: "error", id: "a", code: "too_long", message: "Too long." });
  await assert.rejects(answer, (error) => error instanceof Refused && error.code === "too_long");
});

test("a frame that came too fast is sent again after the pause the server asked for", async () => {
  const live = await online();
  const answer = live.send({ type: "message.send", id: "a" });
  latest().say({ type: "error", id: "a", code: "too_fast", message: "", retry_after: 2 });
  tick(1_999);
  assert.equal(latest().sent.filter((f) => f.id === "a").length, 1);
  tick(500);
  assert.equal(latest().sent.filter((f) => f.id === "a").length, 2);
  latest().say({ type: "ack", id: "a", seq: 1 });
  await answer;
});

test("what may be lost is dropped while there is no connection", async () => {
  const live = await online();
  latest().end();
  live.tell({ type: "typing" });
  tick(30_000);
  await latest().welcome();
  assert.deepEqual(latest().sent.map((f) => f.type), ["hello"]);
});

test("the person is told of a lost connection after three seconds, not before", async () => {
  await online({ random: () => 0.9999 });
  latest().end();
  tick(500);
  latest().end();
  tick(1_000);
  latest().end();
  tick(1_400);
  assert.deepEqual(states, ["connecting", "online", "connecting"]);
  tick(200);
  assert.deepEqual(states, ["connecting", "online", "connecting", "reconnecting"]);
});

test("waits grow from half a second to thirty under full jitter", () => {
  assert.equal(backoff(0, () => 1), 500);
  assert.equal(backoff(3, () => 1), 4_000);
  assert.equal(backoff(50, () => 1), 30_000);
  assert.equal(backoff(5, () => 0), 0);
});

test("a socket that does not answer a ping is replaced", async () => {
  await online();
  tick(25_000);
  assert.equal(latest().sent.at(-1).type, "ping");
  tick(9_999);
  assert.equal(sockets[0].closed, false);
  tick(1);
  assert.equal(sockets[0].closed, true);
  tick(500);
  assert.equal(sockets.length, 2);
});

test("a pong keeps the socket", async () => {
  await online();
  tick(25_000);
  latest().say({ type: "pong" });
  tick(10_000);
  assert.equal(sockets.length, 1);
});

test("a socket that never welcomes is replaced", async () => {
  connection().open();
  tick(10_000);
  tick(500);
  assert.equal(sockets.length, 2);
});

test("an old token is renewed once; a fresh one refused ends it", async () => {
  await online();
  latest().end(4401);
  tick(30_000);
  await latest().onopen();
  assert.equal(latest().sent[0].token, "new");
  latest().end(4401);
  assert.equal(states.at(-1), "refused");
  tick(60_000);
  assert.equal(sockets.length, 2);
});

test("a forbidden socket is not tried again", async () => {
  await online();
  latest().end(4403);
  tick(60_000);
  assert.equal(sockets.length, 1);
  assert.equal(states.at(-1), "refused");
});

test("a server about to restart is left and found again after the pause it names", async () => {
  await online();
  latest().say({ type: "reconnect", after: 2 });
  assert.equal(sockets[0].closed, true);
  tick(1_999);
  assert.equal(sockets.length, 1);
  tick(600);
  assert.equal(sockets.length, 2);
});

test("words of a socket that was replaced are not heard", async () => {
  const live = await online();
  const old = latest();
  live.resync();
  old.say({ type: "message", seq: 1 });
  old.end();
  assert.equal(frames.length, 1);
  assert.equal(sockets.length, 2);
});

test("a hello that cannot be made is tried again later", async () => {
  let failures = 1;
  const hello = async () => {
    if (failures-- > 0) throw new TypeError("no network");
    return { type: "hello" };
  };
  connection({ hello }).open();
  await latest().onopen();
  tick(500);
  await latest().welcome();
  assert.equal(states.at(-1), "online");
});

test("closed means closed", async () => {
  const live = await online();
  live.close();
  await settle();
  tick(120_000);
  assert.equal(sockets.length, 1);
  assert.equal(states.at(-1), "closed");
});

function withFallback(made = []) {
  const fallback = () => {
    made.push(new FakeSocket("by HTTP"));
    return made.at(-1);
  };
  return { fallback, made };
}

async function blocked(options) {
  const { fallback, made } = withFallback();
  const live = connection({ fallback, ...options });
  live.open();
  for (let socket = 0; socket < 2; socket++) {
    latest().end();
    tick(1_000);
  }
  return { live, made };
}

test("two sockets that never speak are followed by the fallback", async () => {
  const { live, made } = await blocked();
  assert.deepEqual(sockets.map((s) => s.url), ["ws://test/", "ws://test/", "by HTTP"]);
  const answer = live.send({ type: "message.send", id: "a" });
  await made[0].welcome();
  assert.deepEqual(made[0].sent.map((f) => f.type), ["hello", "message.send"]);
  made[0].say({ type: "ack", id: "a", seq: 3 });
  assert.equal((await answer).seq, 3);
  assert.deepEqual(states, ["connecting", "online"]);
});

test("a socket that hangs is followed by the fallback at once", async () => {
  connection(withFallback()).open();
  tick(10_000);
  tick(500);
  assert.deepEqual(sockets.map((s) => s.url), ["ws://test/", "by HTTP"]);
});

test("a socket that spoke is no reason for the fallback, however often it falls", async () => {
  await online(withFallback());
  for (let fall = 0; fall < 4; fall++) {
    latest().end();
    tick(30_000);
    latest().say({ type: "error", code: "unavailable", message: "" });
    latest().end(4013);
    tick(30_000);
    await latest().welcome();
  }
  assert.ok(sockets.every((s) => s.url === "ws://test/"));
});

test("without an answer both ways are tried in turn", async () => {
  const { made } = await blocked();
  for (let attempt = 0; attempt < 3; attempt++) {
    latest().end();
    tick(30_000);
  }
  assert.deepEqual(sockets.slice(2).map((s) => s.url), ["by HTTP", "ws://test/", "by HTTP", "ws://test/"]);
  assert.equal(made.length, 2);
});

test("a fallback that fell is taken up again, and what was not answered is sent again", async () => {
  const { live, made } = await blocked();
  await made[0].welcome();
  live.send({ type: "message.send", id: "a" });
  made[0].end();
  tick(1_000);
  await made[1].welcome();
  assert.deepEqual(made[1].sent.map((f) => f.id), [undefined, "a"]);
});

test("later welcomes of a fallback are told, and send nothing again", async () => {
  const { live, made } = await blocked();
  await made[0].welcome();
  live.send({ type: "message.send", id: "a" });
  made[0].say({ type: "welcome", conversations: [] });
  assert.equal(made[0].sent.filter((f) => f.id === "a").length, 1);
  assert.deepEqual(frames.map((f) => f.type), ["welcome", "welcome"]);
});

test("sockets are tried again beside the fallback, and taken when one opens", async () => {
  const { live, made } = await blocked();
  await made[0].welcome();
  tick(120_000);
  assert.equal(latest().url, "ws://test/");
  assert.equal(made[0].closed, false);
  latest().end();
  made[0].say({ type: "pong" });
  tick(120_000);
  const probe = latest();
  live.send({ type: "message.send", id: "a" });
  probe.onopen();
  assert.equal(probe.closed, true);
  assert.equal(made[0].closed, true);
  await latest().welcome();
  assert.deepEqual(latest().sent.map((f) => f.type), ["hello", "message.send"]);
  const before = sockets.length;
  latest().say({ type: "pong" });
  tick(20_000);
  assert.equal(sockets.length, before);
});

test("a socket that opens and carries nothing leads back to the fallback", async () => {
  const { made } = await blocked();
  await made[0].welcome();
  tick(120_000);
  latest().onopen();
  tick(10_000);
  tick(500);
  assert.equal(made.length, 2);
  assert.equal(latest(), made[1]);
});
