import { INT_MAX } from "./_check.ts";
import { POLLERR, POLLHUP, POLLNVAL } from "./constants_poll.ts";
import { EpollSource } from "./_epoll_source.ts";
import { platform } from "./_platform.ts";
import { PollSource } from "./_poll_source.ts";
import type { Source } from "./_source.ts";
import { Deadline } from "./_timeout.ts";

/**
 * Waiting without blocking the event loop. One thread waits in the kernel for
 * everybody, and only while somebody does.
 */

/** How a wait ended. */
export type Outcome = "ready" | "closed" | "timeout";

/** What is waited for. */
export interface Interest {
  readonly fd: number;
  readonly events: number;
}

/** What ends a wait besides. */
export interface Limits {
  /** In milliseconds; -1 for none. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/** Reported whether asked for or not. */
const ALWAYS = POLLERR | POLLHUP | POLLNVAL;

/**
 * Turns of the microtask queue before the thread waits again: enough for what
 * was woken to read, write and wait anew, so that one call serves it all.
 */
const SETTLING = 6;

/** The process that ends with its main thread takes everything along. */
const IN_WORKER = "WorkerGlobalScope" in globalThis;

class Wait {
  readonly interests: readonly Interest[];
  readonly promise: Promise<Outcome>;
  readonly #settle: PromiseWithResolvers<Outcome> = Promise.withResolvers();
  /** Undoes the timer and the signal's listener. */
  cleanUp: (() => void) | undefined;

  constructor(interests: readonly Interest[]) {
    this.interests = interests;
    this.promise = this.#settle.promise;
  }

  resolve(outcome: Outcome): void {
    this.#settle.resolve(outcome);
  }

  reject(error: unknown): void {
    this.#settle.reject(error);
  }
}

/** Every wait of this thread. */
export class Waiter {
  readonly #source: Source;
  /** Called when nobody waits any more. */
  readonly #whenIdle: () => void;
  readonly #waits = new Set<Wait>();
  /** Who waits for a descriptor, and for what. */
  readonly #byDescriptor = new Map<number, Map<Wait, number>>();
  #running = false;
  #inCall = false;
  /** Waits that ended while the thread was in the kernel, and go when it is back. */
  #leaving: (() => void)[] = [];
  /** Numbers closed while the thread was in the kernel: what it tells is of the old owner. */
  readonly #stale = new Set<number>();

  constructor(source: Source, whenIdle: () => void = () => {}) {
    this.#source = source;
    this.#whenIdle = whenIdle;
  }

  /**
   * Waits until one of the descriptors may be ready. It may also be a false
   * alarm: the caller tries, and waits again.
   */
  async wait(
    interests: readonly Interest[],
    limits: Limits,
  ): Promise<Outcome> {
    // First, so that it ends as idle whatever becomes of this wait.
    this.#start();
    limits.signal?.throwIfAborted();
    const wait = new Wait(interests);
    this.#waits.add(wait);
    try {
      for (const interest of interests) {
        this.#add(wait, interest);
        // One that is closed has woken it.
        if (!this.#waits.has(wait)) break;
      }
    } catch (error) {
      this.#end(wait, () => wait.reject(error));
    }
    if (this.#waits.has(wait)) this.#limit(wait, limits);
    return await wait.promise;
  }

  /** Ends every wait for a descriptor that is about to be closed. */
  forget(fd: number): void {
    this.#source.forget(fd);
    if (this.#inCall) this.#stale.add(fd);
    this.#closed(fd);
  }

  close(): void {
    this.#source.close();
  }

  /** Whether nobody waits. */
  get idle(): boolean {
    return !this.#running;
  }

  /** Whether it does without the descriptors that it should have. */
  get limping(): boolean {
    return this.#source.limping === true;
  }

  #add(wait: Wait, { fd, events }: Interest): void {
    let waits = this.#byDescriptor.get(fd);
    if (waits === undefined) this.#byDescriptor.set(fd, waits = new Map());
    waits.set(wait, (waits.get(wait) ?? 0) | events);
    if (this.#arm(fd, waits, waits.size === 1)) return;
    // The others waited for what had the number before.
    const alone = waits.size === 1;
    this.#closed(fd, wait);
    if (alone || !this.#arm(fd, waits, true)) this.#ready(fd, POLLNVAL);
  }

  /** @returns False if the descriptor is not open, or no longer the one it was. */
  #arm(
    fd: number,
    waits: ReadonlyMap<Wait, number>,
    first: boolean,
  ): boolean {
    let events = 0;
    for (const asked of waits.values()) events |= asked;
    return this.#source.arm(fd, events, first) !== "gone";
  }

  /** For those who wait already: one that was closed behind our back ends them. */
  #armAgain(fd: number, waits: ReadonlyMap<Wait, number>): void {
    if (!this.#arm(fd, waits, false)) this.#closed(fd);
  }

  /** Ends the waits for a descriptor that is gone, except one of them. */
  #closed(fd: number, except?: Wait): void {
    for (const wait of this.#byDescriptor.get(fd)?.keys() ?? []) {
      if (wait !== except) this.#end(wait, () => wait.resolve("closed"));
    }
  }

  #limit(wait: Wait, { timeout, signal }: Limits): void {
    if (timeout < 0 && signal === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Deadline(timeout);
    const expire = () => {
      if (deadline.passed) this.#end(wait, () => wait.resolve("timeout"));
      else timer = setTimeout(expire, Math.min(deadline.left, INT_MAX));
    };
    if (timeout >= 0) expire();
    const abort = () => this.#end(wait, () => wait.reject(signal?.reason));
    signal?.addEventListener("abort", abort);
    wait.cleanUp = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    if (!this.#waits.has(wait)) wait.cleanUp();
  }

  /**
   * Ends a wait. The last one gets the thread out of the kernel and goes only
   * when it is back: nothing is left behind it.
   */
  #end(wait: Wait, settle: () => void): void {
    if (!this.#waits.delete(wait)) return;
    wait.cleanUp?.();
    for (const { fd } of wait.interests) {
      const waits = this.#byDescriptor.get(fd);
      if (waits?.delete(wait) && waits.size === 0) {
        this.#byDescriptor.delete(fd);
      }
    }
    if (this.#inCall && this.#waits.size === 0) {
      this.#leaving.push(settle);
      this.#source.interrupt();
    } else settle();
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#run();
  }

  async #run(): Promise<void> {
    try {
      while (true) {
        for (let turn = 0; turn < SETTLING; turn++) await undefined;
        if (this.#waits.size === 0) return;
        this.#stale.clear();
        this.#inCall = true;
        const count = await this.#source.wait();
        this.#inCall = false;
        for (const settle of this.#leaving.splice(0)) settle();
        if (count === 0) this.#rearm();
        for (let i = 0; i < count; i++) {
          this.#report(this.#source.fdAt(i), this.#source.eventsAt(i));
        }
      }
    } catch (error) {
      this.#inCall = false;
      for (const settle of this.#leaving.splice(0)) settle();
      for (const wait of this.#waits) this.#end(wait, () => wait.reject(error));
    } finally {
      this.#running = false;
      this.#whenIdle();
    }
  }

  /** Something came. Where the number has a new owner, it is asked for anew. */
  #report(fd: number, events: number): void {
    if (!this.#stale.has(fd)) return this.#ready(fd, events);
    const waits = this.#byDescriptor.get(fd);
    if (waits !== undefined) this.#armAgain(fd, waits);
  }

  /** Something came: wakes those who asked for it, and asks again for the others. */
  #ready(fd: number, events: number): void {
    const waits = this.#byDescriptor.get(fd);
    if (waits === undefined) return;
    for (const [wait, asked] of waits) {
      if ((events & (asked | ALWAYS)) !== 0) {
        this.#end(wait, () => wait.resolve("ready"));
      }
    }
    if (waits.size > 0) this.#armAgain(fd, waits);
  }

  /** A descriptor that was closed behind our back fails to arm, and ends its waits. */
  #rearm(): void {
    for (const [fd, waits] of this.#byDescriptor) this.#armAgain(fd, waits);
  }
}

let waiter: Waiter | undefined;

/** Waits until one of the descriptors may be ready, is closed, or time is up. */
export function waitForAny(
  interests: readonly Interest[],
  limits: Limits,
): Promise<Outcome> {
  return (waiter ??= create()).wait(interests, limits);
}

/** To be called before a descriptor is closed: whoever waits for it is woken. */
export function forget(fd: number): void {
  waiter?.forget(fd);
}

/** Who needs to wait later, and must not find then that nothing is left to do so. */
let holders = 0;

/**
 * Opens what waiting needs now, and keeps it open.
 *
 * @returns What gives it back, to be called once.
 */
export function holdWaiter(): () => void {
  holders++;
  waiter ??= create();
  return () => {
    holders--;
    if (waiter?.idle) release();
  };
}

function create(): Waiter {
  return new Waiter(createSource(), release);
}

function createSource(): Source {
  if (platform !== "linux") return new PollSource();
  try {
    return new EpollSource();
  } catch (error) {
    if (!SHORT.has((error as { code?: unknown }).code)) throw error;
    // There is no descriptor left, and poll(2) needs none.
    return new PollSource();
  }
}

/** What opening fails with where descriptors are short. */
const SHORT: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE"]);

/**
 * A Worker may end at any moment, untold: what it does not use it gives back.
 * And where descriptors were short there may be some by now.
 */
function release(): void {
  if (waiter === undefined) return;
  if (!waiter.limping && (!IN_WORKER || holders > 0)) return;
  waiter.close();
  waiter = undefined;
}
