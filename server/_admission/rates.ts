import { cellOf, ROWS, rowSize } from "./cells.ts";
import type { Counted } from "./counts.ts";

/** How many ticks a request takes from what its address may send. */
const COST = 16;
/** What a cell has that no address has used. */
const NEVER = 0;

/** Allocates memory for what so many addresses may still send. */
export function allocateRates(addresses: number): SharedArrayBuffer {
  return new SharedArrayBuffer(
    ROWS * rowSize(addresses) * Int32Array.BYTES_PER_ELEMENT,
  );
}

/**
 * What each address may send: a leaky bucket, as the generic cell rate algorithm
 * has it (ITU-T I.371, annex A; "virtual scheduling").
 *
 * A cell has the time at which its address may send as if it had never sent. Each
 * request makes it later by the time that one may take, `COST` ticks. Nothing has
 * to be done as time goes by: a cell whose time has passed is as good as new. Times
 * have 32 bits and begin again after 2^28 times what one request may take; one that
 * is further ahead than it could be has passed long ago. An address that comes again
 * after just so long may be taken for one that has just come: of all times, those
 * are `burst` in 2^28.
 *
 * Times are shared by all threads, and changed by compare-and-exchange. As with
 * counts, a request is counted first and looked at then.
 */
export class Rates {
  readonly #times: Int32Array;
  readonly #size: number;
  /** How far ahead of now a time may be, in ticks, for a request to be let in. */
  readonly #most: number;
  /** How far it can be, while all threads look. */
  readonly #furthest: number;
  readonly #ticksPerMillisecond: number;
  /** What the request that is looked at has added to each of its cells. */
  readonly #added = new Int32Array(ROWS);

  /**
   * @param memory What `allocateRates` has given.
   * @param addresses For how many addresses that is.
   * @param burst How many requests of one address may come at once.
   * @param perSecond How many may come in a second, on the whole.
   * @param threads How many threads there are.
   */
  constructor(
    memory: SharedArrayBuffer,
    addresses: number,
    burst: number,
    perSecond: number,
    threads: number,
  ) {
    this.#times = new Int32Array(memory);
    this.#size = rowSize(addresses);
    this.#most = COST * burst;
    this.#furthest = this.#most + COST * threads;
    this.#ticksPerMillisecond = COST * perSecond / 1_000;
  }

  /**
   * Counts a request.
   *
   * @param address Whose it is.
   * @param now The time, in milliseconds.
   * @returns Whether it is let in. Otherwise it is not counted.
   */
  take({ first, second }: Counted, now: number): boolean {
    const ticks = Math.floor(now * this.#ticksPerMillisecond) | 0;
    for (let row = 0; row < ROWS; row++) {
      const cell = cellOf(row, first, second, this.#size);
      this.#added[row] = this.#delay(cell, ticks);
    }
    let least = Infinity;
    for (let row = 0; row < ROWS; row++) {
      const time = Atomics.load(
        this.#times,
        cellOf(row, first, second, this.#size),
      );
      least = Math.min(least, time - ticks | 0);
    }
    if (least <= this.#most) return true;
    for (let row = 0; row < ROWS; row++) {
      Atomics.sub(
        this.#times,
        cellOf(row, first, second, this.#size),
        this.#added[row]!,
      );
    }
    return false;
  }

  /**
   * Makes the time of a cell later, but no later than it can be: addresses that share
   * it come one by one, and a time beyond that would be taken for one that has passed.
   *
   * @returns By how much, in ticks.
   */
  #delay(cell: number, now: number): number {
    // Another thread has changed it meanwhile wherever this does not end.
    for (;;) {
      const time = Atomics.load(this.#times, cell);
      const ahead = time - now | 0;
      const isAhead = time !== NEVER && ahead > 0 && ahead <= this.#furthest;
      const added = isAhead ? Math.min(COST, this.#furthest - ahead) : COST;
      const next = (isAhead ? time : now) + added | 0 || NEVER + 1;
      if (Atomics.compareExchange(this.#times, cell, time, next) === time) {
        return added;
      }
    }
  }
}
