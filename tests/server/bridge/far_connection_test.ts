import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import type { Carrier } from "../../../server/_bridge/carrier.ts";
import { FarConnection } from "../../../server/_bridge/far_connection.ts";
import { WINDOW } from "../../../server/_bridge/frames.ts";
import { Random } from "./_random.ts";
import { Stream } from "./_stream.ts";

const ADDRESS = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;

/** A connection whose near side hears nothing. */
function connection(): FarConnection {
  const carrier = { send: () => {}, congested: false } as unknown as Carrier;
  return new FarConnection(carrier, 1, ADDRESS, ADDRESS, false);
}

/** How many bytes JavaScript has, dead ones among them. */
function memory(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

Deno.test("bytes that come one by one, and are not read, take little more memory than they are", async () => {
  const handler = connection();
  const sent = new Stream();
  const before = memory();
  for (let i = 0; i < WINDOW; i++) handler.receive(sent.take(1));
  const kept = memory() - before;
  // As chunks of their own they took more than 200 times as much.
  ok(kept < 20 * WINDOW, `${kept} bytes for ${WINDOW}`);
  const received = new Stream();
  const buffer = new Uint8Array(WINDOW);
  const n = await handler.read(buffer);
  strictEqual(n, WINDOW);
  received.compare(buffer);
  handler.detach();
});

Deno.test("pieces of any size are read as they came, in reads of any size", async () => {
  const random = new Random(7);
  const handler = connection();
  const sent = new Stream();
  const received = new Stream();
  const buffer = new Uint8Array(50_000);
  while (sent.position < 20 * WINDOW) {
    while (sent.position - received.position < WINDOW / 4) {
      handler.receive(
        sent.take(1 + random.below(random.pick([2, 200, 40_000]))),
      );
    }
    for (let reads = random.below(20); reads > 0; reads--) {
      if (received.position === sent.position) break;
      const part = buffer.subarray(
        0,
        1 + random.below(random.pick([9, 50_000])),
      );
      const n = await handler.read(part);
      received.compare(part.subarray(0, n!));
    }
  }
  handler.detach();
});

Deno.test("a read whose memory was transferred fails alone, and the next gets the bytes", async () => {
  const handler = connection();
  const lost = new Uint8Array(8);
  const waiting = handler.read(lost);
  const next = new Uint8Array(2);
  const following = handler.read(next);
  lost.buffer.transfer();
  handler.receive(new Uint8Array([1, 2, 3]));
  await rejects(waiting, /^TypeError: Cannot read: the ArrayBuffer was transf/);
  strictEqual(await following, 2);
  deepStrictEqual([...next], [1, 2]);
  strictEqual(await handler.read(next), 1);
  strictEqual(next[0], 3);
  handler.detach();
});

Deno.test("a write whose memory was transferred while it waited fails alone", async () => {
  const handler = connection();
  const window = new Uint8Array(WINDOW);
  for (let done = 0; done < WINDOW;) {
    done += await handler.write(window.subarray(done));
  }
  const lost = new Uint8Array(8);
  const waiting = handler.write(lost);
  const following = handler.write(new Uint8Array(3));
  lost.buffer.transfer();
  handler.addCredit(100);
  await rejects(waiting, /^TypeError: Cannot write: the ArrayBuffer was tran/);
  strictEqual(await following, 3);
  handler.detach();
});

Deno.test("what is no Uint8Array is neither read into nor written", async () => {
  const handler = connection();
  const values: unknown[] = [
    "text",
    new DataView(new ArrayBuffer(8)),
    undefined,
  ];
  for (const value of values) {
    await rejects(handler.read(value as Uint8Array), TypeError);
    await rejects(handler.write(value as Uint8Array), TypeError);
  }
  handler.detach();
});
