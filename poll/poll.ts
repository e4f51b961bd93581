import { integer } from "./_check.ts";
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  POLLRDBAND,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
} from "./constants_poll.ts";
import { type FileDescriptorLike, toDescriptor } from "./_descriptors.ts";
import { turn } from "./_fairness.ts";
import { PollDescriptors } from "./_pollfds.ts";
import { Deadline, milliseconds } from "./_timeout.ts";
import type { Interest } from "./_waiter.ts";
import { waitAndTellClosed } from "./_waiting.ts";
import { checkWaitOptions, type WaitOptions } from "./_options.ts";

/** What a waiting `poll` gets when the registrations change under it. */
const CHANGED = Symbol("changed");

const NOW = new Deadline(0);

/**
 * Descriptors and what to wait for, as Python's polling objects; poll(2). Instances
 * are made by {@linkcode poll}.
 */
export class Poll {
  readonly #descriptors = new PollDescriptors();
  readonly #index = new Map<number, number>();
  readonly #waiting = new Set<AbortController>();

  /**
   * Registers a descriptor, or changes its registration.
   *
   * @param fd The descriptor, or what has a `fileno()`. It need not be open:
   * `POLLNVAL` is reported then.
   * @param mask What to wait for. Default: `POLLIN | POLLPRI | POLLOUT`.
   * @throws {TypeError} If `fd` or `mask` is no integer.
   * @throws {RangeError} If `fd` is negative, or `mask` has other bits than
   * those of the `POLL*` constants.
   */
  register(
    fd: FileDescriptorLike,
    mask: number = POLLIN | POLLPRI | POLLOUT,
  ): void {
    const number = toDescriptor(fd);
    checkMask(mask);
    const index = this.#index.get(number);
    if (index === undefined) {
      this.#index.set(number, this.#descriptors.size);
      this.#descriptors.add(number, mask);
    } else this.#descriptors.set(index, number, mask);
    this.#changed();
  }

  /**
   * Changes what to wait for.
   *
   * @param fd A registered descriptor, or what has its `fileno()`.
   * @param mask What to wait for.
   * @throws {Deno.errors.NotFound} If it is not registered.
   * @throws {TypeError} If `fd` or `mask` is no integer.
   * @throws {RangeError} If `fd` is negative, or `mask` has other bits than
   * those of the `POLL*` constants.
   */
  modify(fd: FileDescriptorLike, mask: number): void {
    const number = toDescriptor(fd);
    checkMask(mask);
    this.#descriptors.set(this.#find(number, "modify"), number, mask);
    this.#changed();
  }

  /**
   * Forgets a descriptor. A `poll` that waits goes on without it.
   *
   * @param fd A registered descriptor, or what has its `fileno()`. Of a closed
   * socket give the number.
   * @throws {Deno.errors.NotFound} If it is not registered.
   */
  unregister(fd: FileDescriptorLike): void {
    const number = toDescriptor(fd);
    const index = this.#find(number, "unregister");
    const last = this.#descriptors.size - 1;
    this.#index.set(this.#descriptors.fdAt(last), index);
    this.#index.delete(number);
    this.#descriptors.remove(index);
    this.#changed();
  }

  /**
   * Waits until a descriptor is ready, without blocking the event loop. What is
   * registered, changed and unregistered meanwhile counts, too. Several may
   * wait at once; each is told what is ready when it wakes.
   *
   * @param timeout In milliseconds, rounded up; negative, `null` or left out
   * for no limit.
   * @param options See {@linkcode WaitOptions}.
   * @returns Each ready descriptor and what has come, `POLLNVAL` for what was
   * closed meanwhile; empty if time is up.
   * @throws {RangeError} If the timeout is NaN.
   */
  async poll(
    timeout?: number | null,
    options?: WaitOptions,
  ): Promise<[fd: number, event: number][]> {
    const deadline = new Deadline(milliseconds(timeout));
    const signal = checkWaitOptions(options);
    signal?.throwIfAborted();
    const pause = turn();
    if (pause !== undefined) await pause;
    while (true) {
      const ready = this.#poll(NOW);
      if (ready.length > 0 || deadline.passed) return ready;
      const closed = await this.#wait(deadline, signal);
      if (closed.length > 0) return closed;
    }
  }

  /**
   * Blocks until a descriptor is ready; poll(2).
   *
   * @param timeout In milliseconds, rounded up; negative, `null` or left out
   * for no limit.
   * @returns Each ready descriptor and what has come; empty if time is up.
   * @throws {RangeError} If the timeout is NaN.
   */
  pollSync(timeout?: number | null): [fd: number, event: number][] {
    return this.#poll(new Deadline(milliseconds(timeout)));
  }

  #poll(deadline: Deadline): [number, number][] {
    const ready: [number, number][] = [];
    const descriptors = this.#descriptors;
    let count = descriptors.poll(deadline, "poll");
    for (let i = 0; count > 0; i++, count--) {
      i = descriptors.nextFound(i);
      ready.push([descriptors.fdAt(i), descriptors.foundAt(i)]);
    }
    return ready;
  }

  /** @returns What was closed meanwhile. */
  async #wait(
    deadline: Deadline,
    signal: AbortSignal | undefined,
  ): Promise<[number, number][]> {
    const change = new AbortController();
    const either = signal === undefined
      ? change.signal
      : AbortSignal.any([signal, change.signal]);
    this.#waiting.add(change);
    try {
      const closed = await waitAndTellClosed(this.#interests(), {
        timeout: deadline.left,
        signal: either,
      });
      return closed.map((fd) => [fd, POLLNVAL]);
    } catch (error) {
      if (error !== CHANGED) throw error;
      return [];
    } finally {
      this.#waiting.delete(change);
    }
  }

  #interests(): Interest[] {
    const interests: Interest[] = [];
    for (const [fd, index] of this.#index) {
      interests.push({ fd, events: this.#descriptors.eventsAt(index) });
    }
    return interests;
  }

  #changed(): void {
    for (const waiting of this.#waiting) waiting.abort(CHANGED);
  }

  #find(fd: number, action: string): number {
    const index = this.#index.get(fd);
    if (index === undefined) {
      throw new Deno.errors.NotFound(
        `Cannot ${action} descriptor ${fd}: it is not registered`,
      );
    }
    return index;
  }
}

/**
 * A new polling object, as Python's `select.poll()`.
 *
 * @returns An object without registrations. It needs no closing.
 *
 * @example Waiting for one of two sockets
 * ```ts
 * import { poll, POLLIN, socketpair } from "@wire/socketserver/poll";
 * import { deepStrictEqual } from "node:assert";
 *
 * const [ours, theirs] = socketpair();
 * using _ours = ours, _theirs = theirs;
 * const polling = poll();
 * polling.register(ours, POLLIN);
 * deepStrictEqual(polling.pollSync(0), []);
 * theirs.sendSync(new Uint8Array(1));
 * deepStrictEqual(await polling.poll(), [[ours.fileno(), POLLIN]]);
 * ```
 */
export function poll(): Poll {
  return new Poll();
}

/** All that poll(2) can be asked for, and what it tells unasked. */
const MASK = POLLIN | POLLPRI | POLLOUT | POLLERR | POLLHUP | POLLNVAL |
  POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND | POLLRDHUP;

/** The kernel ignores bits that it does not know. */
function checkMask(mask: number): void {
  integer(mask, "a mask of events", 0, 0xffff);
  if ((mask & ~MASK) === 0) return;
  throw new RangeError(
    `Cannot use 0x${
      mask.toString(16)
    } as a mask of events: there is no event ` +
      `0x${(mask & ~MASK).toString(16)}`,
  );
}
