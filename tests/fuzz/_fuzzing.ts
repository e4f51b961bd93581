/**
 * What all fuzzers share: numbers from a seed, damaged bytes, cuts, and a
 * watchdog for turns of the event loop.
 */
import { AssertionError } from "node:assert";
import process from "node:process";
import { setImmediate } from "node:timers";

/** How long one input may keep the event loop, in milliseconds. */
const LONGEST_TURN = 200;

/**
 * How many rounds each fuzzer runs: few in the gate, as many as `FUZZ_ROUNDS`
 * says with `deno task fuzz`.
 */
export const ROUNDS: number = roundsWanted() ?? 100;

/** The seeds that the gate tries. One that has found a fault is added here. */
export const SEEDS: readonly number[] = [1, 2, 3];

/** Gives numbers from 0 up to, but without, 1: the same for the same seed. */
export type Random = () => number;

/**
 * Makes a generator of numbers: mulberry32, which is short, quick and good
 * enough to choose among mutations.
 *
 * @param seed Any integer.
 */
export function random(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** An integer from 0 up to, but without, `end`. */
export function below(next: Random, end: number): number {
  return Math.floor(next() * end);
}

/** One of several. */
export function oneOf<T>(next: Random, items: readonly T[]): T {
  if (items.length === 0) {
    throw new RangeError("Cannot choose one of no items");
  }
  return items[below(next, items.length)]!;
}

/** Text whose characters are bytes, as those bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Bytes as text that an error message can show. */
export function shown(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes.subarray(0, 2_000)) {
    text += String.fromCharCode(byte);
  }
  const rest = bytes.length > 2_000 ? ` and ${bytes.length - 2_000} more` : "";
  return `${JSON.stringify(text)}${rest}`;
}

/**
 * Damages bytes in one to four places: flips bits, cuts, inserts, repeats a
 * part, or splices in a part of another input.
 *
 * @param next The source of chance.
 * @param bytes What to damage. It stays as it is.
 * @param others What parts are spliced in from.
 * @param longest How long the outcome may be, in bytes.
 */
export function mutate(
  next: Random,
  bytes: Uint8Array,
  others: readonly Uint8Array[] = [],
  longest = 64 * 1024,
): Uint8Array<ArrayBuffer> {
  let mutated = bytes.slice();
  for (let times = 1 + below(next, 4); times > 0; times--) {
    mutated = mutateOnce(next, mutated, others);
  }
  return mutated.slice(0, longest);
}

function mutateOnce(
  next: Random,
  bytes: Uint8Array<ArrayBuffer>,
  others: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const at = below(next, bytes.length + 1);
  const before = bytes.subarray(0, at);
  switch (below(next, 5)) {
    case 0: {
      // An empty input has no bit to flip, and index 0 is ignored then.
      const flipped = bytes.slice();
      if (at < flipped.length) flipped[at]! ^= 1 << below(next, 8);
      return flipped;
    }
    case 1:
      return concat(before, bytes.subarray(at + 1 + below(next, 16)));
    case 2: {
      const inserted = Uint8Array.from(
        { length: 1 + below(next, 8) },
        () => below(next, 256),
      );
      return concat(before, inserted, bytes.subarray(at));
    }
    case 3: {
      const part = bytes.subarray(at, at + 1 + below(next, 32));
      const times = 1 + below(next, 64);
      return concat(before, ...Array(times).fill(part), bytes.subarray(at));
    }
    default: {
      const other = others.length === 0 ? bytes : oneOf(next, others);
      const from = below(next, other.length + 1);
      const part = other.subarray(from, from + 1 + below(next, 256));
      return concat(before, part, bytes.subarray(at));
    }
  }
}

/** Joins byte arrays. */
export function concat(
  ...parts: readonly Uint8Array[]
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(
    parts.reduce((length, part) => length + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Cuts bytes into pieces as a network might: all at once, byte by byte, or
 * anywhere. None of the pieces is empty.
 */
export function pieces(next: Random, bytes: Uint8Array): Uint8Array[] {
  const largest = oneOf(next, [1, 7, 64, 4_096, Infinity]);
  const cut: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at;
    const size = 1 + below(next, Math.min(left, largest));
    cut.push(bytes.subarray(at, at + size));
    at += size;
  }
  return cut;
}

/**
 * Runs what is synchronous, and fails where it keeps the event loop too long.
 * A busy machine can make any turn long, so one that is too long is run again,
 * and fails only if it is again.
 *
 * @param input What is tried, for the message.
 * @param run Tries it from a fresh state, since it may be called twice.
 * @returns What `run` returns.
 * @throws {AssertionError} If it takes longer than 200 ms, twice.
 * @throws What `run` throws.
 */
export function withinTurn<T>(input: Uint8Array, run: () => T): T {
  const [outcome, took] = timed(run);
  if (took <= LONGEST_TURN) return outcome;
  const [again, tookAgain] = timed(run);
  if (tookAgain <= LONGEST_TURN) return again;
  throw new AssertionError({
    message: `This input kept the event loop for ${Math.round(took)} and ${
      Math.round(tookAgain)
    } ms, where ${LONGEST_TURN} are allowed: ${shown(input)}`,
  });
}

/**
 * Runs what takes many turns, and fails where one of them keeps the event loop
 * too long, twice.
 *
 * @param what Says what is tried.
 * @param run Tries it.
 * @throws {AssertionError} If a turn takes longer than 200 ms, twice.
 * @throws What `run` throws.
 */
export async function withinTurns<T>(
  what: string,
  run: () => Promise<T>,
): Promise<T> {
  const [outcome, longest] = await longestTurn(run);
  if (longest <= LONGEST_TURN) return outcome;
  const [again, longestAgain] = await longestTurn(run);
  if (longestAgain <= LONGEST_TURN) return again;
  throw new AssertionError({
    message: `${what} kept the event loop for ${Math.round(longest)} and ${
      Math.round(longestAgain)
    } ms, where ${LONGEST_TURN} are allowed`,
  });
}

async function longestTurn<T>(
  run: () => Promise<T>,
): Promise<[outcome: T, longest: number]> {
  let over = false;
  let longest = 0;
  let last = processorTime();
  const turned = () => {
    const now = processorTime();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const outcome = run().finally(() => over = true);
  do {
    turned();
    await new Promise((resolve) => setImmediate(resolve));
  } while (!over);
  turned();
  return [await outcome, longest];
}

/**
 * How long this thread has had a processor, in milliseconds: where others have
 * it meanwhile, that is not the fault of what is tried.
 */
function processorTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function timed<T>(run: () => T): [outcome: T, took: number] {
  const started = performance.now();
  const outcome = run();
  return [outcome, performance.now() - started];
}

/**
 * Adds to an error which seed and round it came from, so that it can be tried
 * again alone.
 *
 * @throws What `run` throws, with the seed, the round and the input before it.
 */
export async function inRound<T>(
  seed: number,
  round: number,
  input: Uint8Array,
  run: () => T | Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw new AssertionError({
      message: `Seed ${seed}, round ${round}: ${
        cause instanceof Error ? cause.message : cause
      }\n  for the input ${shown(input)}`,
      // deno-lint-ignore no-explicit-any -- the option is missing in its types.
      ...({ cause } as any),
    });
  }
}

/** The variable is read only where that asks nobody for permission. */
function roundsWanted(): number | undefined {
  const name = "FUZZ_ROUNDS";
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  const text = state === "granted" ? Deno.env.get(name) : undefined;
  if (text === undefined) return undefined;
  const rounds = Number(text);
  if (Number.isSafeInteger(rounds) && rounds > 0) return rounds;
  throw new RangeError(
    `Cannot fuzz for ${name}=${
      JSON.stringify(text)
    } rounds: it must be a positive integer`,
  );
}
