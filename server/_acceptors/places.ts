/**
 * The places of a server whose threads accept for themselves, in memory that they
 * share: one for each connection that may be in progress, with the number of the
 * thread that has it and the client's address.
 *
 * ## Memory order
 *
 * A word of each place holds its owner, 0 while it is free. A thread takes a place
 * by a compare-and-exchange from 0 to its own number, so no place has two owners
 * and never are more taken than there are. Only the owner gives a place back, or
 * the main thread in its name when it is gone: what a thread holds is found by its
 * number, whatever it did last, and no count can be wrong.
 *
 * A thread that finds none counts itself among those that wait, looks once more
 * and sleeps in `Atomics.waitAsync` on `FREED`. Whoever frees a place adds to
 * `FREED` and then looks for somebody who waits. All atomic operations have one
 * total order (ECMA-262, "Memory Model"), so one of the two sees the other.
 *
 * ## Trust
 *
 * The threads run handlers, which can write anything anywhere in this memory.
 * The main thread reads only who owned a place and which address it had, when a
 * thread is gone: a wrong answer is a wrong message about a lost connection, of
 * which there are no more than places.
 */

import {
  ipv4Text,
  ipv6Text,
  readIPv4,
  readIPv6,
  withoutZone,
} from "../_core/ip_text.ts";

/** Adds up the places that were given back, modulo 2^32. */
const FREED = 0;
/** How many threads wait for a place. */
const WAITING = 1;
/** Changes whenever threads come or go. */
const CHANGES = 2;
/** What there is for each thread starts here, a cache line for each. */
const THREADS = 16;
const THREAD_WORDS = 16;
/** Of those: 1 while the thread accepts. */
const ACCEPTS = 0;
/** Of those: how many requests it has. */
const LOAD = 1;
/** Of those: whether it has ended any. */
const SERVED = 2;

/** Of each place: its owner, what kind of address, and its 16 bytes. */
const PLACE_WORDS = 6;
const KIND = 1;
const ADDRESS = 2;
const ADDRESS_BYTES = 16;

const IPV4 = 4;
const IPV6 = 6;

/**
 * More connections than this no process has: Linux's `fs.nr_open`, the most
 * descriptors that one may be allowed, is no larger unless it was raised.
 */
const MOST_PLACES = 2 ** 20;

/** Where things are, for all who share the memory. */
export interface PlacesMemory {
  readonly memory: SharedArrayBuffer;
  /** How many threads accept at most. */
  readonly workers: number;
  /** How many there are at most, with those that have left that to others. */
  readonly threads: number;
  /** How many places there are. */
  readonly size: number;
}

/** Allocates places, all of them free. */
export function allocatePlaces(workers: number, limit: number): PlacesMemory {
  // A thread that is replaced is there beside the one that has its place.
  const threads = 2 * workers;
  const size = Math.min(limit, MOST_PLACES);
  const words = THREADS + threads * THREAD_WORDS + size * PLACE_WORDS;
  return { memory: new SharedArrayBuffer(4 * words), workers, threads, size };
}

/** A client, as far as a place tells. */
export type ClientAddress = Deno.NetAddr & { transport: "tcp" };

/** What all of them can see and change. */
class SharedPlaces {
  protected readonly words: Int32Array;
  protected readonly threads: number;
  /** How many there are. */
  readonly size: number;
  protected readonly bytes: Uint8Array;
  readonly #first: number;

  constructor({ memory, threads, size }: PlacesMemory) {
    this.words = new Int32Array(memory);
    this.bytes = new Uint8Array(memory);
    this.threads = threads;
    this.size = size;
    this.#first = THREADS + threads * THREAD_WORDS;
  }

  /** Where the words of a place begin. */
  protected at(place: number): number {
    return this.#first + place * PLACE_WORDS;
  }

  /** How many requests a thread says that it has. */
  loadOf(thread: number): number {
    return Atomics.load(this.words, wordOf(thread, LOAD));
  }

  /** Whether a thread accepts. */
  accepts(thread: number): boolean {
    return Atomics.load(this.words, wordOf(thread, ACCEPTS)) === 1;
  }

  /** Changes whenever threads come or go. */
  get changes(): number {
    return Atomics.load(this.words, CHANGES);
  }

  /** Has threads look again at which there are. */
  change(): void {
    Atomics.add(this.words, CHANGES, 1);
    Atomics.notify(this.words, CHANGES);
  }

  protected setAccepts(thread: number, accepts: boolean): void {
    Atomics.store(this.words, wordOf(thread, ACCEPTS), accepts ? 1 : 0);
    this.change();
  }

  /** Tells those who wait that places are free. */
  protected tellFreed(): void {
    Atomics.add(this.words, FREED, 1);
    if (Atomics.load(this.words, WAITING) !== 0) {
      Atomics.notify(this.words, FREED);
    }
  }
}

/** The places, as the main thread sees them. */
export class AllPlaces extends SharedPlaces {
  /** Says that a thread accepts no more. */
  endAccepting(thread: number): void {
    this.setAccepts(thread, false);
  }

  /** Makes room for another thread where one was. */
  clear(thread: number): void {
    this.endAccepting(thread);
    Atomics.store(this.words, wordOf(thread, LOAD), 0);
    Atomics.store(this.words, wordOf(thread, SERVED), 0);
  }

  /** Whether a thread says that it has served a request to its end. */
  hasServed(thread: number): boolean {
    return Atomics.load(this.words, wordOf(thread, SERVED)) !== 0;
  }

  /**
   * Gives back the places of a thread that is gone.
   *
   * @param owner Its number.
   * @returns The clients that it had.
   */
  takeBack(owner: number): ClientAddress[] {
    const clients: ClientAddress[] = [];
    for (let place = 0; place < this.size; place++) {
      const at = this.at(place);
      if (Atomics.load(this.words, at) !== owner) continue;
      const client = this.#clientOf(at);
      if (client !== undefined) clients.push(client);
      this.words[at + KIND] = 0;
      Atomics.compareExchange(this.words, at, owner, 0);
    }
    this.tellFreed();
    return clients;
  }

  /** The client of a place, unless the place only waits for one. */
  #clientOf(at: number): ClientAddress | undefined {
    const packed = this.words[at + KIND]!;
    const start = 4 * (at + ADDRESS);
    const bytes = this.bytes.slice(start, start + ADDRESS_BYTES);
    const port = packed & 0xffff;
    switch (packed >>> 16) {
      case IPV4:
        return { hostname: ipv4Text(bytes.subarray(0, 4)), port, transport };
      case IPV6:
        return { hostname: ipv6Text(bytes), port, transport };
    }
    return undefined;
  }
}

const transport = "tcp";

/** The places, as one of the threads sees and takes them. */
export class OwnPlaces extends SharedPlaces {
  readonly #owner: number;
  readonly #thread: number;
  readonly #workers: number;
  /** Where to look first. */
  #next: number;
  #load = 0;

  /**
   * @param memory The memory.
   * @param owner The number under which this thread takes places: no other ever
   * has the same.
   * @param thread Which of the threads it is, from 0.
   */
  constructor(memory: PlacesMemory, owner: number, thread: number) {
    super(memory);
    this.#owner = owner;
    this.#thread = thread;
    this.#workers = memory.workers;
    this.#next = Math.floor(thread * this.size / this.threads);
  }

  /** Takes a place, if one is free. -1 says that there is none. */
  take(): number {
    for (let tries = 0; tries < this.size; tries++) {
      const place = this.#next;
      const at = this.at(place);
      this.#next = place + 1 === this.size ? 0 : place + 1;
      if (
        Atomics.load(this.words, at) === 0 &&
        Atomics.compareExchange(this.words, at, 0, this.#owner) === 0
      ) return place;
    }
    return -1;
  }

  /** Notes who has a place. */
  note(place: number, client: Deno.Addr): void {
    const { hostname, port } = client as Deno.NetAddr;
    const at = this.at(place);
    const start = 4 * (at + ADDRESS);
    const isIPv6 = hostname.includes(":");
    if (isIPv6) readIPv6(withoutZone(hostname), this.bytes, start);
    else readIPv4(hostname, this.bytes, start);
    this.words[at + KIND] = (isIPv6 ? IPV6 : IPV4) << 16 | port;
  }

  /** Gives a place back. */
  free(place: number): void {
    const at = this.at(place);
    this.words[at + KIND] = 0;
    Atomics.store(this.words, at, 0);
    // The one used last is the likeliest to be in a cache.
    this.#next = place;
    this.tellFreed();
  }

  /** Says that this thread accepts from now on. */
  beginAccepting(): void {
    this.setAccepts(this.#thread, true);
  }

  /** Says how many requests this thread has. */
  set load(load: number) {
    if (load < this.#load) {
      Atomics.store(this.words, wordOf(this.#thread, SERVED), 1);
    }
    this.#load = load;
    Atomics.store(this.words, wordOf(this.#thread, LOAD), load);
  }

  get load(): number {
    return this.#load;
  }

  /** The others that accept. */
  *others(): Iterable<number> {
    for (let thread = 0; thread < this.threads; thread++) {
      if (thread !== this.#thread && this.accepts(thread)) yield thread;
    }
  }

  /** Whether as many threads accept as may. */
  get complete(): boolean {
    let count = 0;
    for (let thread = 0; thread < this.threads; thread++) {
      if (this.accepts(thread)) count++;
    }
    return count >= this.#workers;
  }

  /** Whether no other accepts. */
  get alone(): boolean {
    for (const _ of this.others()) return false;
    return true;
  }

  /** Whether all that accept have requests. */
  get allBusy(): boolean {
    if (this.#load === 0) return false;
    for (const other of this.others()) {
      if (this.loadOf(other) === 0) return false;
    }
    return true;
  }

  /** Waits until threads come or go, but not for longer than a time. */
  async awaitChange(changes: number, ms: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.words, CHANGES, changes, ms);
    if (waiting.async) await waiting.value;
  }

  /**
   * Waits until a place may be free.
   *
   * @param isFree Looks whether one is.
   * @param wake Called once, then or before.
   */
  awaken(isFree: () => boolean, wake: () => void): void {
    const freed = Atomics.load(this.words, FREED);
    Atomics.add(this.words, WAITING, 1);
    const done = () => {
      Atomics.sub(this.words, WAITING, 1);
      wake();
    };
    if (isFree()) return done();
    const waiting = Atomics.waitAsync(this.words, FREED, freed);
    if (waiting.async) void waiting.value.then(done);
    else done();
  }
}

function wordOf(thread: number, word: number): number {
  return THREADS + thread * THREAD_WORDS + word;
}
