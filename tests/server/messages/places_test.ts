import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import { ThreadingTCPServer } from "../../../mod.ts";
import { MessageHub } from "../../../server/_messages/message_hub.ts";
import {
  BROADCAST_WINDOW,
  costOf,
  POST_WINDOW,
} from "../../../server/_messages/message_window.ts";
import {
  messagePacking,
  packValue,
} from "../../../server/_messages/pack_value.ts";
import { LONGEST_MESSAGE } from "../../../server/_messages/value_format.ts";
import { unpackMessage } from "../../../server/_messages/unpack_value.ts";
import { patiently } from "../../_patience.ts";
import { LOOPBACK } from "../../_loopback.ts";
import { Client } from "../numbers/_ways.ts";
import { Messenger } from "./_messaging_handlers.ts";
import { NAMES, start } from "./_ways.ts";

const pack = (value: unknown) => packValue(value, messagePacking("test"));
const turn = () => new Promise<void>((done) => setTimeout(done));

/** A server's messages, and a place whose far side is the test. */
function place(config?: unknown) {
  const told: string[] = [];
  const handled: unknown[] = [];
  let going = Promise.resolve();
  let congestion: Promise<void> | undefined;
  const hub = new MessageHub({
    handleMessage: (message) => {
      handled.push(message);
      return going;
    },
    report: (error) => {
      told.push((error as Error).message);
      return Promise.resolve();
    },
  }, config);
  const sent: unknown[] = [];
  const remote = hub.join({
    message: (packed) => sent.push(unpackMessage(packed, false)),
    config: () => sent.push("config"),
    handled: (cost) => sent.push({ cost }),
    congestion: () => congestion,
  });
  return {
    ...{ hub, remote, sent, told, handled },
    hold: (until: Promise<void>) => going = until,
    congest: (until: Promise<void> | undefined) => congestion = until,
  };
}

Deno.test("what is sent to a place that starts is kept for it, in order", () => {
  const { hub, remote, sent } = place();
  strictEqual(hub.broadcast(1), 1);
  hub.config = { a: 1 };
  hub.broadcast(2);
  deepStrictEqual(sent, []);
  remote.opened();
  deepStrictEqual(sent, [1, "config", 2]);
  hub.broadcast(3);
  deepStrictEqual(sent.slice(3), [3]);
});

Deno.test("a place that takes nothing is sent no more than it may have, and that is told with a count", () => {
  const { hub, remote, sent, told } = place();
  remote.opened();
  const message = "x".repeat(100_000);
  const most = Math.floor(BROADCAST_WINDOW / costOf(pack(message)));
  for (let count = 0; count < most; count++) {
    strictEqual(hub.broadcast(message), 1);
  }
  deepStrictEqual(told, []);
  for (let count = 0; count < 5; count++) {
    strictEqual(hub.broadcast(message), 0);
  }
  strictEqual(sent.length, most);
  strictEqual(told.length, 1);
  match(
    told[0]!,
    /^Cannot send a message to thread or process 1 .* 16777216 bytes/,
  );
  // It has to catch up first.
  remote.taken(costOf(pack(message)));
  strictEqual(remote.post(message), false);
  strictEqual(told.length, 1);
  remote.taken(BROADCAST_WINDOW / 2);
  strictEqual(remote.post(message), true);
  strictEqual(told.length, 2);
  match(told[1]!, /takes messages again: 6 were not sent to it/);
});

Deno.test("a place says only of messages that were sent that it took them, or failed with them", () => {
  const { hub, remote, told } = place();
  remote.opened();
  throws(() => remote.taken(1), { name: "ProtocolError" });
  throws(() => remote.failed(new Error("forged")), { name: "ProtocolError" });
  hub.broadcast("m");
  throws(() => remote.taken(0), { name: "ProtocolError" });
  throws(() => remote.taken(costOf(pack("m")) + 1), { name: "ProtocolError" });
  remote.failed(new Error("of a handler"));
  deepStrictEqual(told, ["of a handler"]);
  throws(() => remote.failed(new Error("again")), { name: "ProtocolError" });
  remote.taken(costOf(pack("m")));
});

Deno.test("a place that posts more than is handled is refused", () => {
  const { remote, handled, hold } = place();
  remote.opened();
  hold(new Promise(() => {}));
  const packed = pack("m");
  const most = Math.floor(POST_WINDOW / costOf(packed));
  for (let count = 0; count < most; count++) remote.take(packed);
  throws(() => remote.take(packed), { name: "ProtocolError" });
  strictEqual(handled.length, most);
});

Deno.test("a place that posts too long a message is refused before it is looked at", () => {
  const { remote, handled } = place();
  throws(() => remote.take(new Uint8Array(LONGEST_MESSAGE + 1)), {
    name: "ProtocolError",
    message: /too long/,
  });
  deepStrictEqual(handled, []);
});

Deno.test("a place that takes no answers has not had its messages handled", async () => {
  const { remote, sent, congest } = place();
  remote.opened();
  const { promise, resolve } = Promise.withResolvers<void>();
  congest(promise);
  remote.take(pack("m"));
  await turn();
  deepStrictEqual(sent, []);
  const packed = pack("m");
  throws(() => {
    for (let count = 0; count < 10_000; count++) remote.take(packed);
  }, { name: "ProtocolError" });
  congest(undefined);
  resolve();
  await turn();
  ok(sent.length > 1_000);
  deepStrictEqual(sent[0], { cost: costOf(packed) });
});

Deno.test("a place has taken nothing that still waits here, as it takes nothing else", async () => {
  const { hub, remote, sent, congest } = place();
  remote.opened();
  const { promise, resolve } = Promise.withResolvers<void>();
  hub.broadcast(1);
  congest(promise);
  hub.broadcast(2);
  hub.config = { a: 1 };
  hub.broadcast(3);
  deepStrictEqual(sent, [1]);
  remote.taken(costOf(pack(1)));
  throws(() => remote.taken(costOf(pack(2))), { name: "ProtocolError" });
  congest(undefined);
  resolve();
  await turn();
  deepStrictEqual(sent, [1, 2, "config", 3]);
  remote.taken(costOf(pack(2)) + costOf(pack(3)));
});

Deno.test("a place is gone when all that it has posted is handled", async () => {
  const { hub, remote, hold, sent } = place();
  remote.opened();
  const { promise, resolve } = Promise.withResolvers<void>();
  hold(promise);
  remote.take(pack("last"));
  let gone = false;
  void remote.gone.then(() => gone = true);
  remote.lost();
  strictEqual(hub.broadcast("m"), 0);
  strictEqual(remote.post("m"), false);
  await turn();
  strictEqual(gone, false);
  resolve();
  await turn();
  strictEqual(gone, true);
  // It is answered no more.
  deepStrictEqual(sent, []);
});

Deno.test("a place that never started is gone, too", async () => {
  const { hub, remote, sent } = place();
  hub.broadcast("m");
  remote.lost();
  remote.opened();
  deepStrictEqual(sent, []);
  await remote.gone;
});

for (const way of NAMES.slice(1)) {
  Deno.test(`${way}, the server hears when a place is gone, and goes on with another`, async () => {
    await using served = await start(way);
    const { server } = served;
    using client = await Client.connect(server);
    await client.send("hello one");
    await client.send("count 10");
    await patiently(server.until(11), () => "11 messages");
    const [, place] = server.received[0]!;
    await client.send("end");
    await patiently(place.gone, () => "its end");
    strictEqual(place.post("nobody"), false);
    using next = await Client.connect(server);
    await next.send("hello two");
    await patiently(server.until(12), () => "another message");
    const [, other] = server.received[11]!;
    ok(other.id > place.id);
    ok(other.post("somebody"));
    strictEqual(await next.read(), '> "somebody"\n');
    match(String(await served.untilErrors()), /^HandlerLostError: /);
  });
}

Deno.test("a process that is starting is sent what is broadcast meanwhile", async () => {
  await using served = await start("in processes");
  const { server } = served;
  using client = await Client.connect(server);
  // It takes longer than this to start.
  while (server.broadcast("early") === 0) await turn();
  strictEqual((await client.ask("heard")).slice(0, 9), '[ "early"');
});

Deno.test("a server that does not serve yet can broadcast to its first thread", async () => {
  const server = new ThreadingTCPServer(LOOPBACK, Messenger, { workers: 1 });
  strictEqual(server.broadcast("m"), 1);
  await server.shutdown();
  strictEqual(server.broadcast("m"), 0);
});
