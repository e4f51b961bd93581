/**
 * Memory that two threads share, for bytes that need not be copied into a ring:
 * one side takes a slot, has it filled and sends its number; the other uses the
 * bytes where they are, and frees it.
 *
 * ## Memory order
 *
 * A word holds a bit for each slot, set while it is free. Only the side that
 * sends clears bits, only the other sets them, and both through `Atomics`: who
 * finds a bit set sees all that was done before it was set, so nobody reads the
 * slot any more. What is written into a slot is seen by whoever has read its
 * number from the ring, which is published after it (see `ring.ts`).
 *
 * The other thread can set any bit, and write into any slot at any time: it can
 * so mix up what its own connections carry, and nothing else. A bit without a
 * slot is no slot.
 */

import { LARGEST_WINDOW } from "../_bridge/frames.ts";
import type { Lease } from "../_bridge/lease.ts";
import { packNumber, unpackNumber } from "../_bridge/payloads.ts";

/**
 * The size of a slot, in bytes: a quarter of the largest window, so that some can
 * be filled while others are used. The larger, the fewer times a thread has to be
 * woken, which is most of what a long stream costs.
 */
export const SLOT_SIZE = LARGEST_WINDOW / 4;

/** At most 32, the bits of a word. */
const SLOTS = 16;
/** With fewer free ones, those that are kept for later are wanted back. */
const FEW = SLOTS / 2;
const FREE = 0;
/** The bits are on a cache line of their own. */
const CONTROL_BYTES = 64;

/** Allocates the memory of slots, all of them free. */
export function allocateSlots(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(CONTROL_BYTES + SLOTS * SLOT_SIZE);
  Atomics.store(new Int32Array(memory, 0, 1), FREE, (1 << SLOTS) - 1);
  return memory;
}

/** One slot. */
export class Slot implements Lease {
  readonly number: number;
  /** All of its memory. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly #control: Int32Array;
  #kept = false;
  #recall: (() => void) | undefined;

  constructor(memory: SharedArrayBuffer, number: number) {
    this.number = number;
    this.bytes = new Uint8Array(
      memory,
      CONTROL_BYTES + number * SLOT_SIZE,
      SLOT_SIZE,
    );
    this.#control = new Int32Array(memory, 0, 1);
  }

  /** Whether whoever was lent its bytes is to free it. */
  get kept(): boolean {
    return this.#kept;
  }

  /** Whether it can be had back. */
  get recallable(): boolean {
    return this.#recall !== undefined;
  }

  /**
   * Keeps it, beyond the call in which its bytes are lent, until `free`.
   *
   * @param recall Called when others need it: has to free it then.
   */
  keep(recall?: () => void): void {
    this.#kept = true;
    this.#recall = recall;
  }

  /** Wants it back, if it can be had back. */
  recall(): void {
    this.#recall?.();
  }

  /** Gives it back: its bytes may be others' from now on. */
  free(): void {
    this.#kept = false;
    this.#recall = undefined;
    Atomics.or(this.#control, FREE, 1 << this.number);
  }
}

/** The slots of one direction, for either side. */
export class Slots {
  readonly #control: Int32Array;
  readonly #slots: readonly Slot[];

  constructor(memory: SharedArrayBuffer) {
    this.#control = new Int32Array(memory, 0, 1);
    this.#slots = Array.from(
      { length: SLOTS },
      (_, number) => new Slot(memory, number),
    );
  }

  /** A slot to be filled and sent, or freed, unless all are under way. */
  take(): Slot | undefined {
    const free = Atomics.load(this.#control, FREE);
    if (free === 0) return undefined;
    // The lowest: what was used last is the likeliest to be in a cache.
    const number = 31 - Math.clz32(free & -free);
    Atomics.and(this.#control, FREE, ~(1 << number));
    return this.#slots[number];
  }

  /** The slot with this number, if there is such a number. */
  at(number: number): Slot | undefined {
    return this.#slots[number];
  }

  /** Whether so few are free that others may soon find none. */
  get scarce(): boolean {
    let free = Atomics.load(this.#control, FREE);
    let count = 0;
    for (; free !== 0; free &= free - 1) count++;
    return count < FEW;
  }

  /** Whether any can be had back. */
  get recallable(): boolean {
    return this.#slots.some((slot) => slot.recallable);
  }

  /** Wants all back that can be had back. */
  recall(): void {
    for (const slot of this.#slots) slot.recall();
  }
}

/** Bytes in a slot. */
export interface PackedSlot {
  /** The number of the slot. */
  readonly number: number;
  /** How many of its bytes they are. */
  readonly size: number;
}

/**
 * Packs the number of a slot and how many bytes it holds.
 *
 * @returns Bytes that are lent until something else is packed.
 */
export function packSlot(number: number, size: number): Uint8Array {
  return packNumber(number | size << 8);
}

/**
 * Unpacks them.
 *
 * @throws {ProtocolError} If the payload has another size.
 */
export function unpackSlot(payload: Uint8Array): PackedSlot {
  const packed = unpackNumber(payload);
  return { number: packed & 0xff, size: packed >>> 8 };
}
