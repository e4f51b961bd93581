import {
  byteLength,
  describe,
  INT_MAX,
  integer,
  part,
  usize,
} from "./_check.ts";
import { POLLIN, POLLOUT } from "./constants_poll.ts";
import {
  AF_INET,
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SHUT_RDWR,
  SO_ERROR,
  SO_TYPE,
  SOCK_STREAM,
  SOL_SOCKET,
  SOMAXCONN,
} from "./constants_socket.ts";
import {
  type DatagramBatch,
  receiveBatch,
  sendBatch,
} from "./datagram_batch.ts";
import {
  closeOwned,
  disown,
  own,
  ownNew,
  toDescriptor,
} from "./_descriptors.ts";
import { EAGAIN, EINPROGRESS, EINTR } from "./_errno.ts";
import { closedError, systemError, timedOut } from "./_errors.ts";
import { turn } from "./_fairness.ts";
import { NEW_SOCKET, prepareNewSocket, setNonBlocking } from "./_fcntl.ts";
import { accept, errno, libc } from "./_libc.ts";
import { platform } from "./_platform.ts";
import { pollOne, sleepSync } from "./_poll_one.ts";
import { type RawAddress, resolve, resolveSync } from "./_resolve.ts";
import {
  ADDRESS_SIZE,
  type AddressLike,
  decodeAddress,
  formatAddress,
  type SocketAddress,
} from "./_sockaddr.ts";
import { sleep } from "./_sleep.ts";
import { Deadline, milliseconds } from "./_timeout.ts";
import { forget, waitForAny } from "./_waiter.ts";

export type { AddressLike, SocketAddress };

/** How a promised call may be ended early. */
export interface WaitOptions {
  /** Ends the wait; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The longest option that is passed on, in bytes. */
const OPTION_MAX = 256;

/** False alarms in a row that are met without a rest. */
const PATIENCE = 10;

/** The longest rest between false alarms, in milliseconds. */
const LONGEST_REST = 20;

/** What `recv` takes up to this size goes through a buffer that is kept. */
const SCRATCH = 64 * 1024;

// Written by the kernel during a synchronous call and read right after it.
const address = new Uint8Array(ADDRESS_SIZE);
const addressLength = new Uint32Array(1);
const optionValue = new Int32Array(1);
const optionLength = new Uint32Array(1);
let scratch: Uint8Array<ArrayBuffer> | undefined;

/** The descriptor that the next `new Socket` takes, instead of making one. */
let adopted: number | undefined;

/** A socket around a descriptor that is non-blocking and nobody else's. */
function adopt(
  fd: number,
  family: number,
  type: number,
  protocol: number,
): Socket {
  adopted = fd;
  try {
    return new Socket(family, type, protocol);
  } finally {
    adopted = undefined;
  }
}

/**
 * A socket of the system, as Python's `socket.socket`: `AF_INET`, `AF_INET6` or
 * `AF_UNIX`, `SOCK_STREAM` or `SOCK_DGRAM`.
 *
 * Calls that may wait come twice. The one with `Sync` is the system call: it
 * blocks the thread, unless `setBlocking(false)` or a timeout says otherwise.
 * The one without tries the same call and, where it would wait, returns to the
 * event loop until the socket is ready; it never blocks, and `setBlocking(false)`
 * is without effect on it. All others return at once and have one form.
 *
 * After `close` every call throws {@linkcode Deno.errors.BadResource}. Other
 * failures throw the class of {@linkcode Deno.errors} that fits, else an
 * `Error`; `code` is the name of errno, as `"ECONNREFUSED"`.
 *
 * The first use needs `--allow-ffi`. System calls are those of socket(7).
 *
 * @example A question and an answer
 * ```ts
 * import { socketpair } from "@wire/socketserver/poll";
 * import { deepStrictEqual } from "node:assert";
 *
 * const [ours, theirs] = socketpair();
 * using _ours = ours, _theirs = theirs;
 * ours.sendAllSync(new TextEncoder().encode("hello"));
 * deepStrictEqual(new TextDecoder().decode(theirs.recvSync(1024)), "hello");
 * ```
 */
export class Socket implements Disposable {
  /** The address family: `AF_INET`, `AF_INET6` or `AF_UNIX`. */
  readonly family: number;
  /** The type: `SOCK_STREAM` or `SOCK_DGRAM`. */
  readonly type: number;
  /** The protocol, 0 for the only one there is. */
  readonly protocol: number;
  #fd = -1;
  /** In milliseconds; -1 for none, 0 for a socket that does not block. */
  #timeout = -1;

  /**
   * Makes a socket.
   *
   * @param family The address family. Default: `AF_INET`.
   * @param type The type. Default: `SOCK_STREAM`.
   * @param protocol The protocol. Default: 0, the type's only one.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   * @throws {Deno.errors.NotSupported} On Windows.
   * @throws {Error} With code `EMFILE` when there are no descriptors left.
   */
  constructor(
    family: number = AF_INET,
    type: number = SOCK_STREAM,
    protocol: number = 0,
  ) {
    this.family = integer(family, "an address family", 0, 0xffff);
    this.type = integer(type, "a socket type", 0, 0xf);
    this.protocol = integer(protocol, "a protocol", 0, INT_MAX);
    if (adopted === undefined) {
      this.#fd = create(family, type, protocol);
      ownNew(this.#fd);
    } else this.#fd = adopted;
  }

  /**
   * Takes over a descriptor that is a socket: from now on this object closes it.
   * It is set non-blocking, as the descriptor of every `Socket` is.
   *
   * @param fd The descriptor.
   * @returns The socket.
   * @throws {Deno.errors.BadResource} If it is not open.
   * @throws {Deno.errors.Busy} If another object of this module owns it.
   * @throws {Error} With code `ENOTSOCK` if it is not a socket.
   */
  static fromFd(fd: number): Socket {
    const action = `make a socket of descriptor ${fd}`;
    toDescriptor(fd);
    const type = readOption(fd, SOL_SOCKET, SO_TYPE, action);
    addressLength[0] = ADDRESS_SIZE;
    // The kernel writes at most as much as the length says, both ours and kept.
    if (libc().getsockname(fd, address, addressLength) < 0) {
      throw systemError(errno(), "getsockname", action);
    }
    const family = platform === "darwin" ? address[1]! : address[0]!;
    setNonBlocking(fd, true, action);
    own(fd);
    return adopt(fd, family, type, 0);
  }

  /** Whether it has been closed or detached. */
  get closed(): boolean {
    return this.#fd < 0;
  }

  /**
   * The descriptor's number, to register with `poll` and its like.
   *
   * @returns The number; it stays this object's to close.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  fileno(): number {
    if (this.#fd < 0) throw closedError("tell the descriptor", "the socket");
    return this.#fd;
  }

  /**
   * Gives the descriptor away: the caller has to close it. The object is closed
   * then. Whoever waits for the socket rejects with
   * {@linkcode Deno.errors.BadResource}.
   *
   * @returns The descriptor, blocking if the socket was.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  detach(): number {
    const fd = this.#open("detach the descriptor");
    if (this.#timeout < 0) setNonBlocking(fd, false, "detach the descriptor");
    forget(fd);
    disown(fd);
    this.#fd = -1;
    return fd;
  }

  /**
   * Closes the descriptor. Whoever waits for the socket rejects with
   * {@linkcode Deno.errors.BadResource}.
   *
   * @throws {Deno.errors.BadResource} If it is closed already.
   */
  close(): void {
    const fd = this.#open("close the socket");
    this.#fd = -1;
    // First those who wait: afterwards the number may be somebody else's.
    forget(fd);
    closeOwned(fd);
  }

  /** Closes it if it is open: `using socket = …`. */
  [Symbol.dispose](): void {
    if (this.#fd >= 0) this.close();
  }

  /**
   * Says whether `Sync` calls block. Equal to `setTimeout(null)` and
   * `setTimeout(0)`.
   *
   * @param blocking True to block without limit; false to throw
   * {@linkcode Deno.errors.WouldBlock} where a call would wait.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  setBlocking(blocking: boolean): void {
    this.setTimeout(blocking ? null : 0);
  }

  /**
   * Whether `Sync` calls may wait.
   *
   * @returns False after `setBlocking(false)` and `setTimeout(0)`.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  getBlocking(): boolean {
    return this.getTimeout() !== 0;
  }

  /**
   * Limits every call that waits, promised ones too.
   *
   * @param timeout In milliseconds, rounded up; `null` or `Infinity` for no
   * limit; 0 makes `Sync` calls throw where they would wait.
   * @throws {RangeError} If it is negative or NaN.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  setTimeout(timeout: number | null): void {
    this.#open("set the timeout");
    if (timeout !== null && timeout < 0) {
      throw new RangeError(
        `Cannot set the timeout to ${timeout}: it must not be negative`,
      );
    }
    this.#timeout = milliseconds(timeout);
  }

  /**
   * What `setTimeout` set.
   *
   * @returns In milliseconds; `null` for no limit.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  getTimeout(): number | null {
    this.#open("tell the timeout");
    return this.#timeout < 0 ? null : this.#timeout;
  }

  /**
   * Sets an option; setsockopt(2).
   *
   * @param level The level, as `SOL_SOCKET`.
   * @param option The option, as `SO_REUSEADDR`.
   * @param value An integer, a boolean, or the bytes of C's structure, at most
   * 256 of them.
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Error} With code `ENOPROTOOPT` if there is no such option.
   */
  setsockopt(
    level: number,
    option: number,
    value: number | boolean | Uint8Array,
  ): void {
    const action = `set option ${option} of level ${level}`;
    const fd = this.#open(action);
    integer(level, "an option's level", 0, INT_MAX);
    integer(option, "an option", 0, INT_MAX);
    let bytes: Uint8Array | Int32Array = optionValue;
    let length = 4;
    if (typeof value === "object") {
      length = integer(
        byteLength(value, action),
        "an option's length",
        0,
        OPTION_MAX,
      );
      bytes = value;
    } else {
      optionValue[0] = integer(
        Number(value),
        "an option's value",
        -INT_MAX - 1,
        INT_MAX,
      );
    }
    // The kernel reads `length` bytes, which `bytes` was just found to have.
    const result = libc().setsockopt(
      fd,
      level,
      option,
      bytes as Uint8Array<ArrayBuffer>,
      length,
    );
    if (result < 0) throw this.#error(errno(), "setsockopt", action);
  }

  /**
   * An option that is an integer; getsockopt(2).
   *
   * @param level The level, as `SOL_SOCKET`.
   * @param option The option, as `SO_ERROR`.
   * @returns Its value.
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Error} With code `ENOPROTOOPT` if there is no such option.
   */
  getsockopt(level: number, option: number): number;
  /**
   * An option that is a structure of C's; getsockopt(2).
   *
   * @param level The level, as `SOL_SOCKET`.
   * @param option The option, as `SO_LINGER`.
   * @param size How many bytes it has at most, from 1 to 256.
   * @returns Its bytes.
   * @throws {RangeError} If `size` is not from 1 to 256.
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Error} With code `ENOPROTOOPT` if there is no such option.
   */
  getsockopt(
    level: number,
    option: number,
    size: number,
  ): Uint8Array<ArrayBuffer>;
  getsockopt(
    level: number,
    option: number,
    size?: number,
  ): number | Uint8Array<ArrayBuffer> {
    const action = `get option ${option} of level ${level}`;
    const fd = this.#open(action);
    integer(level, "an option's level", 0, INT_MAX);
    integer(option, "an option", 0, INT_MAX);
    if (size === undefined) return readOption(fd, level, option, action);
    const value = new Uint8Array(
      integer(size, "an option's length", 1, OPTION_MAX),
    );
    optionLength[0] = size;
    // The kernel writes at most `size` bytes, the length of `value`.
    if (libc().getsockopt(fd, level, option, value, optionLength) < 0) {
      throw this.#error(errno(), "getsockopt", action);
    }
    return value.slice(0, optionLength[0]);
  }

  /**
   * Takes an address; bind(2). A name is resolved on the spot: give an IP
   * address where the event loop must not wait for a name server.
   *
   * @param local Where to listen or receive. Without `hostname`: any address of
   * this machine; with port 0: a free one, which `getsockname` tells. A path
   * that begins with `"\0"` is an abstract name of Linux.
   * @throws {Deno.errors.AddrInUse} If another socket has it.
   * @throws {Deno.errors.AddrNotAvailable} If it is not this machine's.
   * @throws {Deno.errors.PermissionDenied} If it needs rights of the system.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  bind(local: AddressLike): void {
    const action = `bind to ${formatLike(local)}`;
    const fd = this.#open(action);
    const [raw] = resolveSync(local, this.family, this.type, "bind");
    // The kernel reads the address during the call.
    if (libc().bind(fd, raw!, raw!.length) < 0) {
      throw this.#error(errno(), "bind", action);
    }
  }

  /**
   * Lets others connect; listen(2).
   *
   * @param backlog How many connections may wait to be accepted; the system
   * caps it. Default: `SOMAXCONN`.
   * @throws {Deno.errors.NotSupported} If it is a datagram socket.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  listen(backlog: number = SOMAXCONN): void {
    const fd = this.#open("listen");
    integer(backlog, "a backlog", 0, INT_MAX);
    if (libc().listen(fd, backlog) < 0) {
      throw this.#error(errno(), "listen", "listen");
    }
  }

  /**
   * Takes the next connection, waiting for one; accept(2).
   *
   * @param options See {@linkcode WaitOptions}.
   * @returns The connection, and the peer's address.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   * @throws {Error} With code `EMFILE` when there are no descriptors left.
   */
  async accept(options?: WaitOptions): Promise<[Socket, SocketAddress]> {
    const taker = this.#taker();
    await this.#call(taker.attempt, "accept", "accept", POLLIN, options);
    return taker.taken!;
  }

  /**
   * Takes the next connection, blocking until there is one; accept(2).
   *
   * @returns The connection, and the peer's address.
   * @throws {Deno.errors.WouldBlock} If there is none and the socket does not
   * block.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   * @throws {Error} With code `EMFILE` when there are no descriptors left.
   */
  acceptSync(): [Socket, SocketAddress] {
    const taker = this.#taker();
    this.#callSync(taker.attempt, "accept", "accept", POLLIN);
    return taker.taken!;
  }

  /**
   * Connects; connect(2). A name is resolved on another thread, and its first
   * address is taken; {@linkcode createConnection} tries them all.
   *
   * @param remote Where to. Without `hostname`: this machine.
   * @param options See {@linkcode WaitOptions}.
   * @throws {Deno.errors.ConnectionRefused} If nothing listens there.
   * @throws {Deno.errors.NotFound} If there is no such name or path.
   * @throws {Deno.errors.TimedOut} If the socket's or the system's timeout
   * passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   */
  async connect(remote: AddressLike, options?: WaitOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    const action = `connect to ${formatLike(remote)}`;
    this.#open(action);
    const [raw] = await resolve(remote, this.family, this.type, "connect");
    options?.signal?.throwIfAborted();
    await this.#connectRaw(raw!, action, options);
  }

  /**
   * Connects, blocking until it is done; connect(2).
   *
   * @param remote Where to. Without `hostname`: this machine.
   * @throws {Deno.errors.WouldBlock} With code `EINPROGRESS` if the socket does
   * not block: it is writable once it is connected or has failed, and
   * `getsockopt(SOL_SOCKET, SO_ERROR)` tells which.
   * @throws {Deno.errors.ConnectionRefused} If nothing listens there.
   * @throws {Deno.errors.NotFound} If there is no such name or path.
   * @throws {Deno.errors.TimedOut} If the socket's or the system's timeout
   * passed.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  connectSync(remote: AddressLike): void {
    const action = `connect to ${formatLike(remote)}`;
    const fd = this.#open(action);
    const [raw] = resolveSync(remote, this.family, this.type, "connect");
    const deadline = new Deadline(this.#timeout);
    for (let pause = 1;; pause = Math.min(pause * 2, 50)) {
      const number = this.#startConnect(raw!);
      if (number === 0) return;
      if (this.#timeout === 0) throw this.#error(number, "connect", action);
      if (number === EINPROGRESS || number === EINTR) {
        if (!pollOne(fd, POLLOUT, deadline)) {
          throw timedOut(action, this.#timeout);
        }
        return this.#finishConnect(action);
      }
      if (!this.#backlogFull(number)) {
        throw this.#error(number, "connect", action);
      }
      if (deadline.passed) throw timedOut(action, this.#timeout);
      sleepSync(pause);
    }
  }

  /**
   * Receives at most so many bytes, waiting for the first; recv(2).
   *
   * @param size How many bytes at most.
   * @param flags As `MSG_PEEK`. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @returns The bytes; none at the end of a stream.
   * @throws {RangeError} If `size` is not from 0 to 2^31 - 1.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   */
  async recv(
    size: number,
    flags: number = 0,
    options?: WaitOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const receiver = this.#receiver(size, flags);
    await this.#call(receiver.attempt, "recv", "receive", POLLIN, options);
    return receiver.received!;
  }

  /**
   * Receives at most so many bytes, blocking until the first; recv(2).
   *
   * @param size How many bytes at most.
   * @param flags As `MSG_PEEK`. Default: 0.
   * @returns The bytes; none at the end of a stream.
   * @throws {RangeError} If `size` is not from 0 to 2^31 - 1.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
   * block.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  recvSync(size: number, flags: number = 0): Uint8Array<ArrayBuffer> {
    const receiver = this.#receiver(size, flags);
    this.#callSync(receiver.attempt, "recv", "receive", POLLIN);
    return receiver.received!;
  }

  /**
   * Receives into a buffer, waiting for the first byte; recv(2).
   *
   * @param buffer Where to put them. Nothing else is copied.
   * @param nbytes How many bytes at most; 0 for all that fit. Default: 0.
   * @param flags As `MSG_PEEK`. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @returns How many bytes came; 0 at the end of a stream.
   * @throws {TypeError} If the buffer is detached.
   * @throws {RangeError} If `nbytes` is more than the buffer holds.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   */
  async recvInto(
    buffer: Uint8Array,
    nbytes: number = 0,
    flags: number = 0,
    options?: WaitOptions,
  ): Promise<number> {
    const attempt = () => this.#tryRecv(buffer, nbytes, flags);
    return await this.#call(attempt, "recv", "receive", POLLIN, options);
  }

  /**
   * Receives into a buffer, blocking until the first byte; recv(2).
   *
   * @param buffer Where to put them. Nothing else is copied.
   * @param nbytes How many bytes at most; 0 for all that fit. Default: 0.
   * @param flags As `MSG_PEEK`. Default: 0.
   * @returns How many bytes came; 0 at the end of a stream.
   * @throws {TypeError} If the buffer is detached.
   * @throws {RangeError} If `nbytes` is more than the buffer holds.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
   * block.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  recvIntoSync(
    buffer: Uint8Array,
    nbytes: number = 0,
    flags: number = 0,
  ): number {
    const received = this.#tryRecv(buffer, nbytes, flags);
    return received >= 0
      ? received
      : this.#recvIntoAgainSync(buffer, nbytes, flags, errno());
  }

  /**
   * Receives one datagram, waiting for it; recvfrom(2).
   *
   * @param size How many bytes at most.
   * @param flags As `MSG_PEEK`. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @returns The bytes, cut off at `size`, and the sender's address.
   * @throws {RangeError} If `size` is not from 0 to 2^31 - 1.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   */
  async recvFrom(
    size: number,
    flags: number = 0,
    options?: WaitOptions,
  ): Promise<[Uint8Array<ArrayBuffer>, SocketAddress]> {
    const receiver = this.#receiverFrom(size, flags);
    await this.#call(receiver.attempt, "recvfrom", "receive", POLLIN, options);
    return receiver.received!;
  }

  /**
   * Receives one datagram, blocking until it comes; recvfrom(2).
   *
   * @param size How many bytes at most.
   * @param flags As `MSG_PEEK`. Default: 0.
   * @returns The bytes, cut off at `size`, and the sender's address.
   * @throws {RangeError} If `size` is not from 0 to 2^31 - 1.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
   * block.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  recvFromSync(
    size: number,
    flags: number = 0,
  ): [Uint8Array<ArrayBuffer>, SocketAddress] {
    const receiver = this.#receiverFrom(size, flags);
    this.#callSync(receiver.attempt, "recvfrom", "receive", POLLIN);
    return receiver.received!;
  }

  /**
   * Sends what the kernel takes, waiting until it takes some; send(2).
   *
   * @param data The bytes. They are not copied: leave them alone until then.
   * @param flags As `MSG_OOB`. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @returns How many bytes it took.
   * @throws {TypeError} If the buffer is detached.
   * @throws {Deno.errors.BrokenPipe} If the connection has ended.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   */
  async send(
    data: Uint8Array,
    flags: number = 0,
    options?: WaitOptions,
  ): Promise<number> {
    const attempt = () => this.#trySend(data, flags);
    return await this.#call(attempt, "send", "send", POLLOUT, options);
  }

  /**
   * Sends what the kernel takes, blocking until it takes some; send(2).
   *
   * @param data The bytes. They are not copied: leave them alone until then.
   * @param flags As `MSG_OOB`. Default: 0.
   * @returns How many bytes it took.
   * @throws {TypeError} If the buffer is detached.
   * @throws {Deno.errors.BrokenPipe} If the connection has ended.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
   * block.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  sendSync(data: Uint8Array, flags: number = 0): number {
    const sent = this.#trySend(data, flags);
    return sent >= 0 ? sent : this.#sendAgainSync(data, flags, errno());
  }

  /**
   * Sends all bytes, waiting as often as it takes. After an error nobody knows
   * how many were sent.
   *
   * @param data The bytes. They are not copied: leave them alone until then.
   * @param flags As `MSG_OOB`. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @throws {TypeError} If the buffer is detached.
   * @throws {Deno.errors.BrokenPipe} If the connection has ended.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   */
  async sendAll(
    data: Uint8Array,
    flags: number = 0,
    options?: WaitOptions,
  ): Promise<void> {
    const deadline = this.#deadline();
    const total = byteLength(data, "send");
    let sent = 0;
    const attempt = () => this.#trySendRest(data, sent, total, flags);
    do {
      sent += await this.#call(
        attempt,
        "send",
        "send",
        POLLOUT,
        options,
        deadline,
      );
    } while (sent < total);
  }

  /**
   * Sends all bytes, blocking as often as it takes. After an error nobody knows
   * how many were sent.
   *
   * @param data The bytes. They are not copied: leave them alone until then.
   * @param flags As `MSG_OOB`. Default: 0.
   * @throws {TypeError} If the buffer is detached.
   * @throws {Deno.errors.BrokenPipe} If the connection has ended.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
   * block.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  sendAllSync(data: Uint8Array, flags: number = 0): void {
    const total = byteLength(data, "send");
    let sent = this.sendSync(data, flags);
    if (sent < total) {
      const deadline = new Deadline(this.#timeout);
      const attempt = () => this.#trySendRest(data, sent, total, flags);
      while (sent < total) {
        sent += this.#callSync(attempt, "send", "send", POLLOUT, deadline);
      }
    }
  }

  /**
   * Sends one datagram, waiting while the kernel has no room; sendto(2). A name
   * is resolved on another thread.
   *
   * @param data The bytes. They are not copied: leave them alone until then.
   * @param remote Where to send it.
   * @param flags As `MSG_OOB`. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @returns How many bytes were sent.
   * @throws {TypeError} If the buffer is detached.
   * @throws {Deno.errors.NotFound} If there is no such name or path.
   * @throws {Deno.errors.ConnectionRefused} If nothing receives there, as far as
   * is known.
   * @throws {Error} With code `EMSGSIZE` if it is too long for a datagram.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   */
  async sendTo(
    data: Uint8Array,
    remote: AddressLike,
    flags: number = 0,
    options?: WaitOptions,
  ): Promise<number> {
    const action = `send to ${formatLike(remote)}`;
    options?.signal?.throwIfAborted();
    this.#open(action);
    const [raw] = await resolve(remote, this.family, this.type, "connect");
    const attempt = () => this.#trySendTo(data, raw!, flags);
    return await this.#call(attempt, "sendto", action, POLLOUT, options);
  }

  /**
   * Sends one datagram, blocking while the kernel has no room; sendto(2).
   *
   * @param data The bytes. They are not copied: leave them alone until then.
   * @param remote Where to send it.
   * @param flags As `MSG_OOB`. Default: 0.
   * @returns How many bytes were sent.
   * @throws {TypeError} If the buffer is detached.
   * @throws {Deno.errors.NotFound} If there is no such name or path.
   * @throws {Deno.errors.ConnectionRefused} If nothing receives there, as far as
   * is known.
   * @throws {Error} With code `EMSGSIZE` if it is too long for a datagram.
   * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
   * block.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  sendToSync(
    data: Uint8Array,
    remote: AddressLike,
    flags: number = 0,
  ): number {
    const [raw] = resolveSync(remote, this.family, this.type, "connect");
    const sent = this.#trySendTo(data, raw!, flags);
    return sent >= 0 ? sent : this.#sendToAgainSync(
      data,
      raw!,
      flags,
      `send to ${formatLike(remote)}`,
      errno(),
    );
  }

  /**
   * Receives as many datagrams as have come and fit in a batch, waiting for the
   * first; recvmmsg(2), Linux only.
   *
   * @param batch Where to put them, in place of what it has.
   * @param flags As `MSG_TRUNC`. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @returns How many came.
   * @throws {TypeError} If the batch's buffer was transferred elsewhere.
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   */
  async recvMany(
    batch: DatagramBatch,
    flags: number = 0,
    options?: WaitOptions,
  ): Promise<number> {
    const attempt = () => receiveBatch(batch, this.#fd, this.type, flags);
    return await this.#call(attempt, "recvmmsg", "receive", POLLIN, options);
  }

  /**
   * Receives as many datagrams as have come and fit in a batch, blocking until
   * the first; recvmmsg(2), Linux only.
   *
   * @param batch Where to put them, in place of what it has.
   * @param flags As `MSG_TRUNC`. Default: 0.
   * @returns How many came.
   * @throws {TypeError} If the batch's buffer was transferred elsewhere.
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
   * block.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  recvManySync(batch: DatagramBatch, flags: number = 0): number {
    const attempt = () => receiveBatch(batch, this.#fd, this.type, flags);
    return this.#callSync(attempt, "recvmmsg", "receive", POLLIN);
  }

  /**
   * Sends the datagrams of a batch, each to its address, waiting while the
   * kernel has no room; sendmmsg(2), Linux only.
   *
   * @param batch The datagrams. They are not copied: leave them alone until then.
   * @param flags As `MSG_OOB`. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @throws {TypeError} If the batch's buffer was transferred elsewhere.
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   */
  async sendMany(
    batch: DatagramBatch,
    flags: number = 0,
    options?: WaitOptions,
  ): Promise<void> {
    const deadline = this.#deadline();
    let sent = 0;
    const attempt = () => sendBatch(batch, sent, this.#fd, flags);
    while (sent < batch.length) {
      sent += await this.#call(
        attempt,
        "sendmmsg",
        "send",
        POLLOUT,
        options,
        deadline,
      );
    }
  }

  /**
   * Sends the datagrams of a batch, each to its address, blocking while the
   * kernel has no room; sendmmsg(2), Linux only.
   *
   * @param batch The datagrams.
   * @param flags As `MSG_OOB`. Default: 0.
   * @throws {TypeError} If the batch's buffer was transferred elsewhere.
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
   * block.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  sendManySync(batch: DatagramBatch, flags: number = 0): void {
    const deadline = new Deadline(this.#timeout);
    let sent = 0;
    const attempt = () => sendBatch(batch, sent, this.#fd, flags);
    while (sent < batch.length) {
      sent += this.#callSync(attempt, "sendmmsg", "send", POLLOUT, deadline);
    }
  }

  /**
   * Ends one side of a connection or both; shutdown(2).
   *
   * @param how `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR`. Default: `SHUT_RDWR`.
   * @throws {Deno.errors.NotConnected} If it is not connected.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  shutdown(how: number = SHUT_RDWR): void {
    const fd = this.#open("shut down");
    integer(how, "a side to shut down", 0, 2);
    if (libc().shutdown(fd, how) < 0) {
      throw this.#error(errno(), "shutdown", "shut down");
    }
  }

  /**
   * The socket's own address; getsockname(2).
   *
   * @returns The address; an empty path if a Unix socket has none.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  getsockname(): SocketAddress {
    const fd = this.#open("tell the address");
    addressLength[0] = ADDRESS_SIZE;
    // The kernel writes at most as much as the length says, both ours and kept.
    if (libc().getsockname(fd, address, addressLength) < 0) {
      throw this.#error(errno(), "getsockname", "tell the address");
    }
    return decodeAddress(address, addressLength[0]!, this.type);
  }

  /**
   * The peer's address; getpeername(2).
   *
   * @returns The address; an empty path if a Unix socket has none.
   * @throws {Deno.errors.NotConnected} If it is not connected.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  getpeername(): SocketAddress {
    const fd = this.#open("tell the peer's address");
    addressLength[0] = ADDRESS_SIZE;
    // The kernel writes at most as much as the length says, both ours and kept.
    if (libc().getpeername(fd, address, addressLength) < 0) {
      throw this.#error(errno(), "getpeername", "tell the peer's address");
    }
    return decodeAddress(address, addressLength[0]!, this.type);
  }

  #open(action: string): number {
    if (this.#fd < 0) throw closedError(action, "the socket");
    return this.#fd;
  }

  /** A deadline for a promised call: one that does not block has none. */
  #deadline(): Deadline {
    return new Deadline(this.#timeout === 0 ? -1 : this.#timeout);
  }

  #error(number: number, call: string, action: string): Error {
    return this.#fd < 0
      ? closedError(action, "the socket")
      : systemError(number, call, action);
  }

  // One attempt each: the call itself, made at once. Where it fails, `errno`
  // tells why, as long as nothing else has been called. A closed socket has the
  // descriptor -1, which the kernel refuses.

  #tryRecv(buffer: Uint8Array, nbytes: number, flags: number): number {
    let length = byteLength(buffer, "receive");
    if (nbytes !== 0) length = integer(nbytes, "a size", 0, length);
    // The kernel writes at most `length` bytes, which the buffer has now.
    return libc().recv(
      this.#fd,
      buffer as Uint8Array<ArrayBuffer>,
      usize(length),
      flags | MSG_DONTWAIT,
    );
  }

  #trySend(data: Uint8Array, flags: number): number {
    const length = byteLength(data, "send");
    // The kernel reads `length` bytes, which the buffer has now.
    return libc().send(
      this.#fd,
      data as Uint8Array<ArrayBuffer>,
      usize(length),
      flags | MSG_DONTWAIT | MSG_NOSIGNAL,
    );
  }

  #trySendRest(
    data: Uint8Array,
    sent: number,
    total: number,
    flags: number,
  ): number {
    if (byteLength(data, "send") < total) {
      throw new TypeError(
        "Cannot send: the buffer was shortened before all was sent",
      );
    }
    return this.#trySend(part(data, sent, total), flags);
  }

  #tryRecvFrom(buffer: Uint8Array<ArrayBuffer>, size: number, flags: number) {
    addressLength[0] = ADDRESS_SIZE;
    // The kernel writes at most `size` bytes to the buffer, which has as many,
    // and at most ADDRESS_SIZE to the address; all three are ours and kept.
    return libc().recvfrom(
      this.#fd,
      buffer,
      usize(size),
      flags | MSG_DONTWAIT,
      address,
      addressLength,
    );
  }

  #trySendTo(data: Uint8Array, remote: RawAddress, flags: number): number {
    const length = byteLength(data, "send");
    // The kernel reads `length` bytes, which the buffer has now, and the address.
    return libc().sendto(
      this.#fd,
      data as Uint8Array<ArrayBuffer>,
      usize(length),
      flags | MSG_DONTWAIT | MSG_NOSIGNAL,
      remote,
      remote.length,
    );
  }

  #taker() {
    const taker = {
      taken: undefined as [Socket, SocketAddress] | undefined,
      attempt: (): number => {
        addressLength[0] = ADDRESS_SIZE;
        const fd = accept(this.#fd, address, addressLength);
        if (fd >= 0) {
          ownNew(fd);
          taker.taken = [
            adopt(fd, this.family, this.type, this.protocol),
            decodeAddress(address, addressLength[0]!, this.type),
          ];
        }
        return fd;
      },
    };
    return taker;
  }

  #receiver(size: number, flags: number) {
    integer(size, "a size", 0, INT_MAX);
    const receiver = {
      received: undefined as Uint8Array<ArrayBuffer> | undefined,
      attempt: (): number => {
        const buffer = bufferFor(size);
        // Not 0, which would mean the whole of it.
        const count = this.#tryRecv(part(buffer, 0, size), size, flags);
        if (count >= 0) receiver.received = copyOf(buffer, count, size);
        return count;
      },
    };
    return receiver;
  }

  #receiverFrom(size: number, flags: number) {
    integer(size, "a size", 0, INT_MAX);
    const receiver = {
      received: undefined as
        | [Uint8Array<ArrayBuffer>, SocketAddress]
        | undefined,
      attempt: (): number => {
        const buffer = bufferFor(size);
        const count = this.#tryRecvFrom(buffer, size, flags);
        if (count >= 0) {
          receiver.received = [
            copyOf(buffer, count, size),
            decodeAddress(address, addressLength[0]!, this.type),
          ];
        }
        return count;
      },
    };
    return receiver;
  }

  /** Tries, and returns to the event loop until it may succeed. */
  async #call(
    attempt: () => number,
    call: string,
    action: string,
    events: number,
    options: WaitOptions | undefined,
    deadline: Deadline | undefined = undefined,
  ): Promise<number> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    const pause = turn();
    if (pause !== undefined) await pause;
    for (let alarms = 0;; alarms++) {
      const result = attempt();
      if (result >= 0) return result;
      const number = errno();
      if (number === EINTR) continue;
      if (number !== EAGAIN) throw this.#error(number, call, action);
      deadline ??= this.#deadline();
      await this.#wait(events, action, deadline, signal);
      const rest = restAfter(alarms);
      if (rest > 0) await sleep(rest, signal);
    }
  }

  async #wait(
    events: number,
    action: string,
    deadline: Deadline,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const outcome = await waitForAny([{ fd: this.#fd, events }], {
      timeout: deadline.left,
      signal,
    });
    if (outcome === "closed") throw closedError(action, "the socket");
    if (outcome === "timeout" && deadline.passed) {
      throw timedOut(action, this.#timeout);
    }
  }

  /** Tries, and blocks until it may succeed. */
  #callSync(
    attempt: () => number,
    call: string,
    action: string,
    events: number,
    deadline?: Deadline,
  ): number {
    const result = attempt();
    if (result >= 0) return result;
    return this.#againSync(attempt, call, action, events, errno(), deadline);
  }

  /** An attempt has failed: tries again, or blocks until it may succeed. */
  #againSync(
    attempt: () => number,
    call: string,
    action: string,
    events: number,
    failure: number,
    deadline: Deadline = new Deadline(this.#timeout),
  ): number {
    let number = failure;
    for (let alarms = 0;; alarms++) {
      if (
        number !== EINTR && (number !== EAGAIN || this.#timeout === 0)
      ) throw this.#error(number, call, action);
      if (
        number === EAGAIN &&
        (!pollOne(this.#fd, events, deadline) || alarms > 0 && deadline.passed)
      ) throw timedOut(action, this.#timeout);
      const rest = restAfter(alarms);
      if (rest > 0) sleepSync(rest);
      const result = attempt();
      if (result >= 0) return result;
      number = errno();
    }
  }

  // Apart from the methods they belong to, so that these make no closure.

  #recvIntoAgainSync(
    buffer: Uint8Array,
    nbytes: number,
    flags: number,
    failure: number,
  ): number {
    const attempt = () => this.#tryRecv(buffer, nbytes, flags);
    return this.#againSync(attempt, "recv", "receive", POLLIN, failure);
  }

  #sendAgainSync(data: Uint8Array, flags: number, failure: number): number {
    const attempt = () => this.#trySend(data, flags);
    return this.#againSync(attempt, "send", "send", POLLOUT, failure);
  }

  #sendToAgainSync(
    data: Uint8Array,
    remote: RawAddress,
    flags: number,
    action: string,
    failure: number,
  ): number {
    const attempt = () => this.#trySendTo(data, remote, flags);
    return this.#againSync(attempt, "sendto", action, POLLOUT, failure);
  }

  /** @returns 0 if it is connected, else why not or not yet. */
  #startConnect(remote: RawAddress): number {
    // The kernel reads the address during the call.
    const result = libc().connect(this.#fd, remote, remote.length);
    return result < 0 ? errno() : 0;
  }

  async #connectRaw(
    remote: RawAddress,
    action: string,
    options: WaitOptions | undefined,
  ): Promise<void> {
    const signal = options?.signal;
    const deadline = this.#deadline();
    for (let pause = 1;; pause = Math.min(pause * 2, 50)) {
      const number = this.#startConnect(remote);
      if (number === 0) return;
      if (number === EINPROGRESS || number === EINTR) {
        await this.#wait(POLLOUT, action, deadline, signal);
        return this.#finishConnect(action);
      }
      if (!this.#backlogFull(number)) {
        throw this.#error(number, "connect", action);
      }
      if (deadline.passed) throw timedOut(action, this.#timeout);
      await sleep(pause, signal);
    }
  }

  /** Nothing tells when a Unix socket's backlog has room again; unix(7). */
  #backlogFull(number: number): boolean {
    return number === EAGAIN && this.family === AF_UNIX;
  }

  #finishConnect(action: string): void {
    const number = this.getsockopt(SOL_SOCKET, SO_ERROR);
    if (number !== 0) throw this.#error(number, "connect", action);
  }
}

/**
 * A socket can be ready and the call wait nonetheless: a Unix datagram whose
 * receiver is full, an error queue that is empty, another reader who was
 * faster. After some false alarms in a row it rests between them.
 *
 * @returns How long, in milliseconds; 0 for not at all.
 */
function restAfter(alarms: number): number {
  return alarms < PATIENCE ? 0 : Math.min(alarms - PATIENCE + 1, LONGEST_REST);
}

function create(family: number, type: number, protocol: number): number {
  const fd = libc().socket(family, type | NEW_SOCKET, protocol);
  if (fd < 0) throw systemError(errno(), "socket", "make a socket");
  prepareNewSocket(fd);
  return fd;
}

function readOption(
  fd: number,
  level: number,
  option: number,
  action: string,
): number {
  optionValue[0] = 0;
  optionLength[0] = 4;
  // The kernel writes at most 4 bytes, ours and kept.
  if (libc().getsockopt(fd, level, option, optionValue, optionLength) < 0) {
    throw systemError(errno(), "getsockopt", action);
  }
  return optionValue[0];
}

/** A buffer for one synchronous call. */
function bufferFor(size: number): Uint8Array<ArrayBuffer> {
  if (size > SCRATCH) return new Uint8Array(size);
  return scratch ??= new Uint8Array(SCRATCH);
}

/** What was received, in memory of its own. With MSG_TRUNC `count` may be more than came. */
function copyOf(
  buffer: Uint8Array<ArrayBuffer>,
  count: number,
  size: number,
): Uint8Array<ArrayBuffer> {
  const length = Math.min(count, size);
  return size > SCRATCH && length > size / 2
    ? buffer.subarray(0, length)
    : buffer.slice(0, length);
}

/** An address in a message, also where it is none. */
function formatLike(value: AddressLike): string {
  return typeof value === "object" && value !== null
    ? formatAddress(value)
    : describe(value);
}
