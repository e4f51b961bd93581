import { integer } from "./_check.ts";
import { type FileDescriptorLike, toDescriptor } from "./_descriptors.ts";
import { Epoll } from "./epoll.ts";
import { closedError } from "./_errors.ts";
import type { WaitOptions } from "./_options.ts";
import { platform } from "./_platform.ts";
import {
  type Backend,
  EpollBackend,
  EVENT_READ,
  EVENT_WRITE,
  type Found,
  PollBackend,
  SelectBackend,
} from "./_selector_backends.ts";

export { EVENT_READ, EVENT_WRITE };

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

/**
 * The registrations of a selector, as they are at each moment, as a
 * `ReadonlyMap` from descriptors; `get` and `has` also take what was registered.
 */
export interface SelectorMap<T = unknown>
  extends Iterable<[fd: number, key: SelectorKey<T>]> {
  /** How many there are. */
  readonly size: number;
  /**
   * The registration of something.
   *
   * @param fileobj A descriptor, or what was registered.
   * @returns The registration, if there is one.
   */
  get(fileobj: FileDescriptorLike): SelectorKey<T> | undefined;
  /**
   * Tells whether something is registered.
   *
   * @param fileobj A descriptor, or what was registered.
   * @returns Whether it is.
   */
  has(fileobj: FileDescriptorLike): boolean;
  /**
   * Iterates over the descriptors.
   *
   * @returns Each descriptor.
   */
  keys(): IterableIterator<number>;
  /**
   * Iterates over the registrations.
   *
   * @returns Each registration.
   */
  values(): IterableIterator<SelectorKey<T>>;
  /**
   * Iterates over descriptors with their registrations, as the map itself does.
   *
   * @returns Each descriptor with its registration.
   */
  entries(): IterableIterator<[fd: number, key: SelectorKey<T>]>;
  /**
   * Calls a function for every registration.
   *
   * @param callback What is called, with the registration, its descriptor and this.
   */
  forEach(
    callback: (key: SelectorKey<T>, fd: number, map: SelectorMap<T>) => void,
  ): void;
}

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
   * Changes a registration. Where the system refuses, as for what was closed,
   * it is registered no more, as in CPython; arguments that are none change
   * nothing, while CPython's `SelectSelector` forgets what it is told wrongly of.
   *
   * @param fileobj What was registered, or its descriptor.
   * @param events `EVENT_READ`, `EVENT_WRITE` or both.
   * @param data What shall come with it from now on.
   * @returns Its registration; the same object if nothing has changed.
   * @throws {Deno.errors.NotFound} If it is not registered, or the system does
   * not know it any more.
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
    if (old.events === events && old.data === data) return old;
    if (old.events !== events) {
      try {
        this.#backend.modify(old.fd, events);
      } catch (error) {
        this.#keys.delete(old.fd);
        this.#backend.unregister(old.fd);
        throw error;
      }
    }
    const key = { ...old, events, data: data as T };
    this.#keys.set(key.fd, key);
    return key;
  }

  /**
   * Waits until something is ready, without blocking the event loop. What is
   * registered, changed and unregistered meanwhile counts, too.
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
    const map: SelectorMap<T> = {
      get size() {
        return keys.size;
      },
      get: find,
      has: (fileobj) => find(fileobj) !== undefined,
      keys: () => keys.keys(),
      values: () => keys.values(),
      entries: () => keys.entries(),
      forEach: (callback) => keys.forEach((key, fd) => callback(key, fd, map)),
      [Symbol.iterator]: () => keys.entries(),
    };
    return map;
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
  readonly #epoll: Epoll | undefined;

  /**
   * Makes a selector without registrations, to be closed.
   *
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   */
  constructor() {
    const epoll = platform === "darwin" ? undefined : new Epoll();
    super(epoll === undefined ? new PollBackend() : new EpollBackend(epoll));
    this.#epoll = epoll;
  }

  /**
   * The descriptor of the epoll beneath.
   *
   * @returns The number; it stays this object's to close.
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   */
  fileno(): number {
    if (this.#epoll === undefined) {
      throw new Deno.errors.NotSupported(
        `Cannot tell the descriptor: on ${Deno.build.os} a selector asks poll(2), which has none`,
      );
    }
    return this.#epoll.fileno();
  }
}

function limit(timeout: number | null | undefined): number | null {
  return timeout === undefined || timeout === null
    ? null
    : timeout < 0
    ? 0
    : timeout;
}
