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
 * the main thread in its name when it is gone and its connections are closed: what
 * a thread holds is found by its number, whatever it did last.
 *
 * Fewer may be taken than there are places, since the limit changes while the
 * threads serve. So a thread counts one in `TAKEN` first, by a compare-and-exchange
 * that keeps to the limit, and notes beside it how many of those are its own: when
 * it is gone, so many are counted no more. Nothing can end a thread between the
 * two, as no function is called and no loop goes round. As more places are there
 * than are counted, one that has counted finds one that is free. A larger limit
 * makes the memory grow, and each thread looks at more of it when it next takes a
 * place.
 *
 * A thread that finds none counts itself among those that wait, looks once more
 * and sleeps in `Atomics.waitAsync` on `FREED`. Whoever frees a place adds to
 * `FREED` and then looks for somebody who waits. All atomic operations have one
 * total order (ECMA-262, "Memory Model"), so one of the two sees the other.
 *
 * ## Trust
 *
 * The threads run handlers, which can write anything anywhere in this memory.
 * The main thread reads only who owned a place, which address it had and how many
 * a thread had, when the thread is gone: a wrong answer is a wrong message about a
 * lost connection, of which there are no more than places, or a wrong count of
 * those that are taken, which any thread can make wrong by itself.
 */

import {
  ipv4Text,
  ipv6Text,
  readIPv4,
  readIPv6,
  withoutZone,
} from "../../handlers/_ip_text.ts";

/** Adds up the places that were given back, modulo 2^32. */
const FREED = 0;
/** How many threads wait for a place. */
const WAITING = 1;
/** Changes whenever threads come or go. */
const CHANGES = 2;
/** How many places are taken. */
const TAKEN = 3;
/** How many may be. */
const LIMIT = 4;
/** 1 while no thread is to accept. */
const SUSPENDED = 5;
/** How many threads have accepted a client for whom there is no place. */
const HOLDING = 6;
/** What there is for each thread starts here, a cache line for each. */
const THREADS = 16;
const THREAD_WORDS = 16;
/** Of those: 1 while the thread accepts. */
const ACCEPTS = 0;
/** Of those: how many requests it has. */
const LOAD = 1;
/** Of those: whether it has ended any. */
const SERVED = 2;
/** Of those: how many places it has. */
const PLACES = 3;
/** Of those: the number under which it takes places. */
const OWNER = 4;
/** Of those: 1 while it has accepted a client for whom there is no place. */
const HOLDS = 5;

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
  /** How many places there are at first. */
  readonly size: number;
}

/** How many threads there are at most where so many accept. */
export function threadsOf(workers: number): number {
  // One that is replaced is there beside the one that has its place. While the server
  // is suspended all of them may keep clients, and one more is replaced at a time.
  return 2 * workers + 1;
}

/** Allocates places, all of them free. */
export function allocatePlaces(workers: number, limit: number): PlacesMemory {
  const threads = threadsOf(workers);
  const size = Math.min(limit, MOST_PLACES);
  const bytes = (size: number) => 4 * wordsOf(threads, size);
  // What is not used of the most is not allocated either.
  const maxByteLength = bytes(MOST_PLACES);
  const memory = new SharedArrayBuffer(bytes(size), { maxByteLength });
  Atomics.store(new Int32Array(memory), LIMIT, size);
  return { memory, workers, threads, size };
}

/** How many words there are for so many threads and places. */
function wordsOf(threads: number, size: number): number {
  return THREADS + threads * THREAD_WORDS + size * PLACE_WORDS;
}

/** A client, as far as a place tells. */
export type ClientAddress = Deno.NetAddr & { transport: "tcp" };

/** What all of them can see and change. */
class SharedPlaces {
  protected readonly memory: SharedArrayBuffer;
  protected words!: Int32Array;
  protected readonly threads: number;
  /** How many places this thread looks at. */
  size!: number;
  protected bytes!: Uint8Array;
  readonly #first: number;

  constructor({ memory, threads, size }: PlacesMemory) {
    this.memory = memory;
    this.threads = threads;
    this.#first = THREADS + threads * THREAD_WORDS;
    this.lookAt(size);
  }

  /** Looks at so many places from now on. */
  protected lookAt(size: number): void {
    const words = wordsOf(this.threads, size);
    // Not at all that will ever be: arrays that grow with their memory are slow.
    this.words = new Int32Array(this.memory, 0, words);
    this.bytes = new Uint8Array(this.memory, 0, 4 * words);
    this.size = size;
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
  #limit: number;

  /**
   * @param memory The memory.
   * @param limit How many places may be taken, also where the memory has fewer.
   */
  constructor(memory: PlacesMemory, limit: number) {
    super(memory);
    this.#limit = limit;
  }

  /** How many places may be taken. */
  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = limit;
    const size = Math.min(limit, MOST_PLACES);
    if (size > this.size) {
      this.memory.grow(4 * wordsOf(this.threads, size));
      this.lookAt(size);
    }
    Atomics.store(this.words, LIMIT, size);
    this.tellFreed();
  }

  /** Has threads accept, or not. */
  suspend(isSuspended: boolean): void {
    Atomics.store(this.words, SUSPENDED, isSuspended ? 1 : 0);
  }

  /** Says that a thread accepts no more. */
  endAccepting(thread: number): void {
    this.setAccepts(thread, false);
  }

  /** Whether a thread says that it has served a request to its end. */
  hasServed(thread: number): boolean {
    return Atomics.load(this.words, wordOf(thread, SERVED)) !== 0;
  }

  /**
   * Takes a thread for gone: it takes no places any more, and gives none back.
   *
   * @param owner Its number.
   * @param thread Which of the threads it is.
   * @returns The clients that it has.
   */
  leave(owner: number, thread: number): ClientAddress[] {
    Atomics.store(this.words, wordOf(thread, OWNER), 0);
    const holds = Atomics.exchange(this.words, wordOf(thread, HOLDS), 0);
    Atomics.sub(this.words, HOLDING, holds);
    this.endAccepting(thread);
    const clients: ClientAddress[] = [];
    for (const at of this.#ownedBy(owner)) {
      const client = this.#clientOf(at);
      if (client !== undefined) clients.push(client);
    }
    return clients;
  }

  /**
   * Gives back the places of a thread that is gone, and makes room for another
   * where it was: its connections are closed.
   *
   * @param owner Its number.
   * @param thread Which of the threads it is.
   */
  takeBack(owner: number, thread: number): void {
    for (const at of this.#ownedBy(owner)) {
      this.words[at + KIND] = 0;
      Atomics.compareExchange(this.words, at, owner, 0);
    }
    const places = Atomics.exchange(this.words, wordOf(thread, PLACES), 0);
    Atomics.sub(this.words, TAKEN, places);
    Atomics.store(this.words, wordOf(thread, LOAD), 0);
    Atomics.store(this.words, wordOf(thread, SERVED), 0);
    this.tellFreed();
  }

  /** Where the words of its places begin. */
  *#ownedBy(owner: number): Iterable<number> {
    for (let place = 0; place < this.size; place++) {
      const at = this.at(place);
      if (Atomics.load(this.words, at) === owner) yield at;
    }
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
  /** How many places this thread has. */
  #places = 0;
  #holds = false;
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
    Atomics.store(this.words, wordOf(thread, OWNER), owner);
  }

  /**
   * Whether this thread is taken for gone, as where an endless loop could not be
   * ended and has ended after all: nothing of this memory is its own any more.
   */
  get gone(): boolean {
    return Atomics.load(this.words, wordOf(this.#thread, OWNER)) !==
      this.#owner;
  }

  /** Takes a place, if one is free. -1 says that there is none. */
  take(): number {
    if (this.gone) return -1;
    const { limit } = this;
    if (limit > this.size) this.#lookAtMore(limit);
    if (!this.#count(limit)) return -1;
    // One is free, since each that is not has been counted before. Others may take
    // and free them while it is looked for, but for how long nobody could say if
    // the memory were written over.
    for (let tries = 0; tries < 2 * this.size; tries++) {
      const place = this.#next;
      const at = this.at(place);
      this.#next = place + 1 >= this.size ? 0 : place + 1;
      if (
        Atomics.load(this.words, at) === 0 &&
        Atomics.compareExchange(this.words, at, 0, this.#owner) === 0
      ) return place;
    }
    this.#countLess();
    return -1;
  }

  /** Looks at the places that the memory has grown by. */
  #lookAtMore(limit: number): void {
    const words = this.memory.byteLength / 4 - wordsOf(this.threads, 0);
    this.lookAt(Math.min(limit, Math.floor(words / PLACE_WORDS)));
  }

  /** How many places may be taken. */
  get limit(): number {
    return Atomics.load(this.words, LIMIT);
  }

  /** Whether no thread is to accept. */
  get suspended(): boolean {
    return Atomics.load(this.words, SUSPENDED) === 1;
  }

  /** Counts one more that is taken, if it may be. */
  #count(limit: number): boolean {
    const own = wordOf(this.#thread, PLACES);
    const places = this.#places + 1;
    for (;;) {
      const taken = Atomics.load(this.words, TAKEN);
      if (taken >= limit) return false;
      if (
        Atomics.compareExchange(this.words, TAKEN, taken, taken + 1) === taken
      ) {
        Atomics.store(this.words, own, places);
        this.#places = places;
        return true;
      }
    }
  }

  #countLess(): void {
    const own = wordOf(this.#thread, PLACES);
    const places = --this.#places;
    Atomics.sub(this.words, TAKEN, 1);
    Atomics.store(this.words, own, places);
  }

  /**
   * Says whether this thread has accepted a client for whom there is no place. The
   * next is for that one: others that only wait for clients leave it.
   */
  set holds(holds: boolean) {
    if (holds === this.#holds || this.gone) return;
    this.#holds = holds;
    const own = wordOf(this.#thread, HOLDS);
    const number = holds ? 1 : 0;
    Atomics.add(this.words, HOLDING, holds ? 1 : -1);
    Atomics.store(this.words, own, number);
    if (!holds) this.tellFreed();
  }

  /** Whether other threads hold clients. */
  get othersHold(): boolean {
    return Atomics.load(this.words, HOLDING) > (this.#holds ? 1 : 0);
  }

  /** Whether more are taken than may be: the limit was larger before. */
  get tooMany(): boolean {
    return Atomics.load(this.words, TAKEN) > this.limit;
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
    if (this.gone) return;
    const at = this.at(place);
    this.words[at + KIND] = 0;
    Atomics.store(this.words, at, 0);
    this.#countLess();
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
