/**
 * Control messages as the kernel writes them, and as nobody does: what is parsed
 * ends where the kernel says, and what was encoded is parsed as it was.
 */
import { deepStrictEqual, ok } from "node:assert";
import {
  type ControlMessage,
  ControlMessages,
  parseControl,
} from "../../poll/_control.ts";
import {
  below,
  inRound,
  mutate,
  oneOf,
  type Random,
  random,
  withinTurn,
} from "./_fuzzing.ts";

const HEADER_SIZE = 16;

/**
 * Parses damaged control messages.
 *
 * @returns How many messages were found in them.
 */
export async function fuzzControl(
  seed: number,
  rounds: number,
): Promise<number> {
  const next = random(seed);
  let found = 0;
  for (let round = 0; round < rounds; round++) {
    const messages = messagesOf(next);
    const whole = new ControlMessages(messages).encode();
    await inRound(seed, round, whole, () => {
      deepStrictEqual(parseControl(whole, whole.length), messages);
    });
    const bytes = next() < 0.2 ? noise(next) : mutate(next, whole);
    const length = oneOf(next, [
      ...[0, 1, 15, 16, 17, 24, bytes.length, bytes.length + 1, 2 ** 53],
      below(next, bytes.length + 1),
    ]);
    await inRound(seed, round, bytes, () => {
      const parsed = withinTurn(bytes, () => parseControl(bytes, length));
      const size = Math.min(length, bytes.length);
      const total = parsed.reduce(
        (sum, { data }) => sum + HEADER_SIZE + data.length,
        0,
      );
      ok(total <= size, `${total} bytes of ${size}`);
      // What lies behind the end is of another call, and changes nothing.
      const other = bytes.slice();
      for (let i = size; i < other.length; i++) other[i] = below(next, 256);
      deepStrictEqual(parseControl(other, length), parsed);
      // What was parsed is the caller's own.
      const before = parsed.map(({ data }) => data.slice());
      bytes.fill(0xff);
      deepStrictEqual(parsed.map(({ data }) => data), before);
      found += parsed.length;
    });
  }
  return found;
}

function messagesOf(next: Random): ControlMessage[] {
  return Array.from({ length: below(next, 5) }, () => ({
    level: oneOf(next, [0, 1, 41, below(next, 2 ** 31)]),
    type: oneOf(next, [1, 2, 52, below(next, 2 ** 31)]),
    data: Uint8Array.from(
      { length: oneOf(next, [0, 1, 4, 7, 8, 12, 20, below(next, 300)]) },
      () => below(next, 256),
    ),
  }));
}

/** Headers whose lengths are anything. */
function noise(next: Random): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(
    { length: below(next, 200) },
    () => next() < 0.5 ? 0 : below(next, 256),
  );
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    if (next() < 0.3) {
      view.setBigUint64(
        at,
        oneOf(next, [
          ...[0n, 1n, 15n, 16n, 17n, 20n, 24n, 2n ** 31n, 2n ** 53n],
          ...[2n ** 64n - 1n, 2n ** 64n - 8n, BigInt(below(next, 300))],
        ]),
        true,
      );
    }
  }
  return bytes;
}
