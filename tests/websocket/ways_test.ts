// WebSockets over every server: TCP, TLS, Unix, in threads and in processes, which
// hold no permission.
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { constants, inflateRawSync } from "node:zlib";
import { Attacked, WAYS } from "../http/_targets.ts";
import { Listener, Loop } from "./_way_handlers.ts";
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

const { binary, continuation, ping, pong } = OPCODES;
const pattern = (length: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 9)) & 0xff);
const compressing = { "Sec-WebSocket-Extensions": "permessage-deflate" };

for (const way of WAYS) {
  const launch = () => Attacked.start(way, { base: Loop, fetch: Listener });

  Deno.test(`over ${way}, messages of every kind come back`, async () => {
    await using attacked = await launch();
    const large = pattern(300_000);
    using wire = await Wire.open(attacked.connect(), {
      "Sec-WebSocket-Protocol": "way",
    });
    strictEqual(wire.header("sec-websocket-protocol"), "way");
    await wire.send(join([
      text("hello"),
      frame(binary, large),
      text("frag", { fin: false }),
      frame(ping, "between"),
      frame(continuation, "ments"),
      ...Array(500).fill(text("small")),
      close(1000),
    ]));
    const frames = await wire.rest();
    // It is sent when it can be: a loop may still be at what came before.
    const [answer] = frames.splice(
      frames.findIndex((shown) => shown.startsWith("pong")),
      1,
    );
    strictEqual(answer, echoed(pong, "between"));
    deepStrictEqual(frames, [
      echoed(OPCODES.text, "hello"),
      echoed(binary, large),
      echoed(OPCODES.text, "fragments"),
      ...Array(500).fill(echoed(OPCODES.text, "small")),
      "close 1000",
    ]);
    deepStrictEqual(attacked.served.errors, []);
  });

  Deno.test(`over ${way}, messages are compressed, and breaches and failures end one client alone`, async () => {
    await using attacked = await launch();
    using other = await Wire.open(attacked.connect());
    using wire = await Wire.open(attacked.connect(), compressing);
    strictEqual(
      wire.header("sec-websocket-extensions"),
      "permessage-deflate",
    );
    await wire.send(text("a".repeat(10_000)));
    const { rsv, payload } = await wire.receive();
    strictEqual(rsv, 4);
    ok(payload.length < 100, `${payload.length} bytes`);
    const tail = Uint8Array.of(0, 0, 0xff, 0xff);
    strictEqual(
      inflateRawSync(join([payload, tail]), {
        finishFlush: constants.Z_SYNC_FLUSH,
      }).toString(),
      "a".repeat(10_000),
    );
    await wire.send(text("no mask", { key: null }));
    deepStrictEqual(await wire.rest(), ["close 1002"]);
    deepStrictEqual(attacked.served.errors, []);
    using failing = await Wire.open(attacked.connect());
    await failing.send(join([text("fail"), close(1011)]));
    deepStrictEqual(await failing.rest(), ["close 1011"]);
    match(String(await attacked.served.untilErrors()), /as it was told/);
    await other.send(text("still there"));
    strictEqual(
      shown(await other.receive()),
      echoed(OPCODES.text, "still there"),
    );
  });

  Deno.test(`over ${way}, clients that are silent, or do not answer a close, are closed`, async () => {
    await using attacked = await launch();
    const open = (path: string) =>
      Wire.open(attacked.connect(), {}, `GET ${path} HTTP/1.1`);
    using silent = await open("/silent");
    deepStrictEqual(await silent.rest(), [echoed(ping, "")]);
    using deaf = await open("/deaf");
    await deaf.send(text("close"));
    deepStrictEqual(await deaf.rest(), ["close 4000"]);
    deepStrictEqual(attacked.served.errors, []);
  });

  Deno.test(`over ${way}, a shutdown closes sockets with 1001`, async () => {
    const attacked = await launch();
    using wire = await Wire.open(attacked.connect());
    await wire.send(text("x"));
    await wire.receive();
    const ended = attacked[Symbol.asyncDispose]();
    strictEqual(shown(await wire.receive()), "close 1001");
    await wire.send(close(1001));
    deepStrictEqual(await wire.rest(), []);
    wire[Symbol.dispose]();
    await ended;
    deepStrictEqual(attacked.served.errors, []);
  });
}
