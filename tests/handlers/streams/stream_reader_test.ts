import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert";
import {
  IncompleteReadError,
  LimitOverrunError,
  StreamReader,
} from "../../../mod.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | null) =>
  bytes === null ? null : new TextDecoder().decode(bytes);

/** A source that gives one part for each read. */
function reader(
  parts: (string | Uint8Array)[],
  options?: { limit?: number },
): StreamReader {
  const queue = parts.map((part) =>
    typeof part === "string" ? encode(part) : part
  );
  return new StreamReader({
    read(buffer) {
      const part = queue.shift();
      if (part === undefined) return Promise.resolve(null);
      const taken = part.subarray(0, buffer.length);
      if (taken.length < part.length) {
        queue.unshift(part.subarray(taken.length));
      }
      buffer.set(taken);
      return Promise.resolve(taken.length);
    },
  }, options);
}

Deno.test("StreamReader.read(n) returns what there is, then null", async () => {
  const rfile = reader(["hello", "world"]);
  strictEqual(decode(await rfile.read(3)), "hel");
  strictEqual(decode(await rfile.read(100)), "lo");
  strictEqual(decode(await rfile.read(100)), "world");
  strictEqual(await rfile.read(100), null);
  strictEqual(rfile.atEof, true);
  deepStrictEqual(await rfile.read(0), new Uint8Array(0));
});

Deno.test("StreamReader.read() returns what there is, up to the limit, then null", async () => {
  const rfile = reader(["hello", "world"], { limit: 4 });
  strictEqual(decode(await rfile.read()), "hell");
  strictEqual(decode(await rfile.read(100)), "o");
  strictEqual(decode(await rfile.read()), "worl");
  strictEqual(decode(await rfile.read()), "d");
  strictEqual(await rfile.read(), null);
  strictEqual(await rfile.readInto(new Uint8Array(1)), null);
  strictEqual(await rfile.readLine(), null);
  strictEqual((await rfile.readAll()).length, 0);
});

Deno.test("StreamReader.readAll() collects everything to the end", async () => {
  strictEqual(decode(await reader(["a", "b", "c"]).readAll()), "abc");
  strictEqual((await reader([]).readAll()).length, 0);
});

Deno.test("StreamReader.readAll() refuses more than the limit and keeps the bytes", async () => {
  const rfile = reader(["12345"], { limit: 4 });
  await rejects(rfile.readAll(), LimitOverrunError);
  rfile.limit = 5;
  strictEqual(decode(await rfile.readAll()), "12345");
});

Deno.test("StreamReader.readLine() takes LF and CRLF, however they are cut", async () => {
  const rfile = reader(["a\r", "\nb\n", "\n", "c", "\r", "d\ne"]);
  deepStrictEqual(await Array.fromAsync(rfile), ["a", "b", "", "c\rd", "e"]);
  strictEqual(await rfile.readLine(), null);
});

Deno.test("StreamReader.readLine() replaces what is not UTF-8 and keeps a byte order mark", async () => {
  const rfile = reader([new Uint8Array([0xff, 0x61, 0x0a]), "\ufeffx\n"]);
  strictEqual(await rfile.readLine(), "\ufffda");
  strictEqual(await rfile.readLine(), "\ufeffx");
});

Deno.test("StreamReader.readLine() takes a line of exactly the limit and no longer one", async () => {
  const exact = reader(["12345678\r\n"], { limit: 8 });
  strictEqual(await exact.readLine(), "12345678");
  await rejects(reader(["123456789\n"], { limit: 8 }).readLine(), {
    name: "LimitOverrunError",
    message:
      "Cannot read a line: it is longer than 8 bytes; raise the reader's limit to allow it, or take what has come by read()",
  });
  await rejects(
    reader(["123456789"], { limit: 8 }).readLine(),
    LimitOverrunError,
  );
});

Deno.test("StreamReader.readLine() stops reading a line of 10 MB at the limit", async () => {
  let given = 0;
  const rfile = new StreamReader({
    read(buffer) {
      if (given >= 10_000_000) return Promise.resolve(null);
      given += buffer.fill(0x61).length;
      return Promise.resolve(buffer.length);
    },
  });
  await rejects(rfile.readLine(), LimitOverrunError);
  strictEqual(given < 400_000, true, `read ${given} bytes`);
});

Deno.test("StreamReader.readExactly() gives the bytes or what there was", async () => {
  const rfile = reader(["ab", "cd", "e"]);
  strictEqual(decode(await rfile.readExactly(3)), "abc");
  const error = await rfile.readExactly(5).then(() => undefined, (e) => e);
  strictEqual(error instanceof IncompleteReadError, true);
  strictEqual(decode(error.partial), "de");
  strictEqual(error.expected, 5);
});

Deno.test("StreamReader.readExactly() refuses a length past the limit before reading", async () => {
  let reads = 0;
  const rfile = new StreamReader({
    read: () => Promise.resolve((reads++, null)),
  });
  await rejects(rfile.readExactly(2 ** 31), LimitOverrunError);
  strictEqual(reads, 0);
});

Deno.test("StreamReader.readUntil() finds a separator cut anywhere", async () => {
  for (let cut = 1; cut < 9; cut++) {
    const text = "ab--ab--=x";
    const rfile = reader([text.slice(0, cut), text.slice(cut)]);
    strictEqual(decode(await rfile.readUntil("--=")), "ab--ab--=");
    strictEqual(decode(await rfile.read(10)), "x");
  }
});

Deno.test("StreamReader.readUntil() throws at the end, past the limit and for no separator", async () => {
  await rejects(reader(["ab"]).readUntil("c"), IncompleteReadError);
  await rejects(
    reader(["abcdefg;"], { limit: 4 }).readUntil(";"),
    LimitOverrunError,
  );
  strictEqual(
    decode(await reader(["abcd;;"], { limit: 4 }).readUntil(";;")),
    "abcd;;",
  );
  await rejects(reader(["ab"]).readUntil(""), TypeError);
});

Deno.test("StreamReader.peek() leaves the bytes to be read", async () => {
  const rfile = reader(["ab", "cd"]);
  strictEqual(decode(await rfile.peek(3)), "abc");
  strictEqual(decode(await rfile.readExactly(4)), "abcd");
  strictEqual(await rfile.peek(), null);
});

Deno.test("StreamReader refuses a second read while one waits, and loses nothing", async () => {
  let arrive!: () => void;
  const arrived = new Promise<void>((resolve) => arrive = resolve);
  const rfile = new StreamReader({
    async read(buffer) {
      await arrived;
      buffer.set(encode("x\ny\n"));
      return 4;
    },
  });
  const first = rfile.readLine();
  await rejects(rfile.readLine(), Deno.errors.Busy);
  await rejects(rfile.read(1), Deno.errors.Busy);
  arrive();
  strictEqual(await first, "x");
  strictEqual(await rfile.readLine(), "y");
});

Deno.test("StreamReader keeps failing with the source's error, and tells it once", async () => {
  const told: unknown[] = [];
  const broken = new Deno.errors.ConnectionReset("gone");
  const rfile = new StreamReader({ read: () => Promise.reject(broken) }, {
    onError: (error) => told.push(error),
  });
  await rejects(rfile.read(1), Deno.errors.ConnectionReset);
  await rejects(rfile.readLine(), Deno.errors.ConnectionReset);
  deepStrictEqual(told, [broken]);
});

Deno.test("StreamReader.readable streams what remains", async () => {
  const rfile = reader(["line\nrest", " of it"]);
  strictEqual(await rfile.readLine(), "line");
  strictEqual(await new Response(rfile.readable).text(), "rest of it");
});

Deno.test("StreamReader gives random cuts back unchanged, whatever reads them", async () => {
  let seed = 1;
  const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
  const all = new Uint8Array(1_000_000).map((_, i) => (i * 7 + (i >> 8)) & 255);
  let given = 0;
  const rfile = new StreamReader({
    read(buffer) {
      if (given === all.length) return Promise.resolve(null);
      const n = Math.min(
        buffer.length,
        all.length - given,
        1 + random(random(4) === 0 ? 200_000 : 50),
      );
      buffer.set(all.subarray(given, given += n));
      return Promise.resolve(n);
    },
  });
  const got: Uint8Array[] = [];
  let total = 0;
  while (total < all.length) {
    if (random(5) === 0) {
      const n = Math.min(1 + random(60_000), all.length - total);
      const seen = await rfile.peek(n);
      const bytes = await rfile.readExactly(n);
      deepStrictEqual(seen, bytes);
      got.push(bytes);
    } else got.push((await rfile.read(1 + random(100_000)))!);
    total += got.at(-1)!.length;
  }
  // Only now: a chunk that was handed out must not change afterwards.
  const joined = new Uint8Array(total);
  let offset = 0;
  for (const part of got) {
    joined.set(part, offset);
    offset += part.length;
  }
  strictEqual(offset, all.length);
  strictEqual(joined.every((byte, i) => byte === all[i]), true);
});

Deno.test("StreamReader refuses counts and limits that are none", async () => {
  for (const bad of [-1, 1.5, NaN, Infinity]) {
    await rejects(reader([]).read(bad), RangeError);
    await rejects(reader([]).readExactly(bad), RangeError);
    await rejects(reader([]).peek(bad), RangeError);
    throws(() => reader([], { limit: bad }), RangeError);
  }
});

/** Every read, of a source whose reads fail or are refused. */
const READS: Readonly<
  Record<string, (rfile: StreamReader) => Promise<unknown>>
> = {
  "read()": (rfile) => rfile.read(),
  "readAll()": (rfile) => rfile.readAll(),
  "read(n)": (rfile) => rfile.read(10),
  "readInto()": (rfile) => rfile.readInto(new Uint8Array(10)),
  "readLine()": (rfile) => rfile.readLine(),
  "readExactly()": (rfile) => rfile.readExactly(10),
  "readUntil()": (rfile) => rfile.readUntil("x"),
  "peek()": (rfile) => rfile.peek(10),
};

Deno.test("StreamReader says that options come behind the number of bytes", async () => {
  const options = { timeout: 300 } as unknown as number;
  const said =
    "the number of bytes must be a number, received { timeout: 300 }; the options come behind it";
  await rejects(reader([]).read(options), {
    name: "TypeError",
    message: `Cannot read: ${said}`,
  });
  await rejects(reader([]).readExactly(options), {
    message: `Cannot read: ${said}`,
  });
});

Deno.test("StreamReader fails, and does not wait for ever, where a source gives nothing", async () => {
  for (const read of Object.values(READS)) {
    const rfile = new StreamReader({ read: () => Promise.resolve(0) });
    await rejects(read(rfile), TypeError);
    await rejects(read(rfile), TypeError);
  }
});

for (const [name, read] of Object.entries(READS)) {
  // An unhandled rejection fails the test.
  Deno.test(`StreamReader.${name} may fail with nobody to wait for it`, async () => {
    const turn = () => new Promise((resolve) => setTimeout(resolve));
    const { promise, reject } = Promise.withResolvers<number>();
    const failing = new StreamReader({ read: () => promise });
    read(failing);
    // While it waits, and now that it has failed.
    read(failing);
    reject(new Error("gone"));
    await turn();
    read(failing);
    await turn();
    await rejects(failing.readLine(), /gone/);
    // Refused for what has come already.
    const full = reader(["0123456789".repeat(10)], { limit: 50 });
    await full.peek();
    read(full);
    await turn();
  });

  Deno.test(`StreamReader.${name} fails once, and for good, where a source does not read as it should`, async () => {
    const sources: Record<string, (buffer: Uint8Array) => unknown> = {
      "throws": () => {
        throw new RangeError("at once");
      },
      "gives nothing": () => Promise.resolve(0),
      "gives too much": ({ length }) => Promise.resolve(length + 1),
      "gives no number": () => "3",
    };
    for (const [what, source] of Object.entries(sources)) {
      const told: unknown[] = [];
      const rfile = new StreamReader(
        { read: source as (buffer: Uint8Array) => Promise<number> },
        { onError: (error) => told.push(error) },
      );
      const failed = await read(rfile).then(
        () => undefined,
        (error) => error,
      );
      if (what === "throws") ok(failed instanceof RangeError, what);
      else ok(failed instanceof TypeError, what);
      await rejects(rfile.readLine(), failed);
      deepStrictEqual(told, [failed], what);
    }
  });
}

Deno.test("StreamReader.readInto() takes what a source gives at once", async () => {
  const rfile = new StreamReader({
    read: ((buffer: Uint8Array) => buffer.fill(7, 0, 2) && 2) as unknown as (
      buffer: Uint8Array,
    ) => Promise<number>,
  });
  const buffer = new Uint8Array(3);
  strictEqual(await rfile.readInto(buffer), 2);
  deepStrictEqual([...buffer], [7, 7, 0]);
});

Deno.test("StreamReader leaves what comes for a chunk of a cancelled stream to the next read", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: came, resolve: come } = Promise.withResolvers<void>();
  let ended = false;
  const rfile = new StreamReader({
    async read(buffer) {
      begin();
      await came;
      if (ended) return null;
      ended = true;
      buffer.set(encode("hello\n"));
      return 6;
    },
  });
  const chunks = rfile.readable.getReader();
  const asked = chunks.read();
  await begun;
  await chunks.cancel();
  deepStrictEqual(await asked, { done: true, value: undefined });
  await rejects(rfile.readLine(), Deno.errors.Busy);
  come();
  await new Promise((resolve) => setTimeout(resolve));
  strictEqual(await rfile.readLine(), "hello");
  strictEqual(await rfile.readLine(), null);
});
