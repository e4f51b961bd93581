import { WATCH } from "../../../handlers/streams/_owned.ts";
import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import {
  IncompleteReadError,
  type PieceOptions,
  type ReadOptions,
  StreamReader,
} from "../../../mod.ts";
import { Arriving } from "./_arriving.ts";

const decode = (bytes: Uint8Array | null) =>
  bytes === null ? null : new TextDecoder().decode(bytes);

/** Every way to read, and what it gives where "ab\ncd\n" arrives in the end. */
const READS: readonly (readonly [
  name: string,
  read: (rfile: StreamReader, options?: ReadOptions) => Promise<unknown>,
  result: string,
])[] = [
  ["read", async (r, options) => decode(await r.read(6, options)), "ab\ncd\n"],
  [
    "readAll",
    async (r, options) => decode(await r.readAll(options)),
    "ab\ncd\n",
  ],
  [
    "readExactly",
    async (r, options) => decode(await r.readExactly(6, { ...options })),
    "ab\ncd\n",
  ],
  [
    "readUntil",
    async (r, options) => decode(await r.readUntil("d\n", { ...options })),
    "ab\ncd\n",
  ],
  ["readLine", (r, options) => r.readLine(options), "ab"],
  [
    "lines",
    async (r, options) => (await r.lines(options).next()).value,
    "ab",
  ],
  ["peek", async (r, options) => decode(await r.peek(6, options)), "ab\ncd\n"],
  ["readInto", async (r, options) => {
    const buffer = new Uint8Array(6);
    const n = await r.readInto(buffer, options);
    return n === null ? null : decode(buffer.subarray(0, n));
  }, "ab\ncd\n"],
];

for (const [name, read, result] of READS) {
  Deno.test(`StreamReader.${name} that has waited for its timeout loses nothing`, async () => {
    const source = new Arriving();
    const rfile = new StreamReader(source);
    for (let times = 0; times < 3; times++) {
      await rejects(read(rfile, { timeout: 1 }), {
        name: "TimeoutError",
        message: "The read has waited for its timeout, 1 ms",
      });
    }
    // All of them asked the source once.
    strictEqual(source.reads, 1);
    const next = read(rfile, { timeout: 1e10 });
    source.arrive("ab\ncd\n");
    source.end();
    strictEqual(await next, result);
    strictEqual(source.most, 1);
  });

  Deno.test(`StreamReader.${name} whose signal is aborted loses nothing`, async () => {
    const source = new Arriving();
    const rfile = new StreamReader(source);
    const { signal, ...controller } = abortable();
    const waiting = read(rfile, { signal });
    controller.abort("enough");
    strictEqual(await waiting.catch((reason) => reason), "enough");
    source.arrive("ab\ncd\n");
    source.end();
    strictEqual(await rfile.peek(6).then(decode), "ab\ncd\n");
    // Aborted already: nothing is read, even though it is there.
    strictEqual(
      await read(rfile, { signal }).catch((reason) => reason),
      "enough",
    );
    strictEqual(await read(rfile, { timeout: 0 }), result);
  });

  Deno.test(`StreamReader.${name} leaves neither timer nor listener behind`, async () => {
    const source = new Arriving();
    const rfile = new StreamReader(source);
    const counted = abortable();
    const { signal } = counted;
    // A timer that was left would fail the test.
    const options = { signal, timeout: 100_000 };
    const waiting = read(rfile, options);
    strictEqual(counted.listeners(), 1);
    source.arrive("ab\ncd\n");
    source.end();
    strictEqual(await waiting, result);
    strictEqual(counted.listeners(), 0);
    await rfile.readAll();
    await read(rfile, options).catch(() => {});
    strictEqual(counted.listeners(), 0);
    const failing = new Arriving();
    const failed = read(new StreamReader(failing), options);
    failing.fail(new Deno.errors.ConnectionReset("gone"));
    await rejects(failed, Deno.errors.ConnectionReset);
    strictEqual(counted.listeners(), 0);
  });

  Deno.test(`StreamReader.${name} refuses options that are none`, async () => {
    const rfile = new StreamReader(new Arriving());
    for (const timeout of [-1, NaN, "5" as unknown as number]) {
      await rejects(read(rfile, { timeout }), RangeError);
    }
    const signal = {} as AbortSignal;
    await rejects(read(rfile, { signal }), TypeError);
  });

  Deno.test(`StreamReader.${name} finds the end when reading is cancelled`, async () => {
    const source = new Arriving();
    const rfile = new StreamReader(source);
    const waiting = read(rfile);
    // Part of what it waits for has come, and is of no use.
    if (!["read", "readInto"].includes(name)) source.arrive("a");
    await new Promise((resolve) => setTimeout(resolve));
    rfile.cancel();
    rfile.cancel();
    if (["readAll", "readExactly", "readUntil"].includes(name)) {
      await rejects(waiting, {
        name: "IncompleteReadError",
        message: /: reading was cancelled after 1 bytes$/,
      });
    } else if (name === "peek") strictEqual(await waiting, "a");
    else strictEqual(await waiting ?? null, null);
    // What comes now, nobody reads.
    source.arrive("late\n");
    await new Promise((resolve) => setTimeout(resolve));
    strictEqual(await rfile.readLine(), null);
  });
}

/** A controller that knows how many listen to its signal. */
function abortable() {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: unknown[]) => {
    count++;
    add(...args as Parameters<typeof add>);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    count--;
    remove(...args as Parameters<typeof remove>);
  };
  return {
    signal,
    abort: (reason: unknown) => controller.abort(reason),
    listeners: () => count,
  };
}

Deno.test("StreamReader still gives whole pieces that had come when reading was cancelled", async () => {
  const source = new Arriving();
  const rfile = new StreamReader(source);
  source.arrive("one\ntwo\nthr");
  strictEqual(await rfile.readLine(), "one");
  rfile.cancel();
  strictEqual(rfile.atEof, false);
  const options: PieceOptions = { nullAtEnd: true };
  strictEqual(decode(await rfile.readExactly(2, options)), "tw");
  strictEqual(decode(await rfile.readUntil("\n", options)), "o\n");
  strictEqual(await rfile.readLine(), null);
  strictEqual(await rfile.readExactly(4, options), null);
  strictEqual(await rfile.readUntil("\n", options), null);
  strictEqual(decode(await rfile.read()), "thr");
  strictEqual(await rfile.read(), null);
  strictEqual(rfile.atEof, true);
  deepStrictEqual(await Array.fromAsync(rfile), []);
});

Deno.test("StreamReader cancelled within an iteration ends it, and its readable stream", async () => {
  const source = new Arriving();
  const rfile = new StreamReader(source);
  source.arrive("one\n");
  const lines: string[] = [];
  for await (const line of rfile) {
    lines.push(line);
    queueMicrotask(() => rfile.cancel());
  }
  deepStrictEqual(lines, ["one"]);
  const chunks = rfile.readable.getReader();
  deepStrictEqual(await chunks.read(), { done: true, value: undefined });
});

Deno.test("StreamReader that watches reads on after a timeout, and still tells of a reset", async () => {
  const told: unknown[] = [];
  const source = new Arriving();
  const rfile = new StreamReader(source, { onError: (e) => told.push(e) });
  rfile[WATCH]();
  await rejects(rfile.readLine({ timeout: 1 }), { name: "TimeoutError" });
  source.arrive("line\n");
  strictEqual(await rfile.readLine(), "line");
  const gone = new Deno.errors.ConnectionReset("gone");
  source.fail(gone);
  await rejects(rfile.readLine(), gone);
  deepStrictEqual(told, [gone]);
});

for (
  const [name, read] of Object.entries<
    (rfile: StreamReader, options: PieceOptions) => Promise<Uint8Array | null>
  >({
    readExactly: (rfile, options) => rfile.readExactly(2, options),
    readUntil: (rfile, options) => rfile.readUntil("\n", options),
  })
) {
  Deno.test(`StreamReader.${name} gives null between two pieces where it is asked to`, async () => {
    const source = new Arriving();
    const rfile = new StreamReader(source);
    source.arrive("a\n");
    source.end();
    strictEqual(decode(await read(rfile, { nullAtEnd: true })), "a\n");
    strictEqual(await read(rfile, { nullAtEnd: true }), null);
    await rejects(read(rfile, {}), IncompleteReadError);
    await rejects(read(rfile, { nullAtEnd: false }), IncompleteReadError);
  });

  Deno.test(`StreamReader.${name} fails within a piece all the same`, async () => {
    const source = new Arriving();
    const rfile = new StreamReader(source);
    source.arrive("a");
    source.end();
    const error = await read(rfile, { nullAtEnd: true }).catch((e) => e);
    strictEqual(error instanceof IncompleteReadError, true);
    strictEqual(decode(error.partial), "a");
  });
}
