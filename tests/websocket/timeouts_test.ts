import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { HTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { upgradeWebSocket } from "../../handlers/websocket/mod.ts";
import { patiently } from "../_patience.ts";
import { echo, Scene, serveOne } from "./_serving.ts";
import {
  close,
  echoed,
  frame,
  join,
  OPCODES,
  shown,
  text,
  Wire,
} from "./_wire.ts";

const { ping, pong } = OPCODES;
const PING = echoed(ping, "");

Deno.test("a silent client is pinged, and given up where it does not answer", async () => {
  const { scene, socket } = await serveOne({ idleTimeout: 100 });
  await using _ = scene;
  using wire = await scene.open();
  deepStrictEqual(await wire.rest(), [PING]);
  const { code, wasClean, error } = await (await socket).closed;
  deepStrictEqual([code, wasClean], [1006, false]);
  match(
    String(error),
    /TimeoutError: The client was silent for longer than idleTimeout, 100 ms/,
  );
  deepStrictEqual(scene.served.errors, []);
});

Deno.test("a client that answers pings stays, and so does one that says anything", async () => {
  const { scene, socket } = await serveOne({ idleTimeout: 400 }, echo);
  await using _ = scene;
  using wire = await scene.open();
  for (const answer of [frame(pong), frame(pong, "other"), frame(ping)]) {
    strictEqual(shown(await wire.receive()), PING);
    await wire.send(answer);
  }
  strictEqual(shown(await wire.receive()), echoed(pong, ""));
  strictEqual(shown(await wire.receive()), PING);
  await wire.send(text("still there"));
  strictEqual(shown(await wire.receive()), echoed(OPCODES.text, "still there"));
  strictEqual((await socket).readyState, 1);
  await wire.send(close());
  deepStrictEqual(await wire.rest(), ["close"]);
});

Deno.test("a client is not blamed for the silence of a loop that takes nothing", async () => {
  const { scene, socket } = await serveOne({ idleTimeout: 50 });
  await using _ = scene;
  using wire = await scene.open();
  // One waits, and the pongs behind it are not read.
  await wire.send(join([text("one"), text("two")]));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const seen: unknown[] = [];
  for await (const message of await socket) {
    if (seen.push(message) === 2) break;
  }
  deepStrictEqual(seen, ["one", "two"]);
});

Deno.test("a client that takes what is sent is not silent, however slowly", async () => {
  const { scene, socket } = await serveOne({ idleTimeout: 600 });
  await using _ = scene;
  using wire = await scene.open();
  const server = await socket;
  // More than is taken here, and by the kernel.
  for (let i = 0; i < 120; i++) server.send("x".repeat(128 * 1024));
  for (const began = performance.now(); performance.now() - began < 900;) {
    for (let i = 0; i < 4; i++) ok((await wire.receive()).payload.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  ok(server.bufferedAmount > 0);
  strictEqual(server.readyState, 1);
});

Deno.test("a client that does not answer a close is closed after closeTimeout", async () => {
  const { scene, socket } = await serveOne({ closeTimeout: 100 });
  await using _ = scene;
  using wire = await scene.open();
  (await socket).close(1000);
  deepStrictEqual(await wire.rest(), ["close 1000"]);
  const { code, error } = await (await socket).closed;
  strictEqual(code, 1006);
  match(
    String(error),
    /TimeoutError: The client took longer to close than closeTimeout, 100 ms/,
  );
});

Deno.test("a client that takes nothing of what waits, nor of the close, is closed all the same", async () => {
  for (const says of [false, true]) {
    const { scene, socket } = await serveOne({ closeTimeout: 100 });
    await using _ = scene;
    using wire = await scene.open();
    const server = await socket;
    for (let i = 0; i < 128; i++) server.send("x".repeat(128 * 1024));
    ok(server.bufferedAmount > 0);
    if (says) await wire.send(close(1000));
    else server.close();
    const { wasClean } = await patiently(server.closed, () => "the end");
    strictEqual(wasClean, says);
    strictEqual(server.bufferedAmount, 0);
  }
});

Deno.test("at a shutdown sockets are closed with 1001", async () => {
  await using scene = await Scene.serve((socket, request) => {
    if (request.headers.has("x-loop")) echo(socket);
  });
  using listening = await scene.open();
  using looping = await scene.open({ "X-Loop": "1" });
  const ended = scene.server.shutdown();
  for (const wire of [listening, looping]) {
    strictEqual(shown(await wire.receive()), "close 1001");
    await wire.send(close(1001));
    deepStrictEqual(await wire.rest(), []);
    wire[Symbol.dispose]();
  }
  await ended;
  deepStrictEqual(scene.served.errors, []);
});

Deno.test("at a shutdown a loop answers the message that it is working at", async () => {
  const asked = Promise.withResolvers<void>();
  const may = Promise.withResolvers<void>();
  await using scene = await Scene.serve(async (socket) => {
    for await (const message of socket) {
      asked.resolve();
      await may.promise;
      await socket.send(message);
    }
  });
  using wire = await scene.open();
  await wire.send(text("last"));
  await asked.promise;
  const ended = scene.server.shutdown();
  may.resolve();
  strictEqual(shown(await wire.receive()), echoed(OPCODES.text, "last"));
  await wire.send(close(1001));
  deepStrictEqual(await wire.rest(), ["close 1001"]);
  wire[Symbol.dispose]();
  await ended;
});

Deno.test("after the grace period of a shutdown sockets are closed without an answer", async () => {
  const { scene, socket } = await serveOne({});
  await using _ = scene;
  using wire = await scene.open();
  const loop = (await socket)[Symbol.asyncIterator]().next();
  const ended = scene.server.shutdown({ gracePeriod: 100 });
  deepStrictEqual(await wire.rest(), ["close 1001"]);
  deepStrictEqual(await loop, { done: true, value: undefined });
  strictEqual((await (await socket).closed).code, 1006);
  await ended;
  match(
    String(await scene.served.untilErrors()),
    /did not finish within 100 ms/,
  );
});

Deno.test("a shutdown that has begun closes a socket when it opens", async () => {
  const asked = Promise.withResolvers<void>();
  const may = Promise.withResolvers<void>();
  await using served = await serveForTest(
    async (request) => {
      asked.resolve();
      await may.promise;
      const { socket, response } = upgradeWebSocket(request);
      socket.onopen = () => socket.send("open");
      return response;
    },
    { server: HTTPServer },
  );
  const opening = Wire.open(Deno.connect(served.addr));
  await asked.promise;
  const ended = served.server.shutdown();
  may.resolve();
  using wire = await opening;
  await wire.send(close(1001));
  deepStrictEqual(await wire.rest(), ["close 1001"]);
  wire[Symbol.dispose]();
  await ended;
});
