import { INT_MAX, integer } from "./_check.ts";
import {
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDBAND,
  EPOLLRDHUP,
  EPOLLRDNORM,
  EPOLLWRBAND,
  EPOLLWRNORM,
  POLLIN,
} from "./constants_poll.ts";
import {
  closeOwned,
  type FileDescriptorLike,
  ownNew,
  toDescriptor,
} from "./_descriptors.ts";
import {
  CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  FD_WORD,
  WORDS,
} from "./_epoll_event.ts";
import { EINTR, ENOENT, EPERM } from "./_errno.ts";
import { closedError, systemError } from "./_errors.ts";
import { turn } from "./_fairness.ts";
import { errno, type LinuxLibc, linuxLibc } from "./_libc.ts";
import { Deadline, milliseconds } from "./_timeout.ts";
import { forget, waitForAny } from "./_waiter.ts";
import { checkWaitOptions, type WaitOptions } from "./_options.ts";

/** What there is room for at least, and what one call reports unless told otherwise. */
const MAX_EVENTS = 1024;

/** The most that epoll_wait(2) takes: INT_MAX / sizeof(struct epoll_event). */
const EVENTS_LIMIT = Math.floor(INT_MAX / (WORDS * 4));

/**
 * Linux's epoll(7), as Python's `select.epoll`. The cost of a wait depends on
 * how many descriptors are ready, not on how many are registered. Make one with
 * {@linkcode epoll}, and close it.
 *
 * A descriptor that is closed leaves by itself, if no duplicate of it is open.
 */
export class Epoll implements Disposable {
  readonly #linux: LinuxLibc = linuxLibc("use epoll");
  #fd: number;
  readonly #change = new Int32Array(WORDS);
  #events: Int32Array<ArrayBuffer> = new Int32Array(MAX_EVENTS * WORDS);
  /** How many events the last wait wrote there. */
  #count = 0;
  /** How many descriptors there may be: those that closed have left untold. */
  #registered = 0;

  /**
   * Makes a set without registrations; epoll_create1(2).
   *
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   * @throws {Error} With code `EMFILE` when there are no descriptors left.
   */
  constructor() {
    this.#fd = this.#linux.epoll_create1(CLOEXEC);
    if (this.#fd < 0) throw systemError(errno(), "epoll_create1", "use epoll");
    ownNew(this.#fd);
  }

  /** Whether it has been closed. */
  get closed(): boolean {
    return this.#fd < 0;
  }

  /**
   * The set's own descriptor, which is readable when something in it is ready.
   *
   * @returns The number; it stays this object's to close.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  fileno(): number {
    if (this.#fd < 0) throw closedError("tell the descriptor", "the epoll");
    return this.#fd;
  }

  /**
   * Closes the set. Whoever waits rejects with
   * {@linkcode Deno.errors.BadResource}. May be called again.
   */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    forget(fd);
    closeOwned(fd);
  }

  /** Closes it: `using set = epoll()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Registers a descriptor; epoll_ctl(2).
   *
   * @param fd The descriptor, or what has a `fileno()`.
   * @param mask What to wait for, with `EPOLLET` only changes, with
   * `EPOLLONESHOT` once. Default: `EPOLLIN | EPOLLPRI | EPOLLOUT`.
   * @throws {Deno.errors.AlreadyExists} If it is registered.
   * @throws {Deno.errors.BadResource} If it or the set is closed.
   * @throws {Deno.errors.PermissionDenied} If it is always ready, as a file on
   * disk is.
   * @throws {TypeError} If `fd` or `mask` is no integer.
   * @throws {RangeError} If `fd` is negative, or `mask` has other bits than
   * those of the `EPOLL*` constants.
   */
  register(
    fd: FileDescriptorLike,
    mask: number = EPOLLIN | EPOLLPRI | EPOLLOUT,
  ): void {
    this.#control(EPOLL_CTL_ADD, fd, mask, "register");
  }

  /**
   * Changes what to wait for, and arms it anew after `EPOLLONESHOT`.
   *
   * @param fd A registered descriptor, or what has its `fileno()`.
   * @param mask What to wait for.
   * @throws {Deno.errors.NotFound} With code `ENOENT` if it is not registered,
   * also where its number is that of a plain file.
   * @throws {Deno.errors.BadResource} If it or the set is closed.
   * @throws {TypeError} If `fd` or `mask` is no integer.
   * @throws {RangeError} If `fd` is negative, or `mask` has other bits than
   * those of the `EPOLL*` constants.
   */
  modify(fd: FileDescriptorLike, mask: number): void {
    this.#control(EPOLL_CTL_MOD, fd, mask, "modify");
  }

  /**
   * Forgets a descriptor. Unregister it before it is closed: what is closed is
   * forgotten by the kernel, and its number may be another's by now. Selectors
   * tell the two apart, and are quiet.
   *
   * Python's raises in the same cases (since 3.9 for what is closed, too), only
   * that a number which is a plain file's by now is a `PermissionError` there.
   *
   * @param fd A registered descriptor, or what has its `fileno()`.
   * @throws {Deno.errors.NotFound} With code `ENOENT` if it is not registered,
   * also where its number is that of a plain file.
   * @throws {Deno.errors.BadResource} With code `EBADF` if it or the set is
   * closed.
   */
  unregister(fd: FileDescriptorLike): void {
    this.#control(EPOLL_CTL_DEL, fd, 0, "unregister");
  }

  /**
   * Waits until a descriptor is ready, without blocking the event loop. What is
   * registered, changed and unregistered meanwhile counts, too. Several may
   * wait at once; each is told what is ready when it wakes.
   *
   * @param timeout In milliseconds, rounded up; negative, `null` or left out
   * for no limit.
   * @param maxEvents How many to report at most; -1 for 1,024. Default: -1.
   * @param options See {@linkcode WaitOptions}.
   * @returns Each ready descriptor and what has come; empty if time is up.
   * @throws {RangeError} If the timeout is NaN, or `maxEvents` is 0.
   * @throws {Deno.errors.BadResource} If the set is closed, also meanwhile.
   */
  async poll(
    timeout?: number | null,
    maxEvents: number = -1,
    options?: WaitOptions,
  ): Promise<[fd: number, event: number][]> {
    let ready: [number, number][] = [];
    await this.#until(timeout, options, () => {
      const count = this.#wait(0, maxEvents);
      ready = this.#ready(count);
      return count;
    });
    return ready;
  }

  /**
   * Blocks until a descriptor is ready; epoll_wait(2).
   *
   * @param timeout In milliseconds, rounded up; negative, `null` or left out
   * for no limit.
   * @param maxEvents How many to report at most; -1 for 1,024. Default: -1.
   * @returns Each ready descriptor and what has come; empty if time is up.
   * @throws {RangeError} If the timeout is NaN, or `maxEvents` is 0.
   * @throws {Deno.errors.BadResource} If the set is closed.
   */
  pollSync(
    timeout?: number | null,
    maxEvents: number = -1,
  ): [fd: number, event: number][] {
    return this.#ready(this.waitSync(timeout, maxEvents));
  }

  /**
   * As `pollSync`, and makes no array: for loops that count every allocation.
   * `fdAt` and `eventsAt` tell of each, until the next wait.
   *
   * @param timeout In milliseconds, rounded up; negative, `null` or left out
   * for no limit.
   * @param maxEvents How many to report at most; -1 for 1,024. Default: -1.
   * @returns How many descriptors are ready; 0 if time is up.
   * @throws {RangeError} If the timeout is NaN, or `maxEvents` is 0.
   * @throws {Deno.errors.BadResource} If the set is closed.
   */
  waitSync(timeout?: number | null, maxEvents: number = -1): number {
    const wait = milliseconds(timeout);
    if (wait <= 0) {
      while (true) {
        const count = this.#wait(wait, maxEvents);
        // Without a limit it comes back empty only when it was interrupted.
        if (count > 0 || wait === 0) return count;
      }
    }
    const deadline = new Deadline(wait);
    while (true) {
      const count = this.#wait(deadline.left, maxEvents);
      if (count > 0 || deadline.passed) return count;
    }
  }

  /**
   * As `poll`, and makes no array; see `waitSync`. Only one may wait in this way.
   *
   * @param timeout In milliseconds, rounded up; negative, `null` or left out
   * for no limit.
   * @param maxEvents How many to report at most; -1 for 1,024. Default: -1.
   * @param options See {@linkcode WaitOptions}.
   * @returns How many descriptors are ready; 0 if time is up.
   * @throws {RangeError} If the timeout is NaN, or `maxEvents` is 0.
   * @throws {Deno.errors.BadResource} If the set is closed, also meanwhile.
   */
  wait(
    timeout?: number | null,
    maxEvents: number = -1,
    options?: WaitOptions,
  ): Promise<number> {
    return this.#until(timeout, options, () => this.#wait(0, maxEvents));
  }

  /**
   * A ready descriptor.
   *
   * @param index From 0 to what `waitSync` returned, less one.
   * @returns Its number; -1 past what the last wait found.
   */
  fdAt(index: number): number {
    return index < this.#count
      ? this.#events[index * WORDS + FD_WORD] ?? -1
      : -1;
  }

  /**
   * What has come on a ready descriptor.
   *
   * @param index From 0 to what `waitSync` returned, less one.
   * @returns The mask of events; 0 past what the last wait found.
   */
  eventsAt(index: number): number {
    return index < this.#count ? this.#events[index * WORDS] ?? 0 : 0;
  }

  /** Tries, and returns to the event loop until there is something. */
  async #until(
    timeout: number | null | undefined,
    options: WaitOptions | undefined,
    attempt: () => number,
  ): Promise<number> {
    const deadline = new Deadline(milliseconds(timeout));
    const signal = checkWaitOptions(options);
    signal?.throwIfAborted();
    const pause = turn();
    if (pause !== undefined) await pause;
    while (true) {
      const count = attempt();
      if (count > 0 || deadline.passed) return count;
      await waitForAny([{ fd: this.#fd, events: POLLIN }], {
        timeout: deadline.left,
        signal,
      });
    }
  }

  #wait(timeout: number, maxEvents: number): number {
    const max = maxEvents === -1
      ? MAX_EVENTS
      : integer(maxEvents, "a number of events", 1, EVENTS_LIMIT);
    if (max > MAX_EVENTS) this.#makeRoom(max);
    const room = this.#events.length / WORDS;
    // The kernel writes at most as many events as there is room for; the array
    // is ours and kept.
    const count = this.#linux.epoll_wait(
      this.#fd,
      this.#events,
      max < room ? max : room,
      timeout,
    );
    this.#count = count;
    return count < 0 ? this.#failed() : count;
  }

  #failed(): number {
    const number = errno();
    if (number === EINTR) return 0;
    if (this.#fd < 0) throw closedError("wait for events", "the epoll");
    throw systemError(number, "epoll_wait", "wait for events");
  }

  /** For as many as are asked for, if there are so many. */
  #makeRoom(max: number): void {
    const needed = Math.min(max, this.#registered) * WORDS;
    if (needed > this.#events.length) this.#events = new Int32Array(needed);
  }

  #ready(count: number): [number, number][] {
    const ready: [number, number][] = [];
    for (let i = 0; i < count; i++) {
      ready.push([this.fdAt(i), this.eventsAt(i)]);
    }
    return ready;
  }

  #control(
    operation: number,
    fd: FileDescriptorLike,
    mask: number,
    action: string,
  ): void {
    const number = toDescriptor(fd);
    checkMask(mask);
    this.#change[0] = mask;
    this.#change[FD_WORD] = number;
    // The kernel copies the event, ours and kept; the set keeps no pointer.
    const result = this.#linux.epoll_ctl(
      this.#fd,
      operation,
      number,
      this.#change,
    );
    if (result === 0) {
      if (operation === EPOLL_CTL_ADD) this.#registered++;
      else if (operation === EPOLL_CTL_DEL) this.#registered--;
      return;
    }
    const failure = errno();
    const what = `${action} descriptor ${number}`;
    if (this.#fd < 0) throw closedError(what, "the epoll");
    if (operation !== EPOLL_CTL_ADD) {
      if (failure === ENOENT) throw notRegistered(what, "");
      // No file can have been registered, so that the number was another's.
      if (failure === EPERM) {
        throw notRegistered(what, ", and is a file by now");
      }
    }
    throw systemError(failure, "epoll_ctl", what);
  }
}

/** The error of naming what the set does not have. */
function notRegistered(action: string, more: string): Error {
  return Object.assign(
    new Deno.errors.NotFound(
      `Cannot ${action}: it is not registered (ENOENT)${more}; what is closed is no longer registered, and its number may be given anew`,
    ),
    { code: "ENOENT" },
  );
}

/** All that a set can be asked for. */
const MASK = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLERR | EPOLLHUP |
  EPOLLRDNORM | EPOLLRDBAND | EPOLLWRNORM | EPOLLWRBAND | EPOLLRDHUP |
  EPOLLEXCLUSIVE | EPOLLONESHOT | EPOLLET;

/** The kernel ignores bits that it does not know. */
function checkMask(mask: number): void {
  integer(mask, "a mask of events", -0x8000_0000, 0xffff_ffff);
  if ((mask & ~MASK) === 0) return;
  throw new RangeError(
    `Cannot use 0x${(mask >>> 0).toString(16)} as a mask of events: there is ` +
      `no event 0x${((mask & ~MASK) >>> 0).toString(16)}`,
  );
}

/**
 * A new set, as Python's `select.epoll()`. Linux only.
 *
 * @returns A set without registrations, to be closed.
 * @throws {Deno.errors.NotSupported} On any other system than Linux.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 * @throws {Error} With code `EMFILE` when there are no descriptors left.
 *
 * @example
 * ```ts
 * import { epoll, EPOLLIN, socketpair } from "@wire/socketserver/poll";
 * import { deepStrictEqual } from "node:assert";
 *
 * const [ours, theirs] = socketpair();
 * using _ours = ours, _theirs = theirs, set = epoll();
 * set.register(ours, EPOLLIN);
 * theirs.sendSync(new Uint8Array(1));
 * deepStrictEqual(await set.poll(), [[ours.fileno(), EPOLLIN]]);
 * ```
 */
export function epoll(): Epoll {
  return new Epoll();
}
