/**
 * A ring of bytes in shared memory, with one producer and one consumer in
 * different threads.
 *
 * ## Memory order
 *
 * `HEAD` and `TAIL` count the bytes that were taken out and put in, modulo 2^32.
 * Only the consumer writes `HEAD`, only the producer `TAIL`, and both through
 * `Atomics`, which orders everything else around them: the producer copies
 * bytes and then stores `TAIL`; a consumer that loads this `TAIL` sees the
 * bytes. In the same way the producer reuses room only after it has loaded the
 * `HEAD` that the consumer stored when it was done with it.
 *
 * Sleeping: the consumer stores 1 to `CONSUMER_ASLEEP` and then loads `TAIL`
 * once more; the producer stores `TAIL` and then loads `CONSUMER_ASLEEP`. All
 * atomic operations have one total order (ECMA-262, "Memory Model"), so at least
 * one of them sees the other's store: either the consumer finds the new bytes
 * and stays awake, or the producer finds it asleep and wakes it. A consumer that
 * looks for bytes instead stores 0 meanwhile, and does the same again before it
 * sleeps on. Waiting for room works alike, with `PRODUCER_ASLEEP` and `HEAD`.
 *
 * ## Trust
 *
 * The other thread runs handlers, and whatever they run can write anything
 * anywhere in this memory. So each side keeps its own position to itself, loads
 * the other's once for each use, and takes it only where the bytes between the
 * two fit into the ring. A word that says who sleeps can only wake a side for
 * nothing, which `RingCarrier` bounds.
 */

import { ProtocolError } from "../_bridge/frames.ts";
import { putNumber } from "../_bridge/numbers.ts";

// Indices into the control words. Each side's are on a cache line of their own.
const TAIL = 0;
const PRODUCER_ASLEEP = 1;
const HEAD = 16;
const CONSUMER_ASLEEP = 17;
const CONTROL_BYTES = 128;

/** Allocates the memory of a ring of `capacity` bytes, a power of two. */
export function allocateRing(capacity: number): SharedArrayBuffer {
  if (
    !Number.isInteger(capacity) || capacity < 16 || capacity > 2 ** 30 ||
    (capacity & (capacity - 1)) !== 0
  ) {
    throw new RangeError(
      `Cannot allocate a ring of ${capacity} bytes: the capacity must be a power of two from 16 to 2^30`,
    );
  }
  return new SharedArrayBuffer(CONTROL_BYTES + capacity);
}

/** The side that puts bytes in. */
export class RingProducer {
  readonly #control: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;
  #tail: number;
  /** The consumer's position when last looked at. */
  #head: number;
  #forged = false;

  constructor(memory: SharedArrayBuffer) {
    this.#control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.#bytes = new Uint8Array(memory, CONTROL_BYTES);
    this.#capacity = this.#bytes.length;
    this.#tail = Atomics.load(this.#control, TAIL);
    this.#head = Atomics.load(this.#control, HEAD);
  }

  /**
   * Whether the consumer's position was one that it cannot have. From then on
   * there is no more room than there was before.
   */
  get forged(): boolean {
    return this.#forged;
  }

  /** Whether `size` bytes fit in. */
  hasRoom(size: number): boolean {
    return this.#free() >= size || this.room() >= size;
  }

  /** How many bytes fit in. */
  room(): number {
    const head = Atomics.load(this.#control, HEAD);
    const taken = (head - this.#head) >>> 0;
    if (taken > ((this.#tail - this.#head) >>> 0)) this.#forged = true;
    else if (!this.#forged) this.#head = head;
    return this.#free();
  }

  /**
   * Puts in two numbers of 32 bits, little-endian: sooner than bytes that are
   * copied. There must be room. They are seen after `publish`.
   */
  putNumbers(first: number, second: number): void {
    const mask = this.#capacity - 1;
    const at = this.#tail & mask;
    if (at + 8 <= this.#capacity) {
      putNumber(this.#bytes, at, first);
      putNumber(this.#bytes, at + 4, second);
    } else {
      for (let i = 0; i < 4; i++) {
        this.#bytes[(at + i) & mask] = first >> 8 * i;
        this.#bytes[(at + 4 + i) & mask] = second >> 8 * i;
      }
    }
    this.#tail = (this.#tail + 8) | 0;
  }

  /** Copies bytes in. There must be room. They are seen after `publish`. */
  put(bytes: Uint8Array): void {
    const at = this.#tail & (this.#capacity - 1);
    const first = this.#capacity - at;
    if (bytes.length <= first) this.#bytes.set(bytes, at);
    else {
      this.#bytes.set(bytes.subarray(0, first), at);
      this.#bytes.set(bytes.subarray(first));
    }
    this.#tail = (this.#tail + bytes.length) | 0;
  }

  /** Puts in bytes that say nothing. There must be room. */
  skip(size: number): void {
    this.#tail = (this.#tail + size) | 0;
  }

  /** Shows the consumer what was put in. One that sleeps sees it when woken. */
  publish(): void {
    Atomics.store(this.#control, TAIL, this.#tail);
  }

  /** Wakes the consumer if it sleeps. */
  wake(): void {
    wake(this.#control, CONSUMER_ASLEEP);
  }

  /**
   * Waits until there is room for `size` bytes, at most the capacity.
   *
   * @returns `undefined` if there is already.
   */
  waitForRoom(size: number): Promise<unknown> | undefined {
    return sleep(this.#control, PRODUCER_ASLEEP, () => this.hasRoom(size));
  }

  /** Ends a `waitForRoom`, on this side. */
  interrupt(): void {
    interrupt(this.#control, PRODUCER_ASLEEP);
  }

  #free(): number {
    return this.#capacity - ((this.#tail - this.#head) | 0);
  }
}

/** The side that takes bytes out. */
export class RingConsumer {
  readonly #control: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;
  #head: number;

  constructor(memory: SharedArrayBuffer) {
    this.#control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.#bytes = new Uint8Array(memory, CONTROL_BYTES);
    this.#capacity = this.#bytes.length;
    this.#head = Atomics.load(this.#control, HEAD);
  }

  /**
   * Passes what is in to `take`, in pieces that are lent for the call. Their
   * room is free again when it returns, or throws.
   *
   * @param most After how many bytes to stop.
   * @returns How many bytes there were.
   * @throws {ProtocolError} If the producer says that it has put in more than
   * fits in.
   */
  drain(take: (piece: Uint8Array) => void, most = Infinity): number {
    const there = (Atomics.load(this.#control, TAIL) - this.#head) >>> 0;
    if (there > this.#capacity) {
      throw new ProtocolError(
        `Cannot take ${there} bytes from a ring: it holds at most ${this.#capacity}`,
      );
    }
    const wanted = Math.min(there, most);
    let drained = 0;
    while (drained < wanted) {
      const at = this.#head & (this.#capacity - 1);
      const size = Math.min(wanted - drained, this.#capacity - at);
      try {
        take(this.#bytes.subarray(at, at + size));
      } finally {
        this.#head = (this.#head + size) | 0;
        Atomics.store(this.#control, HEAD, this.#head);
      }
      drained += size;
    }
    if (drained > 0) wake(this.#control, PRODUCER_ASLEEP);
    return drained;
  }

  /**
   * Waits for bytes.
   *
   * @returns `undefined` if there are some already.
   */
  waitForBytes(): Promise<unknown> | undefined {
    return sleep(
      this.#control,
      CONSUMER_ASLEEP,
      () => Atomics.load(this.#control, TAIL) !== this.#head,
    );
  }

  /** Ends a `waitForBytes`, on this side. */
  interrupt(): void {
    interrupt(this.#control, CONSUMER_ASLEEP);
  }
}

function sleep(
  control: Int32Array,
  asleep: number,
  isReady: () => boolean,
): Promise<unknown> | undefined {
  if (isReady()) return undefined;
  Atomics.store(control, asleep, 1);
  if (isReady()) {
    Atomics.store(control, asleep, 0);
    return undefined;
  }
  const waiting = Atomics.waitAsync(control, asleep, 1);
  return waiting.async ? waiting.value : undefined;
}

/** Wakes this side, whatever the other has made of the word. */
function interrupt(control: Int32Array, asleep: number): void {
  Atomics.store(control, asleep, 0);
  Atomics.notify(control, asleep);
}

function wake(control: Int32Array, asleep: number): void {
  if (
    Atomics.load(control, asleep) === 1 &&
    Atomics.exchange(control, asleep, 0) === 1
  ) {
    Atomics.notify(control, asleep);
  }
}
