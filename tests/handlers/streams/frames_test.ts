import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import {
  type FrameOptions,
  IncompleteReadError,
  LimitOverrunError,
  StreamReader,
  StreamWriter,
} from "../../../mod.ts";
import { Arriving } from "./_arriving.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | null) =>
  bytes === null ? null : new TextDecoder().decode(bytes);

/** A source that gives so many bytes for each read. */
function inPieces(bytes: readonly number[], size: number): StreamReader {
  let done = 0;
  return new StreamReader({
    read(buffer) {
      if (done === bytes.length) return Promise.resolve(null);
      const piece = bytes.slice(done, done + Math.min(size, buffer.length));
      buffer.set(piece);
      done += piece.length;
      return Promise.resolve(piece.length);
    },
  });
}

/** What is written to it. */
function collecting() {
  const calls: number[][] = [];
  const wfile = new StreamWriter({
    write(data) {
      calls.push([...data]);
      return Promise.resolve(data.length);
    },
  });
  return { calls, wfile };
}

const LAYOUTS: readonly (readonly [FrameOptions | undefined, number[]])[] = [
  [undefined, [0, 0, 0, 2]],
  [{}, [0, 0, 0, 2]],
  [{ lengthBytes: 1 }, [2]],
  [{ lengthBytes: 2 }, [0, 2]],
  [{ lengthBytes: 2, littleEndian: true }, [2, 0]],
  [{ littleEndian: true }, [2, 0, 0, 0]],
  [{ lengthBytes: 8 }, [0, 0, 0, 0, 0, 0, 0, 2]],
  [{ lengthBytes: 8, littleEndian: true }, [2, 0, 0, 0, 0, 0, 0, 0]],
];

for (const [options, head] of LAYOUTS) {
  const what = Deno.inspect(options);
  Deno.test(`frames are written behind their lengths, in one call (${what})`, async () => {
    const { calls, wfile } = collecting();
    wfile.writeFrame("hi", options);
    wfile.writeFrame(new Uint8Array(0), options);
    await wfile.writeFrame(new Uint8Array([7, 8]), options);
    const empty = head.map(() => 0);
    deepStrictEqual(calls, [[...head, 104, 105, ...empty, ...head, 7, 8]]);
  });

  Deno.test(`frames are read however they are cut (${what})`, async () => {
    const empty = head.map(() => 0);
    const bytes = [...head, 104, 105, ...empty, ...head, 7, 8];
    for (const size of [1, 2, 3, 7, 100]) {
      const rfile = inPieces(bytes, size);
      strictEqual(decode(await rfile.readFrame(options)), "hi");
      deepStrictEqual(await rfile.readFrame(options), new Uint8Array(0));
      deepStrictEqual(await rfile.readFrame(options), new Uint8Array([7, 8]));
      strictEqual(await rfile.readFrame(options), null);
      strictEqual(await rfile.readFrame(options), null);
    }
  });
}

Deno.test("a frame longer than the limit is refused by its length, and can be allowed", async () => {
  const arriving = new Arriving();
  const rfile = new StreamReader(arriving, { limit: 4 });
  arriving.arrive("\0\0\0\x05");
  await rejects(rfile.readFrame(), {
    name: "LimitOverrunError",
    message:
      "Cannot read a frame of 5 bytes: the reader's limit is 4 bytes; raise the reader's limit to allow it, or take what has come by read()",
  });
  rfile.limit = 5;
  const frame = rfile.readFrame();
  arriving.arrive("12345");
  strictEqual(decode(await frame), "12345");
  const huge = new Arriving();
  huge.arrive("\x7f".repeat(8));
  await rejects(
    new StreamReader(huge).readFrame({ lengthBytes: 8 }),
    LimitOverrunError,
  );
});

Deno.test("a frame whose rest does not come in time is there for the next read", async () => {
  const arriving = new Arriving();
  const rfile = new StreamReader(arriving);
  arriving.arrive("\0\0\0\x02a");
  await rejects(rfile.readFrame({ timeout: 1 }), { name: "TimeoutError" });
  arriving.arrive("b");
  strictEqual(decode(await rfile.readFrame()), "ab");
});

Deno.test("a stream that ends within a frame is an IncompleteReadError", async () => {
  for (
    const [sent, expected] of [["\0\0", undefined], [
      "\0\0\0\x03ab",
      7,
    ]] as const
  ) {
    const arriving = new Arriving();
    arriving.arrive(sent);
    arriving.end();
    await rejects(new StreamReader(arriving).readFrame(), (error) => {
      strictEqual(error instanceof IncompleteReadError, true);
      const { message, partial, expected: asked } =
        error as IncompleteReadError;
      strictEqual(
        message,
        `Cannot read a frame: the stream ended after ${sent.length} bytes`,
      );
      deepStrictEqual([decode(partial), asked], [sent, expected]);
      return true;
    });
  }
});

Deno.test("cancel() ends the wait for a frame", async () => {
  const arriving = new Arriving();
  const rfile = new StreamReader(arriving);
  arriving.arrive("\0\0\0\x01a\0\0\0\x02b");
  strictEqual(decode(await rfile.readFrame()), "a");
  const waiting = rfile.readFrame();
  rfile.cancel();
  strictEqual(await waiting, null);
  arriving.end();
});

Deno.test("a frame that does not fit its length is refused, and nothing of it is sent", async () => {
  const { calls, wfile } = collecting();
  await rejects(wfile.writeFrame(new Uint8Array(256), { lengthBytes: 1 }), {
    name: "RangeError",
    message:
      "Cannot write a frame of 256 bytes: lengthBytes is 1, which says at most 255",
  });
  await rejects(
    wfile.writeFrame(new Uint8Array(65_536), { lengthBytes: 2 }),
    RangeError,
  );
  await rejects(wfile.writeFrame(5 as unknown as string), TypeError);
  await wfile.writeFrame(encode("x"), { lengthBytes: 1 });
  deepStrictEqual(calls, [[1, 120]]);
});

Deno.test("a writer that is full refuses a frame as a whole", async () => {
  const gate = Promise.withResolvers<void>();
  const sent: number[] = [];
  const wfile = new StreamWriter({
    async write(data) {
      await gate.promise;
      sent.push(...data);
      return data.length;
    },
  }, { limit: 5 });
  const first = wfile.writeFrame("a");
  const second = wfile.writeFrame("b");
  await rejects(wfile.writeFrame("c"), LimitOverrunError);
  gate.resolve();
  await Promise.all([first, second]);
  deepStrictEqual(sent, [0, 0, 0, 1, 97, 0, 0, 0, 1, 98]);
});

Deno.test("a sink that takes each write at once gets a frame whole", async () => {
  const calls: string[] = [];
  const wfile = new StreamWriter({
    writeSync: (data) => void calls.push(decode(data)!),
  });
  await wfile.writeFrame("ab", { lengthBytes: 2 });
  deepStrictEqual(calls, ["\0\x02ab"]);
});

const BAD: readonly (readonly [object, string, RegExp])[] = [
  [{ lengthBytes: 3 }, "RangeError", /lengthBytes must be 1, 2, 4 or 8/],
  [{ lengthBytes: "4" }, "RangeError", /received "4"/],
  [{ littleEndian: 1 }, "TypeError", /littleEndian must be true or false/],
  [{ lenghtBytes: 2 }, "TypeError", /did you mean "lengthBytes"/],
];

for (const [options, name, message] of BAD) {
  Deno.test(`frames with ${Deno.inspect(options)} are refused`, async () => {
    const { wfile } = collecting();
    const rfile = new StreamReader(new Arriving());
    await rejects(wfile.writeFrame("a", options), { name, message });
    await rejects(rfile.readFrame(options), { name, message });
  });
}
