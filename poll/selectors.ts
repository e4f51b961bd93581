import { integer } from "./_check.ts";
import { EPOLLIN, EPOLLOUT, POLLIN, POLLOUT } from "./constants_poll.ts";
import { type FileDescriptorLike, toDescriptor } from "./_descriptors.ts";
import { Epoll } from "./epoll.ts";
import { closedError } from "./_errors.ts";
import { platform } from "./_platform.ts";
import { Poll } from "./poll.ts";
import { select, selectSync } from "./select.ts";
import type { WaitOptions } from "./socket.ts";

/** Ready to read; of {@linkcode BaseSelector}. */
export const EVENT_READ: number = 1;

/** Ready to write; of {@linkcode BaseSelector}. */
export const EVENT_WRITE: number = 2;

/** A registration of a {@linkcode BaseSelector}. */
export interface SelectorKey<T = unknown> {
  /** What was registered. */
  readonly fileobj: FileDescriptorLike;
  /** Its descriptor. */
  readonly fd: number;
  /** What it is waited for: `EVENT_READ`, `EVENT_WRITE` or both. */
  readonly events: number;
  /** What was registered with it. */
  readonly data: T;
}

/** The registrations of a selector, as they are at each moment. */
export interface SelectorMap<T = unknown> {
  /** How many there are. */
  readonly size: number;
  /** The registration of something, if there is one. */
  get(fileobj: FileDescriptorLike): SelectorKey<T> | undefined;
  /** Whether something is registered. */
  has(fileobj: FileDescriptorLike): boolean;
  /** Every registration. */
  values(): IterableIterator<SelectorKey<T>>;
}

/** What asks the kernel. */
interface Backend {
  register(fd: number, events: number): void;
  modify(fd: number, events: number): void;
  unregister(fd: number): void;
  poll(timeout: number | null, options?: WaitOptions): Promise<Found>;
  pollSync(timeout: number | null): Found;
  close(): void;
}

/** Descriptors and their events, `EVENT_READ` and `EVENT_WRITE`. */
type Found = [fd: number, events: number][];

/**
 * What all selectors are, as Python's `selectors.BaseSelector`: things, what to
 * wait for, and something of the caller's for each.
 */
export abstract class BaseSelector<T = unknown> implements Disposable {
  readonly #keys = new Map<number, SelectorKey<T>>();
  readonly #backend: Backend;
  #closed = false;

  /**
   * For the selectors of this module.
   *
   * @param backend What asks the kernel.
   */
  protected constructor(backend: unknown) {
    this.#backend = backend as Backend;
  }

  /**
   * Registers something.
   *
   * @param fileobj A descriptor, or what has a `fileno()`.
   * @param events `EVENT_READ`, `EVENT_WRITE` or both.
   * @param data Whatever shall come with it when it is ready.
   * @returns Its registration.
   * @throws {Deno.errors.AlreadyExists} If its descriptor is registered.
   * @throws {RangeError} If `events` is neither, or the descriptor negative.
   * @throws {Deno.errors.BadResource} If the selector is closed.
   */
  register(
    fileobj: FileDescriptorLike,
    events: number,
    data?: T,
  ): SelectorKey<T> {
    this.#check("register");
    integer(events, "a mask of events", 1, EVENT_READ | EVENT_WRITE);
    const fd = toDescriptor(fileobj);
    if (this.#keys.has(fd)) {
      throw new Deno.errors.AlreadyExists(
        `Cannot register descriptor ${fd}: it is registered already`,
      );
    }
    this.#backend.register(fd, events);
    const key = { fileobj, fd, events, data: data as T };
    this.#keys.set(fd, key);
    return key;
  }

  /**
   * Forgets something. It may have been closed meanwhile.
   *
   * @param fileobj What was registered, or its descriptor.
   * @returns What its registration was.
   * @throws {Deno.errors.NotFound} If it is not registered.
   * @throws {Deno.errors.BadResource} If the selector is closed.
   */
  unregister(fileobj: FileDescriptorLike): SelectorKey<T> {
    this.#check("unregister");
    const key = this.#get(fileobj, "unregister");
    this.#keys.delete(key.fd);
    this.#backend.unregister(key.fd);
    return key;
  }

  /**
   * Changes a registration.
   *
   * @param fileobj What was registered, or its descriptor.
   * @param events `EVENT_READ`, `EVENT_WRITE` or both.
   * @param data What shall come with it from now on.
   * @returns Its registration.
   * @throws {Deno.errors.NotFound} If it is not registered.
   * @throws {RangeError} If `events` is neither.
   * @throws {Deno.errors.BadResource} If the selector is closed.
   */
  modify(
    fileobj: FileDescriptorLike,
    events: number,
    data?: T,
  ): SelectorKey<T> {
    this.#check("modify");
    integer(events, "a mask of events", 1, EVENT_READ | EVENT_WRITE);
    const old = this.#get(fileobj, "modify");
    if (old.events !== events) this.#backend.modify(old.fd, events);
    const key = { ...old, events, data: data as T };
    this.#keys.set(key.fd, key);
    return key;
  }

  /**
   * Waits until something is ready, without blocking the event loop.
   *
   * @param timeout In milliseconds, rounded up; 0 or less not to wait; `null`
   * or left out for no limit.
   * @param options See {@linkcode WaitOptions}.
   * @returns The registrations that are ready, and for what; empty if time is up.
   * @throws {RangeError} If the timeout is NaN.
   * @throws {Deno.errors.BadResource} If the selector is closed, also meanwhile.
   */
  async select(
    timeout?: number | null,
    options?: WaitOptions,
  ): Promise<[key: SelectorKey<T>, events: number][]> {
    this.#check("select");
    return this.#ready(await this.#backend.poll(limit(timeout), options));
  }

  /**
   * Blocks until something is ready.
   *
   * @param timeout In milliseconds, rounded up; 0 or less not to wait; `null`
   * or left out for no limit.
   * @returns The registrations that are ready, and for what; empty if time is up.
   * @throws {RangeError} If the timeout is NaN.
   * @throws {Deno.errors.BadResource} If the selector is closed.
   */
  selectSync(
    timeout?: number | null,
  ): [key: SelectorKey<T>, events: number][] {
    this.#check("select");
    return this.#ready(this.#backend.pollSync(limit(timeout)));
  }

  /**
   * A registration.
   *
   * @param fileobj What was registered, or its descriptor.
   * @returns Its registration.
   * @throws {Deno.errors.NotFound} If it is not registered.
   * @throws {Deno.errors.BadResource} If the selector is closed.
   */
  getKey(fileobj: FileDescriptorLike): SelectorKey<T> {
    this.#check("get a key");
    return this.#get(fileobj, "get the key of");
  }

  /**
   * Every registration.
   *
   * @returns A view that changes with the selector; `null` once it is closed.
   */
  getMap(): SelectorMap<T> | null {
    if (this.#closed) return null;
    const keys = this.#keys;
    const find = (fileobj: FileDescriptorLike) => this.#find(fileobj);
    return {
      get size() {
        return keys.size;
      },
      get: find,
      has: (fileobj) => find(fileobj) !== undefined,
      values: () => keys.values(),
    };
  }

  /**
   * Gives up what the selector holds. What was registered stays open. A
   * `select` that waits rejects with {@linkcode Deno.errors.BadResource}.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#keys.clear();
    this.#backend.close();
  }

  /** Closes it: `using selector = …`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #check(action: string): void {
    if (this.#closed) throw closedError(action, "the selector");
  }

  #get(fileobj: FileDescriptorLike, action: string): SelectorKey<T> {
    const key = this.#find(fileobj);
    if (key === undefined) {
      const name = typeof fileobj === "number"
        ? `descriptor ${fileobj}`
        : "this object";
      throw new Deno.errors.NotFound(
        `Cannot ${action} ${name}: it is not registered`,
      );
    }
    return key;
  }

  /** Also what has been closed, and has no descriptor any more. */
  #find(fileobj: FileDescriptorLike): SelectorKey<T> | undefined {
    try {
      return this.#keys.get(toDescriptor(fileobj));
    } catch (error) {
      for (const key of this.#keys.values()) {
        if (key.fileobj === fileobj) return key;
      }
      if (error instanceof Deno.errors.BadResource) return undefined;
      throw error;
    }
  }

  #ready(found: Found): [SelectorKey<T>, number][] {
    const ready: [SelectorKey<T>, number][] = [];
    for (const [fd, events] of found) {
      const key = this.#keys.get(fd);
      if (key !== undefined && (key.events & events) !== 0) {
        ready.push([key, key.events & events]);
      }
    }
    return ready;
  }
}

/** A selector over {@linkcode select}. */
export class SelectSelector<T = unknown> extends BaseSelector<T> {
  /** Makes a selector without registrations. */
  constructor() {
    super(new SelectBackend());
  }
}

/** A selector over {@linkcode Poll}. */
export class PollSelector<T = unknown> extends BaseSelector<T> {
  /** Makes a selector without registrations. */
  constructor() {
    super(new PollBackend());
  }
}

/** A selector over {@linkcode Epoll}; Linux only. */
export class EpollSelector<T = unknown> extends BaseSelector<T> {
  readonly #epoll: Epoll;

  /**
   * Makes a selector without registrations, to be closed.
   *
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   */
  constructor() {
    const epoll = new Epoll();
    super(new EpollBackend(epoll));
    this.#epoll = epoll;
  }

  /**
   * The descriptor of the epoll itself.
   *
   * @returns The number; it stays this object's to close.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  fileno(): number {
    return this.#epoll.fileno();
  }
}

/**
 * The best selector of this system: {@linkcode EpollSelector} on Linux,
 * {@linkcode PollSelector} elsewhere.
 *
 * @example
 * ```ts
 * import { DefaultSelector, EVENT_READ, socketpair } from "@wire/socketserver/poll";
 * import { strictEqual } from "node:assert";
 *
 * const [ours, theirs] = socketpair();
 * using _ours = ours, _theirs = theirs;
 * using selector = new DefaultSelector<string>();
 * selector.register(ours, EVENT_READ, "ours");
 * theirs.sendSync(new Uint8Array(1));
 * for (const [key, events] of await selector.select()) {
 *   strictEqual(key.data, "ours");
 *   strictEqual(events, EVENT_READ);
 * }
 * ```
 */
export class DefaultSelector<T = unknown> extends BaseSelector<T> {
  /**
   * Makes a selector without registrations, to be closed.
   *
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   */
  constructor() {
    super(
      platform === "darwin" ? new PollBackend() : new EpollBackend(new Epoll()),
    );
  }
}

function limit(timeout: number | null | undefined): number | null {
  return timeout === undefined || timeout === null
    ? null
    : timeout < 0
    ? 0
    : timeout;
}

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

class PollBackend implements Backend {
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

class EpollBackend implements Backend {
  readonly #epoll: Epoll;

  constructor(epoll: Epoll) {
    this.#epoll = epoll;
  }

  register(fd: number, events: number): void {
    this.#epoll.register(fd, toMask(events));
  }

  modify(fd: number, events: number): void {
    this.#epoll.modify(fd, toMask(events));
  }

  unregister(fd: number): void {
    try {
      this.#epoll.unregister(fd);
    } catch (error) {
      // One that is closed has left by itself.
      if (
        !(error instanceof Deno.errors.NotFound ||
          error instanceof Deno.errors.BadResource)
      ) throw error;
    }
  }

  async poll(timeout: number | null, options?: WaitOptions): Promise<Found> {
    return translate(await this.#epoll.poll(timeout, -1, options));
  }

  pollSync(timeout: number | null): Found {
    return translate(this.#epoll.pollSync(timeout));
  }

  close(): void {
    this.#epoll.close();
  }
}

class SelectBackend implements Backend {
  readonly #readers = new Set<number>();
  readonly #writers = new Set<number>();
  readonly #closing = new AbortController();

  register(fd: number, events: number): void {
    this.modify(fd, events);
  }

  modify(fd: number, events: number): void {
    this.unregister(fd);
    if ((events & EVENT_READ) !== 0) this.#readers.add(fd);
    if ((events & EVENT_WRITE) !== 0) this.#writers.add(fd);
  }

  unregister(fd: number): void {
    this.#readers.delete(fd);
    this.#writers.delete(fd);
  }

  async poll(timeout: number | null, options?: WaitOptions): Promise<Found> {
    const signal = either(this.#closing.signal, options);
    return merge(
      await select(this.#readers, this.#writers, [], timeout, { signal }),
    );
  }

  pollSync(timeout: number | null): Found {
    return merge(selectSync(this.#readers, this.#writers, [], timeout));
  }

  close(): void {
    this.#closing.abort(closedError("select", "the selector"));
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
  return options?.signal === undefined
    ? closing
    : AbortSignal.any([closing, options.signal]);
}
