import { ok, strictEqual } from "node:assert";
import type { Carrier } from "../../../server/_remote/carrier.ts";
import { FarConnection } from "../../../server/_remote/far_connection.ts";
import { WINDOW } from "../../../server/_remote/frames.ts";
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
