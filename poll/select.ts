import { describe } from "./_check.ts";
import { POLLERR, POLLHUP, POLLIN, POLLNVAL } from "./constants_poll.ts";
import { POLLOUT, POLLPRI } from "./constants_poll.ts";
import { type FileDescriptorLike, toDescriptor } from "./_descriptors.ts";
import { closedError } from "./_errors.ts";
import { turn } from "./_fairness.ts";
import { PollDescriptors } from "./_pollfds.ts";
import { Deadline, milliseconds } from "./_timeout.ts";
import type { Interest } from "./_waiter.ts";
import { waitAndTellClosed } from "./_waiting.ts";
import { checkWaitOptions, type WaitOptions } from "./_options.ts";

// How select(2) sees what poll(2) reports, after POLLIN_SET and POLLOUT_SET of
// fs/select.c of Linux. A hang-up counts as writable, too: writing fails at once.
const READABLE = POLLIN | POLLHUP | POLLERR;
const WRITABLE = POLLOUT | POLLHUP | POLLERR;

/** poll(2) passes over a negative descriptor. */
const IGNORED = -1;

const NOW = new Deadline(0);

/** One call's descriptors: to read, to write, with exceptional conditions. */
class Selection<R, W, X> {
  readonly #lists: readonly [readonly R[], readonly W[], readonly X[]];
  /** Where each thing of each list is among the descriptors. */
  readonly #places: readonly [number[], number[], number[]];
  readonly #descriptors = new PollDescriptors();
  readonly #indexes = new Map<number, number>();

  constructor(rlist: Iterable<R>, wlist: Iterable<W>, xlist: Iterable<X>) {
    this.#lists = [
      list(rlist, "descriptors to read"),
      list(wlist, "descriptors to write"),
      list(xlist, "descriptors with exceptional conditions"),
    ];
    this.#places = [
      this.#add(this.#lists[0], POLLIN),
      this.#add(this.#lists[1], POLLOUT),
      this.#add(this.#lists[2], POLLPRI),
    ];
  }

  /** @returns What is ready; `undefined` if nothing was before the deadline. */
  poll(deadline: Deadline): [R[], W[], X[]] | undefined {
    while (this.#descriptors.poll(deadline, "select") > 0) {
      const ready = this.#ready();
      if (ready.some((things) => things.length > 0)) return ready;
      // All there is are errors in the third list, nothing to select: without
      // those it can wait.
      this.#eachFound((index) => this.#descriptors.set(index, IGNORED, 0));
    }
    return undefined;
  }

  interests(): Interest[] {
    const interests: Interest[] = [];
    for (let i = 0; i < this.#descriptors.size; i++) {
      const fd = this.#descriptors.fdAt(i);
      if (fd === IGNORED) continue;
      interests.push({ fd, events: this.#descriptors.eventsAt(i) });
    }
    return interests;
  }

  /** One entry for each descriptor: the kernel allows no more than there can be. */
  #add(things: readonly unknown[], events: number): number[] {
    const descriptors = this.#descriptors;
    return things.map((thing) => {
      const fd = toDescriptor(thing as FileDescriptorLike);
      const index = this.#indexes.get(fd);
      if (index !== undefined) {
        descriptors.set(index, fd, descriptors.eventsAt(index) | events);
        return index;
      }
      this.#indexes.set(fd, descriptors.size);
      descriptors.add(fd, events);
      return descriptors.size - 1;
    });
  }

  #ready(): [R[], W[], X[]] {
    this.#eachFound((index, found) => {
      if ((found & POLLNVAL) !== 0) {
        throw closedError(
          "select",
          `descriptor ${this.#descriptors.fdAt(index)}`,
        );
      }
    });
    const [rlist, wlist, xlist] = this.#lists;
    const [readers, writers, others] = this.#places;
    return [
      rlist.filter((_, i) => this.#found(readers[i]!, READABLE)),
      wlist.filter((_, i) => this.#found(writers[i]!, WRITABLE)),
      xlist.filter((_, i) => this.#found(others[i]!, POLLPRI)),
    ];
  }

  #found(index: number, events: number): boolean {
    return (this.#descriptors.foundAt(index) & events) !== 0;
  }

  #eachFound(visit: (index: number, found: number) => void): void {
    const descriptors = this.#descriptors;
    for (
      let i = descriptors.nextFound(0);
      i >= 0;
      i = descriptors.nextFound(i + 1)
    ) visit(i, descriptors.foundAt(i));
  }
}

/**
 * Waits until something is ready, without blocking the event loop, as Python's
 * `select.select`. It is poll(2) underneath, so descriptors may be of any
 * number: there is no `FD_SETSIZE`.
 *
 * @param rlist What to wait for to be readable: descriptors or things with a
 * `fileno()`.
 * @param wlist What to wait for to be writable.
 * @param xlist What to wait for urgent data.
 * @param timeout In milliseconds, rounded up; `null`, `Infinity` or left out
 * for no limit.
 * @param options See {@linkcode WaitOptions}.
 * @returns What is ready of each list, the very things that were passed; three
 * empty arrays if time is up.
 * @throws {TypeError} If something is no descriptor.
 * @throws {RangeError} If the timeout or a descriptor is negative, or NaN.
 * @throws {Deno.errors.BadResource} If a descriptor is closed, also meanwhile.
 *
 * @example
 * ```ts
 * import { select, socketpair } from "@wire/socketserver/poll";
 * import { deepStrictEqual } from "node:assert";
 *
 * const [ours, theirs] = socketpair();
 * using _ours = ours, _theirs = theirs;
 * theirs.sendSync(new Uint8Array(1));
 * const [readable, writable] = await select([ours], [theirs], []);
 * deepStrictEqual(readable, [ours]);
 * deepStrictEqual(writable, [theirs]);
 * ```
 */
export async function select<
  R extends FileDescriptorLike,
  W extends FileDescriptorLike,
  X extends FileDescriptorLike,
>(
  rlist: Iterable<R>,
  wlist: Iterable<W>,
  xlist: Iterable<X>,
  timeout?: number | null,
  options?: WaitOptions,
): Promise<[R[], W[], X[]]> {
  const deadline = new Deadline(checkTimeout(timeout));
  const selection = new Selection(rlist, wlist, xlist);
  const signal = checkWaitOptions(options);
  signal?.throwIfAborted();
  const pause = turn();
  if (pause !== undefined) await pause;
  while (true) {
    const ready = selection.poll(NOW);
    if (ready !== undefined) return ready;
    if (deadline.passed) return [[], [], []];
    const [closed] = await waitAndTellClosed(selection.interests(), {
      timeout: deadline.left,
      signal,
    });
    if (closed !== undefined) {
      throw closedError("select", `descriptor ${closed}`);
    }
  }
}

/**
 * Blocks until something is ready, as Python's `select.select`; poll(2)
 * underneath.
 *
 * @param rlist What to wait for to be readable: descriptors or things with a
 * `fileno()`.
 * @param wlist What to wait for to be writable.
 * @param xlist What to wait for urgent data.
 * @param timeout In milliseconds, rounded up; `null`, `Infinity` or left out
 * for no limit.
 * @returns What is ready of each list, the very things that were passed; three
 * empty arrays if time is up.
 * @throws {TypeError} If something is no descriptor.
 * @throws {RangeError} If the timeout or a descriptor is negative, or NaN.
 * @throws {Deno.errors.BadResource} If a descriptor is closed.
 */
export function selectSync<
  R extends FileDescriptorLike,
  W extends FileDescriptorLike,
  X extends FileDescriptorLike,
>(
  rlist: Iterable<R>,
  wlist: Iterable<W>,
  xlist: Iterable<X>,
  timeout?: number | null,
): [R[], W[], X[]] {
  const deadline = new Deadline(checkTimeout(timeout));
  const selection = new Selection(rlist, wlist, xlist);
  return selection.poll(deadline) ?? [[], [], []];
}

function checkTimeout(timeout: number | null | undefined): number {
  if (typeof timeout === "number" && timeout < 0) {
    throw new RangeError(
      `Cannot select for ${timeout} ms: a timeout must not be negative`,
    );
  }
  return milliseconds(timeout);
}

function list<T>(things: Iterable<T>, what: string): readonly T[] {
  if (
    typeof things !== "object" || things === null ||
    typeof things[Symbol.iterator] !== "function"
  ) {
    throw new TypeError(
      `Cannot select from ${describe(things)}: ${what} come in an array`,
    );
  }
  return [...things];
}
