/**
 * Reads of every kind in any order, over a stream that comes in any pieces and
 * ends, fails or is cancelled, with limits, timeouts and signals: what they give
 * is what a model says that has the whole stream before it, and stays that.
 */
import { AssertionError, deepStrictEqual } from "node:assert";
import { ChunkSource } from "../../handlers/streams/_chunk_source.ts";
import { WATCH } from "../../handlers/streams/_owned.ts";
import {
  IncompleteReadError,
  LimitOverrunError,
  type PieceOptions,
  type ReadOptions,
  StreamReader,
} from "../../mod.ts";
import {
  below,
  inRound,
  oneOf,
  pieces,
  type Random,
  random,
} from "./_fuzzing.ts";

/** How often one stream may be read from: it has ended long before. */
const MOST_READS = 300;
const FAILED = new Deno.errors.ConnectionReset("gone");
const SEPARATORS = ["\n", "\r\n", "ab", "aba", "x"];

/** What a read gives: a value, or the name of its error. */
type Outcome = { readonly value: unknown } | { readonly error: string };

const NOTHING: Outcome = { value: null };
const OVERRUN: Outcome = { error: "LimitOverrunError" };
const BROKEN: Outcome = { error: "ConnectionReset" };

/** What is left of a stream, as text whose characters are its bytes. */
interface Left {
  rest: string;
  readonly fails: boolean;
  readonly limit: number;
  /** What reads have given, and the text that it was. */
  readonly given: [Uint8Array, unknown][];
}

/** One read: how it is called, and what it must give. */
interface Read {
  readonly name: string;
  call(rfile: StreamReader, options: PieceOptions): Promise<unknown>;
  /** Takes from what is left, if `got` is what the model says. */
  check(left: Left, got: Outcome): void;
}

/**
 * Runs `rounds` streams.
 *
 * @returns How many reads were interrupted.
 */
export async function fuzzStreamReader(
  seed: number,
  rounds: number,
): Promise<number> {
  const next = random(seed);
  let interrupted = 0;
  for (let round = 0; round < rounds; round++) {
    const text = makeText(next);
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    await inRound(seed, round, bytes, async () => {
      interrupted += await readAll(next, text, bytes);
    });
  }
  return interrupted;
}

/** Lines and separators, whole and in parts, short and long. */
function makeText(next: Random): string {
  let text = "";
  const parts = below(next, 16);
  const longest = oneOf(next, [1, 10, 10, 100, 2_000]);
  for (let part = 0; part < parts; part++) {
    text += oneOf(next, ["a", "b", "x", "\r", ""]).repeat(below(next, longest));
    text += oneOf(next, ["\n", "\r\n", "\r", "ab", "aba", ""]);
  }
  return text;
}

async function readAll(
  next: Random,
  text: string,
  bytes: Uint8Array,
): Promise<number> {
  const limit = oneOf(next, [1, 2, 7, 64, 1_000, 65_536, 1_000_000]);
  const left: Left = { rest: text, fails: next() < 0.3, limit, given: [] };
  const told: unknown[] = [];
  const rfile = new StreamReader(makeSource(next, bytes, left.fails), {
    limit,
    onError: (error) => told.push(error),
  });
  if (next() < 0.3) rfile[WATCH]();
  let interrupted = 0;
  let idle = 0;
  for (let reads = 0; reads < MOST_READS && idle < 5; reads++) {
    if (next() < 0.005) {
      await checkCancelled(rfile, left);
      return interrupted;
    }
    const read = makeRead(next, left);
    const before = left.rest.length;
    if (await readOnce(next, rfile, read, left)) interrupted++;
    // Errors and peeks take nothing: now and then something is taken for sure.
    idle = left.rest.length < before ? 0 : idle + 1;
    if (idle === 5 && left.rest.length > 0) {
      await readOnce(next, rfile, readUpTo(100_000), left);
      idle = 0;
    }
  }
  for (const [value, was] of left.given) deepStrictEqual(plain(value), was);
  // Whatever was read before, it never fails twice.
  if (told.length > (left.fails ? 1 : 0)) {
    throw new AssertionError({
      message: `${told.length} errors were told`,
    });
  }
  return interrupted;
}

/** Calls a read, perhaps with a signal or a time. Returns whether that ended it. */
async function readOnce(
  next: Random,
  rfile: StreamReader,
  read: Read,
  left: Left,
): Promise<boolean> {
  const options: { -readonly [Key in keyof ReadOptions]: ReadOptions[Key] } =
    {};
  const chance = next();
  if (chance < 0.01) options.timeout = oneOf(next, [0, 0, 1, 1e9]);
  const abort = new AbortController();
  if (chance < 0.3) options.signal = abort.signal;
  const called = read.call(rfile, options);
  if (chance < 0.3 && next() < 0.5) {
    for (let turns = below(next, 8); turns > 0; turns--) await null;
    abort.abort("interrupted");
  }
  const got = await called.then(
    (value): Outcome => {
      const text = plain(value);
      if (value instanceof Uint8Array) left.given.push([value, text]);
      return { value: text };
    },
    (error): Outcome => {
      if (error === "interrupted") return { error };
      if (error instanceof IncompleteReadError) {
        return { error: `${error.name}: ${plain(error.partial)}` };
      }
      return { error: error.name };
    },
  );
  if (
    "error" in got &&
    (got.error === "interrupted" || got.error === "TimeoutError")
  ) return true;
  try {
    read.check(left, got);
  } catch (cause) {
    throw new Error(
      `${read.name} with ${left.rest.length} left, limit ${left.limit}`,
      { cause },
    );
  }
  return false;
}

/** What has come can still be read, then the stream ends. */
async function checkCancelled(rfile: StreamReader, left: Left): Promise<void> {
  rfile.cancel();
  let got = "";
  try {
    for (let part; (part = await rfile.read()) !== null;) got += plain(part);
  } catch (error) {
    // It had failed before.
    if (error !== FAILED || !left.fails) throw error;
    return;
  }
  if (!left.rest.startsWith(got)) {
    throw new AssertionError({ message: `Read ${got.length} other bytes` });
  }
  deepStrictEqual([rfile.atEof, await rfile.readLine()], [true, null]);
}

function makeSource(next: Random, bytes: Uint8Array, fails: boolean) {
  const parts = pieces(next, bytes);
  const delay = oneOf(next, [0, 0, 1, 5]);
  const slow = next() < 0.1 ? 0.02 : 0;
  const arriving = async (): Promise<Uint8Array<ArrayBuffer> | null> => {
    for (let turns = below(next, delay + 1); turns > 0; turns--) await null;
    if (next() < slow) await new Promise((resolve) => setTimeout(resolve));
    const part = parts.shift();
    if (part === undefined && fails) throw FAILED;
    return part?.slice() ?? null;
  };
  if (next() < 0.4) return new ChunkSource(arriving);
  return {
    async read(buffer: Uint8Array): Promise<number | null> {
      const part = await arriving();
      if (part === null) return null;
      const taken = part.subarray(0, buffer.length);
      buffer.set(taken);
      if (taken.length < part.length) {
        parts.unshift(part.subarray(taken.length));
      }
      return taken.length;
    },
  };
}

function makeRead(next: Random, { limit }: Left): Read {
  const n = below(next, oneOf(next, [3, 20, 200, limit + 2, 10_000]));
  const nullAtEnd = next() < 0.5;
  switch (below(next, 9)) {
    case 0:
      return readUpTo(n);
    case 1:
      return readInto(n);
    case 2:
      return readLine((rfile, options) => rfile.readLine(options));
    case 3:
      return readLine(async (rfile, options) =>
        (await rfile.lines(options).next()).value ?? null
      );
    case 4:
      return readExactly(n, nullAtEnd);
    case 5:
      return readUntil(oneOf(next, SEPARATORS), nullAtEnd);
    case 6:
      return peek(n);
    case 7:
      return readFrame();
    default:
      // Seldom what is wanted before the end.
      return next() < 0.1 ? readEverything() : readUpTo(n);
  }
}

/** Some of what is left: how much, only the network knows. */
function checkSome(left: Left, got: Outcome, most: number): void {
  if (left.rest === "" || most === 0) {
    const end = left.fails ? BROKEN : NOTHING;
    return deepStrictEqual(got, most === 0 ? { value: "" } : end);
  }
  const value = "value" in got ? got.value : got.error;
  const size = typeof value === "string" ? value.length : 0;
  if (size === 0 || size > most || !("value" in got)) {
    throw new AssertionError({ message: `Got ${value}, at most ${most}` });
  }
  take(left, got, size);
}

/** So much of what is left. */
function take(left: Left, got: Outcome, size: number): void {
  deepStrictEqual(got, { value: left.rest.slice(0, size) });
  left.rest = left.rest.slice(size);
}

function readUpTo(n: number): Read {
  return {
    name: `read(${n})`,
    call: (rfile, options) => rfile.read(n, options),
    check: (left, got) => checkSome(left, got, Math.min(n, left.limit)),
  };
}

function readInto(n: number): Read {
  return {
    name: `readInto(${n})`,
    call: async (rfile, options) => {
      const buffer = new Uint8Array(n);
      const isPlain = Object.keys(options).length === 0;
      const read = await rfile.readInto(buffer, isPlain ? undefined : options);
      return read === null ? null : buffer.subarray(0, read);
    },
    check: (left, got) => checkSome(left, got, n),
  };
}

function readLine(
  call: (rfile: StreamReader, options: ReadOptions) => Promise<unknown>,
): Read {
  return {
    name: "readLine()",
    call,
    check(left, got) {
      const lf = left.rest.indexOf("\n");
      const end = lf < 0 ? left.rest.length : lf;
      const line = lf < 0
        ? left.rest
        : left.rest.slice(0, end).replace(/\r$/, "");
      if (lf < 0 && left.fails && end <= left.limit + 1) {
        return deepStrictEqual(got, BROKEN);
      }
      if (line.length > left.limit) return deepStrictEqual(got, OVERRUN);
      if (left.rest === "") return deepStrictEqual(got, NOTHING);
      deepStrictEqual(got, { value: line });
      left.rest = left.rest.slice(end + 1);
    },
  };
}

/** What a piece is where the stream ends or fails before it is whole. */
function checkUnfinished(left: Left, got: Outcome, nullAtEnd: boolean): void {
  if (left.fails) return deepStrictEqual(got, BROKEN);
  if (nullAtEnd && left.rest === "") return deepStrictEqual(got, NOTHING);
  deepStrictEqual(got, { error: `IncompleteReadError: ${left.rest}` });
  left.rest = "";
}

function readExactly(n: number, nullAtEnd: boolean): Read {
  return {
    name: `readExactly(${n})`,
    call: (rfile, options) => rfile.readExactly(n, { ...options, nullAtEnd }),
    check(left, got) {
      if (n > left.limit) deepStrictEqual(got, OVERRUN);
      else if (left.rest.length >= n) take(left, got, n);
      else checkUnfinished(left, got, nullAtEnd);
    },
  };
}

function readUntil(separator: string, nullAtEnd: boolean): Read {
  return {
    name: `readUntil(${JSON.stringify(separator)})`,
    call: (rfile, options) =>
      rfile.readUntil(separator, { ...options, nullAtEnd }),
    check(left, got) {
      const at = left.rest.indexOf(separator);
      const most = left.limit + (at < 0 ? separator.length - 1 : 0);
      if ((at < 0 ? left.rest.length : at) > most) {
        deepStrictEqual(got, OVERRUN);
      } else if (at >= 0) take(left, got, at + separator.length);
      else checkUnfinished(left, got, nullAtEnd);
    },
  };
}

/** A frame whose length is whatever byte comes next. */
function readFrame(): Read {
  return {
    name: "readFrame()",
    call: (rfile, options) => rfile.readFrame({ ...options, lengthBytes: 1 }),
    check(left, got) {
      const size = left.rest.charCodeAt(0);
      if (size > left.limit) return deepStrictEqual(got, OVERRUN);
      if (!(left.rest.length > size)) return checkUnfinished(left, got, true);
      deepStrictEqual(got, { value: left.rest.slice(1, 1 + size) });
      left.rest = left.rest.slice(1 + size);
    },
  };
}

function peek(n: number): Read {
  return {
    name: `peek(${n})`,
    call: (rfile, options) => rfile.peek(n, options),
    check(left, got) {
      if (n > left.limit) return deepStrictEqual(got, OVERRUN);
      if (left.rest.length < n && left.fails) {
        return deepStrictEqual(got, BROKEN);
      }
      const isEnd = left.rest === "" && n > 0;
      deepStrictEqual(got, isEnd ? NOTHING : { value: left.rest.slice(0, n) });
    },
  };
}

function readEverything(): Read {
  return {
    name: "readAll()",
    call: (rfile, options) => rfile.readAll(options),
    check(left, got) {
      if (left.rest.length > left.limit) deepStrictEqual(got, OVERRUN);
      else if (left.fails) deepStrictEqual(got, BROKEN);
      else take(left, got, left.rest.length);
    },
  };
}

/** Bytes as text whose characters they are. */
function plain(value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  let text = "";
  for (const byte of value) text += String.fromCharCode(byte);
  return text;
}

// What an error is called, the model must know.
deepStrictEqual(
  [new LimitOverrunError("", 1).name, FAILED.name],
  [(OVERRUN as { error: string }).error, (BROKEN as { error: string }).error],
);
