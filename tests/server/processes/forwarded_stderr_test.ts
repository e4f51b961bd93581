import { strictEqual } from "node:assert";
import { ForwardedStderr } from "../../../server/_processes/forwarded_stderr.ts";
import { patiently } from "../../_patience.ts";

const encoder = new TextEncoder();
const turn = () => new Promise<void>((done) => setTimeout(done));

/** What a process writes, and what is printed of it. */
function stderr(take: (bytes: Uint8Array) => number = ({ length }) => length) {
  let controller!: ReadableByteStreamController;
  const printed: number[] = [];
  const forwarded = new ForwardedStderr(
    new ReadableStream({
      type: "bytes",
      start: (given) => void (controller = given),
    }),
    (bytes) => {
      const n = take(bytes);
      printed.push(...bytes.subarray(0, n));
      return Promise.resolve(n);
    },
  );
  return {
    forwarded,
    write: async (text: string | Uint8Array<ArrayBuffer>) => {
      controller.enqueue(
        typeof text === "string" ? encoder.encode(text) : text.slice(),
      );
      await turn();
    },
    end: async () => {
      controller.close();
      // A reader that brings its own buffer is answered only by this.
      controller.byobRequest?.respond(0);
      await patiently(forwarded.ended, () => "the end");
    },
    printed: () => new TextDecoder().decode(Uint8Array.from(printed)),
  };
}

Deno.test("control characters of a process are escaped, however they are cut", async () => {
  const { forwarded, write, end, printed } = stderr(() => 1);
  forwarded.release();
  for (const byte of encoder.encode("a\x1b[1m\u009b\u0007€\t\n")) {
    await write(Uint8Array.of(byte));
  }
  await write(Uint8Array.of(0x9b, 0xe2));
  await end();
  strictEqual(printed(), "a\\x1b[1m\\x9b\\x07€\t\n\ufffd\ufffd");
});

Deno.test("what a process writes while it starts waits until it has started", async () => {
  const { forwarded, write, end, printed } = stderr();
  await write("starting\n");
  strictEqual(printed(), "");
  strictEqual(forwarded.tail, "starting\n");
  forwarded.release();
  await write("started\n");
  await end();
  strictEqual(printed(), "starting\nstarted\n");
});

Deno.test("what a process that does not start wrote is left to the error that says so", async () => {
  const { forwarded, write, end, printed } = stderr();
  await write("does not start");
  await end();
  strictEqual(printed(), "");
  strictEqual(forwarded.tail, "does not start");
});

Deno.test("no more is held back than a little", async () => {
  const { write, end, printed } = stderr();
  for (let i = 0; i < 5; i++) await write("x".repeat(1024));
  strictEqual(printed(), "x".repeat(5 * 1024));
  await write("y");
  await end();
  strictEqual(printed().at(-1), "y");
});

Deno.test("a process is read no faster than what it writes is printed, and its end waits not for that", async () => {
  let pulled = 0;
  const forwarded = new ForwardedStderr(
    new ReadableStream({
      type: "bytes",
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(1024).fill(0x1b));
      },
    }, { highWaterMark: 0 }),
    () => new Promise<never>(() => {}),
  );
  forwarded.release();
  for (let i = 0; i < 20; i++) await turn();
  strictEqual(pulled, 1);
  forwarded.cancel();
  await patiently(forwarded.ended, () => "the end");
});
