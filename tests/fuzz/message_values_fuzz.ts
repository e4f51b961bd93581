/**
 * Values that travel between a server and its handlers, and bytes that a hostile
 * process has made of them, damaged in any way. A value arrives as it was sent. Bytes
 * are a value, which travels again as it is, or are refused with a `ProtocolError`.
 */
import { deepStrictEqual } from "node:assert";
import { ProtocolError } from "../../server/_bridge/frames.ts";
import {
  CONFIG_PACKING,
  messagePacking,
  packValue,
} from "../../server/_messages/pack_value.ts";
import {
  unpackConfig,
  unpackMessage,
} from "../../server/_messages/unpack_value.ts";
import { LONGEST_MESSAGE } from "../../server/_messages/value_format.ts";
import {
  below,
  inRound,
  mutate,
  oneOf,
  type Random,
  random,
  withinTurn,
} from "./_fuzzing.ts";

const PACKING = messagePacking("fuzz");

/**
 * Packs and unpacks values, and what damage has made of them.
 *
 * @param seed Where chance starts.
 * @param rounds How many values.
 * @throws {AssertionError} If one does not arrive as it was sent.
 */
export async function fuzzMessageValues(
  seed: number,
  rounds: number,
): Promise<void> {
  const next = random(seed);
  const others: Uint8Array[] = [];
  for (let round = 0; round < rounds; round++) {
    const value = anyValue(next, 4, []);
    const packed = packValue(value, PACKING);
    others[below(next, 20)] = packed;
    const input = mutate(next, packed, others.filter(Boolean), LONGEST_MESSAGE);
    await inRound(seed, round, packed, () => {
      deepStrictEqual(unpackMessage(packed, false), value);
    });
    await inRound(seed, round, input, () => tryDamaged(input));
  }
}

function tryDamaged(input: Uint8Array): void {
  let value: unknown;
  try {
    value = withinTurn(input, () => unpackMessage(input, false));
  } catch (error) {
    if (error instanceof ProtocolError) return;
    throw error;
  }
  // It may have become larger than a message may be.
  const again = packValue(value, CONFIG_PACKING);
  deepStrictEqual(unpackConfig(again), value);
}

/** A value that may hold any of those before it. */
function anyValue(next: Random, depth: number, before: object[]): unknown {
  const choice = below(next, depth > 0 ? 20 : 10);
  const inner = () => anyValue(next, depth - 1, before);
  const several = () => Array.from({ length: below(next, 6) }, inner);
  const begun = <T extends object>(object: T): T => {
    before.push(object);
    return object;
  };
  switch (choice) {
    case 0:
      return oneOf(next, [undefined, null, true, false, NaN, -0, Infinity]);
    case 1:
      return below(next, 1_000) - 500;
    case 2:
      return (next() - 0.5) * 2 ** below(next, 1_000);
    case 3:
      return BigInt(below(next, 2 ** 32)) ** 3n * (next() < 0.5 ? -1n : 1n);
    case 4:
      return anyText(next);
    case 5:
      return begun(new Date(below(next, 2 ** 40)));
    case 6:
      return begun(
        Uint8Array.from({ length: below(next, 99) }, () => below(next, 256)),
      );
    case 7:
      return begun(Float64Array.of(next(), NaN));
    case 8:
      return begun(new RangeError(anyText(next), { cause: anyText(next) }));
    case 9:
      return before.length > 0 ? oneOf(next, before) : "none";
    case 10:
    case 11:
      return begun(new Set(several()));
    case 12:
    case 13: {
      const map = begun(new Map());
      for (const value of several()) map.set(inner(), value);
      return map;
    }
    case 14:
    case 15:
    case 16: {
      const array = begun<unknown[]>([]);
      array.push(...several());
      return array;
    }
    default: {
      const object = begun<Record<string, unknown>>({});
      for (const value of several()) object[anyText(next)] = value;
      return object;
    }
  }
}

function anyText(next: Random): string {
  return Array.from(
    { length: below(next, next() < 0.1 ? 300 : 8) },
    () =>
      oneOf(next, ["a", "z", "é", "\u{1f600}", "\ud800", "\0", "__proto__"]),
  ).join("");
}
