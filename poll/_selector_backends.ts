import { EPOLLIN, EPOLLOUT, POLLIN, POLLOUT } from "./constants_poll.ts";
import type { Epoll } from "./epoll.ts";
import { closedError } from "./_errors.ts";
import { checkWaitOptions, type WaitOptions } from "./_options.ts";
import { Poll } from "./poll.ts";
import { select, selectSync } from "./select.ts";
import { Deadline, milliseconds } from "./_timeout.ts";

/** Ready to read; of {@linkcode BaseSelector}. */
export const EVENT_READ: number = 1;

/** Ready to write; of {@linkcode BaseSelector}. */
export const EVENT_WRITE: number = 2;

/** What asks the kernel. */
export interface Backend {
  register(fd: number, events: number): void;
  modify(fd: number, events: number): void;
  unregister(fd: number): void;
  poll(timeout: number | null, options?: WaitOptions): Promise<Found>;
  pollSync(timeout: number | null): Found;
  close(): void;
}

/** Descriptors and their events, `EVENT_READ` and `EVENT_WRITE`. */
export type Found = [fd: number, events: number][];

/** Events of poll(2) and epoll(7), which have the same bits for these. */
function toMask(events: number): number {
  return ((events & EVENT_READ) !== 0 ? POLLIN : 0) |
    ((events & EVENT_WRITE) !== 0 ? POLLOUT : 0);
}

/** An error or a hang-up shows when reading and when writing: it counts as both. */
function fromMask(mask: number): number {
  return ((mask & ~EPOLLOUT) !== 0 ? EVENT_READ : 0) |
    ((mask & ~EPOLLIN) !== 0 ? EVENT_WRITE : 0);
}

function translate(found: Found): Found {
  for (const pair of found) pair[1] = fromMask(pair[1]);
  return found;
}

/** {@linkcode Poll}, as a selector asks it. */
export class PollBackend implements Backend {
  readonly #poll = new Poll();
  readonly #closing = new AbortController();

  register(fd: number, events: number): void {
    this.#poll.register(fd, toMask(events));
  }

  modify(fd: number, events: number): void {
    this.#poll.modify(fd, toMask(events));
  }

  unregister(fd: number): void {
    this.#poll.unregister(fd);
  }

  async poll(timeout: number | null, options?: WaitOptions): Promise<Found> {
    const signal = either(this.#closing.signal, options);
    return translate(await this.#poll.poll(timeout, { signal }));
  }

  pollSync(timeout: number | null): Found {
    return translate(this.#poll.pollSync(timeout));
  }

  close(): void {
    this.#closing.abort(closedError("select", "the selector"));
  }
}

/** {@linkcode Epoll}, as a selector asks it. */
export class EpollBackend implements Backend {
  readonly #epoll: Epoll;
  #registered = 0;

  constructor(epoll: Epoll) {
    this.#epoll = epoll;
  }

  register(fd: number, events: number): void {
    this.#epoll.register(fd, toMask(events));
    this.#registered++;
  }

  modify(fd: number, events: number): void {
    this.#epoll.modify(fd, toMask(events));
  }

  unregister(fd: number): void {
    this.#registered--;
    try {
      this.#epoll.unregister(fd);
    } catch {
      // What is closed has left by itself, and its number may be anybody's.
    }
  }

  async poll(timeout: number | null, options?: WaitOptions): Promise<Found> {
    return translate(await this.#epoll.poll(timeout, this.#all, options));
  }

  pollSync(timeout: number | null): Found {
    return translate(this.#epoll.pollSync(timeout, this.#all));
  }

  close(): void {
    this.#epoll.close();
  }

  /** How many events to take at once: all that there can be. */
  get #all(): number {
    return this.#registered > 1024 ? this.#registered : -1;
  }
}

/** {@linkcode select}, as a selector asks it. */
export class SelectBackend implements Backend {
  readonly #readers = new Set<number>();
  readonly #writers = new Set<number>();
  readonly #closing = new AbortController();
  /** Those that wait, and start anew when the registrations change. */
  readonly #waiting = new Set<AbortController>();

  register(fd: number, events: number): void {
    this.modify(fd, events);
  }

  modify(fd: number, events: number): void {
    this.#remove(fd);
    if ((events & EVENT_READ) !== 0) this.#readers.add(fd);
    if ((events & EVENT_WRITE) !== 0) this.#writers.add(fd);
    this.#changed();
  }

  unregister(fd: number): void {
    this.#remove(fd);
    this.#changed();
  }

  async poll(timeout: number | null, options?: WaitOptions): Promise<Found> {
    const deadline = new Deadline(milliseconds(timeout));
    const ending = either(this.#closing.signal, options);
    while (true) {
      const change = new AbortController();
      const signal = AbortSignal.any([ending, change.signal]);
      const left = deadline.left < 0 ? null : deadline.left;
      this.#waiting.add(change);
      try {
        return merge(
          await select(this.#readers, this.#writers, [], left, { signal }),
        );
      } catch (error) {
        // A closed one that was unregistered at once fails for the old list.
        if (ending.aborted || !change.signal.aborted) throw error;
      } finally {
        this.#waiting.delete(change);
      }
    }
  }

  pollSync(timeout: number | null): Found {
    return merge(selectSync(this.#readers, this.#writers, [], timeout));
  }

  close(): void {
    this.#closing.abort(closedError("select", "the selector"));
  }

  #remove(fd: number): void {
    this.#readers.delete(fd);
    this.#writers.delete(fd);
  }

  #changed(): void {
    for (const change of this.#waiting) change.abort();
  }
}

function merge([readable, writable]: [number[], number[], number[]]): Found {
  const found = new Map<number, number>();
  for (const fd of readable) found.set(fd, EVENT_READ);
  for (const fd of writable) found.set(fd, (found.get(fd) ?? 0) | EVENT_WRITE);
  return [...found];
}

function either(
  closing: AbortSignal,
  options: WaitOptions | undefined,
): AbortSignal {
  const signal = checkWaitOptions(options);
  return signal === undefined ? closing : AbortSignal.any([closing, signal]);
}
