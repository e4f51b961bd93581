import "./_opened_early.ts";
import { byteLength, describe, INT_MAX, integer, part } from "./_check.ts";
import { connectRaw, connectRawSync } from "./_connecting.ts";
import type {
  ControlMessage,
  ControlMessageLike,
  DescriptorsMessage,
} from "./_control.ts";
import { POLLIN, POLLOUT } from "./constants_poll.ts";
import {
  AF_INET,
  AF_UNIX,
  SHUT_RDWR,
  SO_TYPE,
  SOCK_STREAM,
  SOL_SOCKET,
  SOMAXCONN,
} from "./constants_socket.ts";
import {
  type DatagramBatch,
  RECEIVE_INTO,
  SEND_FROM,
} from "./datagram_batch.ts";
import { Descriptor } from "./descriptor.ts";
import {
  closeOwned,
  disown,
  own,
  ownNew,
  toDescriptor,
} from "./_descriptors.ts";
import { errnoNumber } from "./_errno.ts";
import { systemError } from "./_errors.ts";
import {
  duplicate,
  NEW_SOCKET,
  prepareNewSocket,
  setNonBlocking,
} from "./_fcntl.ts";
import {
  checkReceiveManyFlags,
  checkReceiveMessageFlags,
  checkSendFlags,
  neverWaits,
} from "./_flags.ts";
import { Handle, type Operation } from "./_handle.ts";
import { accept, errno, libc } from "./_libc.ts";
import {
  IncomingMessage,
  OutgoingMessage,
  type ReceivedMessage,
} from "./_message.ts";
import { checkWaitOptions, type WaitOptions } from "./_options.ts";
import {
  receive,
  receiveBytes,
  receiveBytesSync,
  receiveSync,
  RECV,
  RECVFROM,
} from "./_receiving.ts";
import { type RawAddress, resolve, resolveSync, within } from "./_resolve.ts";
import {
  ADDRESS_SIZE,
  type AddressLike,
  decodeAddress,
  formatAddress,
  rawFamily,
  type SocketAddress,
} from "./_sockaddr.ts";
import { getOption, readOption, setOption } from "./_socket_options.ts";
import { type Deadline, milliseconds } from "./_timeout.ts";
import {
  address,
  addressLength,
  tryRecv,
  tryRecvFrom,
  trySend,
  trySendRest,
  trySendTo,
} from "./_transfer.ts";
import { forget } from "./_waiter.ts";

export type { AddressLike, SocketAddress, WaitOptions };
export type {
  ControlMessage,
  ControlMessageLike,
  DescriptorsMessage,
  ReceivedMessage,
};

const ACCEPT: Operation = { call: "accept", action: "accept", events: POLLIN };
const RECVMMSG: Operation = { ...RECV, call: "recvmmsg" };
const RECVMSG: Operation = { ...RECV, call: "recvmsg" };
const SEND: Operation = { call: "send", action: "send", events: POLLOUT };
const SENDMMSG: Operation = { ...SEND, call: "sendmmsg" };
const SENDMSG: Operation = { ...SEND, call: "sendmsg" };

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
 * `AF_UNIX`, `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_SEQPACKET`.
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
  /** The type: `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_SEQPACKET`. */
  readonly type: number;
  /** The protocol, 0 for the only one there is. */
  readonly protocol: number;
  readonly #handle = new Handle();

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
      this.#handle.fd = create(family, type, protocol);
      ownNew(this.#handle.fd);
    } else this.#handle.fd = adopted;
  }

  /**
   * Takes over a descriptor that is a socket: from now on this object closes it.
   * It is set non-blocking, as the descriptor of every `Socket` is.
   *
   * @param fd The descriptor, or a {@linkcode Descriptor}, which is detached;
   * where this throws, it stays as it is.
   * @returns The socket.
   * @throws {Deno.errors.BadResource} If it is not open.
   * @throws {Deno.errors.Busy} If another object of this module owns it.
   * @throws {Error} With code `ENOTSOCK` if it is not a socket.
   */
  static fromFd(fd: number | Descriptor): Socket {
    const number = toDescriptor(fd);
    const action = `make a socket of descriptor ${number}`;
    if (typeof fd !== "number" && !(fd instanceof Descriptor)) {
      throw new TypeError(
        `Cannot ${action}: ${
          describe(fd)
        } owns it, give a number or a Descriptor`,
      );
    }
    const type = readOption(number, SOL_SOCKET, SO_TYPE, action);
    addressLength[0] = ADDRESS_SIZE;
    // The kernel writes at most as much as the length says, both ours and kept.
    if (libc().getsockname(number, address, addressLength) < 0) {
      throw systemError(errno(), "getsockname", action);
    }
    const family = rawFamily(address, addressLength[0]);
    setNonBlocking(number, true, action);
    if (typeof fd !== "number") fd.detach();
    own(number);
    return adopt(number, family, type, 0);
  }

  /** Whether it has been closed or detached. */
  get closed(): boolean {
    return this.#handle.fd < 0;
  }

  /**
   * The descriptor's number, to register with `poll` and its like.
   *
   * @returns The number; it stays this object's to close.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  fileno(): number {
    return this.#handle.open("tell the descriptor");
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
    const fd = this.#handle.open("detach the descriptor");
    if (this.#handle.timeout < 0) {
      setNonBlocking(fd, false, "detach the descriptor");
    }
    forget(fd);
    disown(fd);
    this.#handle.fd = -1;
    return fd;
  }

  /**
   * Another socket with a descriptor of its own for the same connection, queue
   * and options, and with the same timeout; the last that is closed ends it.
   *
   * What `detach` does to a socket that blocks, it does to both: accepting and
   * connecting by the other then block the thread. Call `setBlocking(false)`
   * before detaching one of two.
   *
   * @returns The other socket, to be closed.
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Error} With code `EMFILE` when there are no descriptors left.
   */
  dup(): Socket {
    const fd = duplicate(this.#handle.open("duplicate"), "duplicate");
    ownNew(fd);
    const socket = adopt(fd, this.family, this.type, this.protocol);
    socket.#handle.timeout = this.#handle.timeout;
    return socket;
  }

  /**
   * Closes the descriptor. Whoever waits for the socket rejects with
   * {@linkcode Deno.errors.BadResource}. May be called again, as Python's: a
   * socket that is closed or detached already stays so.
   */
  close(): void {
    const { fd } = this.#handle;
    if (fd < 0) return;
    this.#handle.fd = -1;
    // First those who wait: afterwards the number may be somebody else's.
    forget(fd);
    closeOwned(fd);
  }

  /** Closes it: `using socket = …`. */
  [Symbol.dispose](): void {
    this.close();
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
    this.#handle.open("set the timeout");
    if (timeout !== null && timeout < 0) {
      throw new RangeError(
        `Cannot set the timeout to ${timeout}: it must not be negative`,
      );
    }
    this.#handle.timeout = milliseconds(timeout);
  }

  /**
   * What `setTimeout` set.
   *
   * @returns In milliseconds; `null` for no limit.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  getTimeout(): number | null {
    this.#handle.open("tell the timeout");
    return this.#handle.timeout < 0 ? null : this.#handle.timeout;
  }

  /**
   * Sets an option; setsockopt(2).
   *
   * @param level The level, as `SOL_SOCKET`.
   * @param option The option, as `SO_REUSEADDR`.
   * @param value An integer, a boolean, a name as of `SO_BINDTODEVICE` and
   * `TCP_CONGESTION`, or the bytes of C's structure, at most 256 of them.
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Error} With code `ENOPROTOOPT` if there is no such option.
   */
  setsockopt(
    level: number,
    option: number,
    value: number | boolean | string | Uint8Array,
  ): void {
    setOption(this.#handle, level, option, value);
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
   * @returns Its bytes, never more than `size`.
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
    return getOption(this.#handle, level, option, size);
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
    const fd = this.#handle.open(action);
    const [raw] = resolveSync(local, this.family, this.type, "bind");
    // The kernel reads the address during the call.
    if (libc().bind(fd, raw!, raw!.length) < 0) {
      throw this.#handle.error(errno(), "bind", action);
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
    const fd = this.#handle.open("listen");
    integer(backlog, "a backlog", 0, INT_MAX);
    if (libc().listen(fd, backlog) < 0) {
      throw this.#handle.error(errno(), "listen", "listen");
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
    await this.#handle.call(taker.attempt, ACCEPT, false, options);
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
    this.#handle.callSync(taker.attempt, ACCEPT, false);
    return taker.taken!;
  }

  /**
   * Connects; connect(2). A name is resolved on another thread, and its first
   * address is taken; {@linkcode createConnection} tries them all.
   *
   * @param remote Where to. Without `hostname`: this machine.
   * @param options See {@linkcode WaitOptions}.
   * @returns A promise that resolves when it is connected.
   * @throws {Deno.errors.ConnectionRefused} If nothing listens there.
   * @throws {Deno.errors.NotFound} If there is no such name or path.
   * @throws {Deno.errors.TimedOut} If the socket's or the system's timeout
   * passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   */
  async connect(remote: AddressLike, options?: WaitOptions): Promise<void> {
    const signal = checkWaitOptions(options);
    signal?.throwIfAborted();
    const action = `connect to ${formatLike(remote)}`;
    this.#handle.open(action);
    const deadline = this.#handle.deadline();
    const raw = await this.#resolve(remote, action, signal, deadline);
    const { family } = this;
    await connectRaw(this.#handle, family, raw, action, deadline, signal);
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
    this.#handle.open(action);
    const [raw] = resolveSync(remote, this.family, this.type, "connect");
    connectRawSync(this.#handle, this.family, raw!, action);
  }

  /**
   * Connects, and returns the number of the error that `connect` would throw, as
   * Python's `connect_ex`; `os.constants.errno` of `node:os` has their names.
   * What is no failure to connect is thrown: a name that cannot be resolved, an
   * address that is none, an abort.
   *
   * @param remote Where to. Without `hostname`: this machine.
   * @param options See {@linkcode WaitOptions}.
   * @returns 0 once it is connected, else errno: `ETIMEDOUT` also where the
   * socket's timeout passed.
   * @throws {Deno.errors.NotFound} With code `ENOTFOUND` or `EAI_AGAIN` if the
   * name cannot be resolved.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   */
  async connectEx(
    remote: AddressLike,
    options?: WaitOptions,
  ): Promise<number> {
    try {
      await this.connect(remote, options);
      return 0;
    } catch (error) {
      if (error === options?.signal?.reason) throw error;
      return this.#errnoOf(error);
    }
  }

  /**
   * Connects, blocking until it is done, and returns the number of the error
   * that `connectSync` would throw; see {@linkcode Socket.connectEx}.
   *
   * @param remote Where to. Without `hostname`: this machine.
   * @returns 0 once it is connected, else errno: `EINPROGRESS` of a socket that
   * does not block, `ETIMEDOUT` also where the socket's timeout passed.
   * @throws {Deno.errors.NotFound} With code `ENOTFOUND` or `EAI_AGAIN` if the
   * name cannot be resolved.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  connectExSync(remote: AddressLike): number {
    try {
      this.connectSync(remote);
      return 0;
    } catch (error) {
      return this.#errnoOf(error);
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
    const into = (buffer: Uint8Array, flags: number) =>
      tryRecv(this.#handle, buffer, 0, flags);
    return await receiveBytes(
      this.#handle,
      this,
      RECV,
      size,
      flags,
      into,
      options,
    );
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
    const into = (buffer: Uint8Array, flags: number) =>
      tryRecv(this.#handle, buffer, 0, flags);
    return receiveBytesSync(this.#handle, this, RECV, size, flags, into);
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
    if (flags === 0) {
      const attempt = () => tryRecv(this.#handle, buffer, nbytes, 0);
      return await this.#handle.call(attempt, RECV, false, options);
    }
    const size = sizeFor(buffer, nbytes);
    const attempt = this.#attemptInto(buffer, size, flags);
    return await receive(
      this.#handle,
      this,
      RECV,
      size,
      flags,
      attempt,
      options,
    );
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
    if (flags !== 0) {
      const size = sizeFor(buffer, nbytes);
      const attempt = this.#attemptInto(buffer, size, flags);
      return receiveSync(this.#handle, this, RECV, size, flags, attempt);
    }
    const received = tryRecv(this.#handle, buffer, nbytes, 0);
    return received >= 0
      ? received
      : this.#recvIntoAgainSync(buffer, nbytes, errno());
  }

  /**
   * Receives one datagram, waiting for it; recvfrom(2).
   *
   * @param size How many bytes at most.
   * @param flags As `MSG_PEEK`. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @returns The bytes, cut off at `size`, and the sender's address; of a TCP
   * connection that has ended, any address and port 0.
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
    const from = this.#receivingFrom();
    const bytes = await receiveBytes(
      this.#handle,
      this,
      RECVFROM,
      size,
      flags,
      from.into,
      options,
    );
    return [bytes, from.sender!];
  }

  /**
   * Receives one datagram, blocking until it comes; recvfrom(2).
   *
   * @param size How many bytes at most.
   * @param flags As `MSG_PEEK`. Default: 0.
   * @returns The bytes, cut off at `size`, and the sender's address; of a TCP
   * connection that has ended, any address and port 0.
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
    const from = this.#receivingFrom();
    const bytes = receiveBytesSync(
      this.#handle,
      this,
      RECVFROM,
      size,
      flags,
      from.into,
    );
    return [bytes, from.sender!];
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
    checkSendFlags(flags);
    const attempt = () => trySend(this.#handle, data, flags);
    return await this.#handle.call(attempt, SEND, neverWaits(flags), options);
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
    if (flags !== 0) checkSendFlags(flags);
    const sent = trySend(this.#handle, data, flags);
    return sent >= 0 ? sent : this.#sendAgainSync(data, flags, errno());
  }

  /**
   * Sends all bytes, waiting as often as it takes. After an error nobody knows
   * how many were sent.
   *
   * @param data The bytes. They are not copied: leave them alone until then.
   * @param flags As `MSG_OOB`. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @returns A promise that resolves when the kernel has all of them.
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
    checkSendFlags(flags);
    const deadline = this.#handle.deadline();
    const total = byteLength(data, "send");
    let sent = 0;
    const attempt = () => trySendRest(this.#handle, data, sent, total, flags);
    do {
      sent += await this.#handle.call(
        attempt,
        SEND,
        neverWaits(flags),
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
    if (flags !== 0) checkSendFlags(flags);
    const total = byteLength(data, "send");
    // Most often this is all, and needs neither a deadline nor a closure.
    let sent = trySend(this.#handle, data, flags);
    if (sent === total) return;
    const failure = sent < 0 ? errno() : 0;
    sent = Math.max(sent, 0);
    const deadline = this.#handle.deadlineSync();
    const once = neverWaits(flags);
    const attempt = () => trySendRest(this.#handle, data, sent, total, flags);
    if (failure !== 0) {
      sent = this.#handle.againSync(attempt, SEND, once, failure, deadline);
    }
    while (sent < total) {
      sent += this.#handle.callSync(attempt, SEND, once, deadline);
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
    checkSendFlags(flags);
    const signal = checkWaitOptions(options);
    signal?.throwIfAborted();
    this.#handle.open(action);
    const deadline = this.#handle.deadline();
    const raw = await this.#resolve(remote, action, signal, deadline);
    const attempt = () => trySendTo(this.#handle, data, raw, flags);
    return await this.#handle.call(
      attempt,
      { call: "sendto", action, events: POLLOUT },
      neverWaits(flags),
      options,
      deadline,
    );
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
    if (flags !== 0) checkSendFlags(flags);
    const [raw] = resolveSync(remote, this.family, this.type, "connect");
    const sent = trySendTo(this.#handle, data, raw!, flags);
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
    checkReceiveManyFlags(flags);
    const attempt = () => batch[RECEIVE_INTO](this.#handle.fd, this, flags);
    return await this.#handle.call(
      attempt,
      RECVMMSG,
      neverWaits(flags),
      options,
    );
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
    checkReceiveManyFlags(flags);
    const attempt = () => batch[RECEIVE_INTO](this.#handle.fd, this, flags);
    return this.#handle.callSync(attempt, RECVMMSG, neverWaits(flags));
  }

  /**
   * Sends the datagrams of a batch, each to its address, waiting while the
   * kernel has no room; sendmmsg(2), Linux only.
   *
   * @param batch The datagrams. They are not copied: leave them alone until then.
   * @param flags As `MSG_OOB`. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @returns A promise that resolves when the kernel has all of them.
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
    checkSendFlags(flags);
    this.#handle.open("send");
    // Without a datagram there is no call that would look at them.
    if (batch.length === 0) checkWaitOptions(options);
    const deadline = this.#handle.deadline();
    let sent = 0;
    const attempt = () => batch[SEND_FROM](sent, this.#handle.fd, this, flags);
    while (sent < batch.length) {
      sent += await this.#handle.call(
        attempt,
        SENDMMSG,
        neverWaits(flags),
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
    checkSendFlags(flags);
    this.#handle.open("send");
    const deadline = this.#handle.deadlineSync();
    const once = neverWaits(flags);
    let sent = 0;
    const attempt = () => batch[SEND_FROM](sent, this.#handle.fd, this, flags);
    while (sent < batch.length) {
      sent += this.#handle.callSync(attempt, SENDMMSG, once, deadline);
    }
  }

  /**
   * Receives a message and what came with it, waiting for it; recvmsg(2), Linux
   * only. Descriptors that do not fit are closed and never leak.
   *
   * @param size How many bytes at most.
   * @param controlSize The room for control messages, in bytes, from 0 to
   * 65,536: what {@linkcode cmsgLen} and {@linkcode cmsgSpace} tell. Default: 0.
   * @param flags As `MSG_PEEK`. `MSG_CMSG_CLOEXEC` is always set. Default: 0.
   * @param options See {@linkcode WaitOptions}.
   * @returns The message. Its `fds` are the caller's to close: `using` does it.
   * @throws {RangeError} If a size is out of its range.
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
   *
   * @example How many routers a datagram might still have passed
   * ```ts
   * import {
   *   AF_INET,
   *   cmsgSpace,
   *   IP_RECVTTL,
   *   IP_TTL,
   *   IPPROTO_IP,
   *   SOCK_DGRAM,
   *   Socket,
   * } from "@wire/socketserver/poll";
   * import { strictEqual } from "node:assert";
   *
   * using ours = new Socket(AF_INET, SOCK_DGRAM);
   * ours.bind({ hostname: "127.0.0.1", port: 0 });
   * ours.setsockopt(IPPROTO_IP, IP_RECVTTL, true);
   * using theirs = new Socket(AF_INET, SOCK_DGRAM);
   * theirs.setsockopt(IPPROTO_IP, IP_TTL, 7);
   * await theirs.sendTo(new Uint8Array(1), ours.getsockname());
   *
   * using message = await ours.recvmsg(100, cmsgSpace(4));
   * const [{ level, type, data }] = message.control as [typeof message.control[0]];
   * strictEqual(level, IPPROTO_IP);
   * strictEqual(type, IP_TTL);
   * strictEqual(data[0], 7);
   * ```
   */
  async recvmsg(
    size: number,
    controlSize: number = 0,
    flags: number = 0,
    options?: WaitOptions,
  ): Promise<ReceivedMessage> {
    const incoming = this.#incoming(size, controlSize, flags);
    const attempt = () => incoming.attempt(this.#handle);
    await this.#handle.call(attempt, RECVMSG, neverWaits(flags), options);
    return incoming.message!;
  }

  /**
   * Receives a message and what came with it, blocking until it comes;
   * recvmsg(2), Linux only. Descriptors that do not fit are closed.
   *
   * @param size How many bytes at most.
   * @param controlSize The room for control messages, in bytes, from 0 to
   * 65,536. Default: 0.
   * @param flags As `MSG_PEEK`. `MSG_CMSG_CLOEXEC` is always set. Default: 0.
   * @returns The message. Its `fds` are the caller's to close: `using` does it.
   * @throws {RangeError} If a size is out of its range.
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
   * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
   * block.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  recvmsgSync(
    size: number,
    controlSize: number = 0,
    flags: number = 0,
  ): ReceivedMessage {
    const incoming = this.#incoming(size, controlSize, flags);
    const attempt = () => incoming.attempt(this.#handle);
    this.#handle.callSync(attempt, RECVMSG, neverWaits(flags));
    return incoming.message!;
  }

  /**
   * Sends one message of several buffers, and what goes with it, waiting while
   * the kernel has no room; sendmsg(2), Linux only.
   *
   * @param buffers The bytes, at most 1,024 buffers. They are not copied: leave
   * them alone until then.
   * @param control Control messages, at most 64 KiB of them. Default: none.
   * @param flags As `MSG_OOB`. Default: 0.
   * @param remote Where to send it, of a socket that is not connected.
   * @param options See {@linkcode WaitOptions}.
   * @returns How many bytes were sent: of a stream maybe fewer than there are.
   * @throws {TypeError} If a buffer is detached, something is no control message,
   * or descriptors would be dropped: over what is no Unix socket, or over a
   * stream without a byte.
   * @throws {RangeError} If there is too much of something.
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.BrokenPipe} If the connection has ended.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, or a descriptor to
   * send, also meanwhile.
   */
  async sendmsg(
    buffers: Iterable<Uint8Array>,
    control: Iterable<ControlMessageLike> = [],
    flags: number = 0,
    remote?: AddressLike,
    options?: WaitOptions,
  ): Promise<number> {
    checkSendFlags(flags);
    const signal = checkWaitOptions(options);
    signal?.throwIfAborted();
    const outgoing = new OutgoingMessage(this, buffers, control);
    const action = sendingTo(remote);
    this.#handle.open(action);
    const deadline = this.#handle.deadline();
    const raw = remote === undefined
      ? undefined
      : await this.#resolve(remote, action, signal, deadline);
    return await this.#handle.call(
      () => outgoing.attempt(this.#handle, raw, flags),
      { ...SENDMSG, action },
      neverWaits(flags),
      options,
      deadline,
    );
  }

  /**
   * Sends one message of several buffers, and what goes with it, blocking while
   * the kernel has no room; sendmsg(2), Linux only.
   *
   * @param buffers The bytes, at most 1,024 buffers.
   * @param control Control messages, at most 64 KiB of them. Default: none.
   * @param flags As `MSG_OOB`. Default: 0.
   * @param remote Where to send it, of a socket that is not connected.
   * @returns How many bytes were sent: of a stream maybe fewer than there are.
   * @throws {TypeError} If a buffer is detached, something is no control message,
   * or descriptors would be dropped: over what is no Unix socket, or over a
   * stream without a byte.
   * @throws {RangeError} If there is too much of something.
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.BrokenPipe} If the connection has ended.
   * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
   * block.
   * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
   * @throws {Deno.errors.BadResource} If the socket is closed, or a descriptor to
   * send.
   */
  sendmsgSync(
    buffers: Iterable<Uint8Array>,
    control: Iterable<ControlMessageLike> = [],
    flags: number = 0,
    remote?: AddressLike,
  ): number {
    checkSendFlags(flags);
    const outgoing = new OutgoingMessage(this, buffers, control);
    const action = sendingTo(remote);
    this.#handle.open(action);
    const [raw] = remote === undefined
      ? []
      : resolveSync(remote, this.family, this.type, "connect");
    return this.#handle.callSync(
      () => outgoing.attempt(this.#handle, raw, flags),
      { ...SENDMSG, action },
      neverWaits(flags),
    );
  }

  /**
   * Ends one side of a connection or both; shutdown(2).
   *
   * @param how `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR`. Default: `SHUT_RDWR`.
   * @throws {Deno.errors.NotConnected} If it is not connected.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  shutdown(how: number = SHUT_RDWR): void {
    const fd = this.#handle.open("shut down");
    integer(how, "a side to shut down", 0, 2);
    if (libc().shutdown(fd, how) < 0) {
      throw this.#handle.error(errno(), "shutdown", "shut down");
    }
  }

  /**
   * The socket's own address; getsockname(2).
   *
   * @returns The address; an empty path if a Unix socket has none.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  getsockname(): SocketAddress {
    const fd = this.#handle.open("tell the address");
    addressLength[0] = ADDRESS_SIZE;
    // The kernel writes at most as much as the length says, both ours and kept.
    if (libc().getsockname(fd, address, addressLength) < 0) {
      throw this.#handle.error(errno(), "getsockname", "tell the address");
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
    const fd = this.#handle.open("tell the peer's address");
    addressLength[0] = ADDRESS_SIZE;
    // The kernel writes at most as much as the length says, both ours and kept.
    if (libc().getpeername(fd, address, addressLength) < 0) {
      throw this.#handle.error(
        errno(),
        "getpeername",
        "tell the peer's address",
      );
    }
    return decodeAddress(address, addressLength[0]!, this.type);
  }

  #taker() {
    const taker = {
      taken: undefined as [Socket, SocketAddress] | undefined,
      attempt: (): number => {
        addressLength[0] = ADDRESS_SIZE;
        const fd = accept(this.#handle.fd, address, addressLength);
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

  /** Puts what comes behind the first `from` of `size` bytes. */
  #attemptInto(buffer: Uint8Array, size: number, flags: number) {
    return (from: number): number =>
      from === 0
        ? tryRecv(this.#handle, buffer, size, flags)
        : tryRecv(this.#handle, part(buffer, from, size), size - from, flags);
  }

  #receivingFrom() {
    const from = {
      sender: undefined as SocketAddress | undefined,
      into: (buffer: Uint8Array<ArrayBuffer>, flags: number): number => {
        const count = tryRecvFrom(this.#handle, buffer, flags);
        if (count >= 0) from.sender = this.#sender();
        return count;
      },
    };
    return from;
  }

  #incoming(size: number, controlSize: number, flags: number): IncomingMessage {
    checkReceiveMessageFlags(flags);
    return new IncomingMessage(
      size,
      controlSize,
      flags,
      () => this.#sender(),
    );
  }

  /** The number of a failure to connect; throws what is another's. */
  #errnoOf(error: unknown): number {
    const number = errnoNumber((error as { code?: unknown } | null)?.code);
    if (number === undefined || this.closed) throw error;
    return number;
  }

  /** Whom recvfrom told; a stream of the network has nobody but its peer. */
  #sender(): SocketAddress {
    const length = addressLength[0]!;
    if (
      length > 0 || this.family === AF_UNIX || this.type !== SOCK_STREAM
    ) return decodeAddress(address, length, this.type);
    addressLength[0] = ADDRESS_SIZE;
    // The kernel writes at most as much as the length says, both ours and kept.
    if (libc().getpeername(this.#handle.fd, address, addressLength) === 0) {
      return decodeAddress(address, addressLength[0]!, this.type);
    }
    // It has gone; what it sent before has not.
    const hostname = this.family === AF_INET ? "0.0.0.0" : "::";
    return { transport: "tcp", hostname, port: 0 };
  }

  // Apart from the methods they belong to, so that these make no closure.

  #recvIntoAgainSync(
    buffer: Uint8Array,
    nbytes: number,
    failure: number,
  ): number {
    const attempt = () => tryRecv(this.#handle, buffer, nbytes, 0);
    return this.#handle.againSync(attempt, RECV, false, failure);
  }

  #sendAgainSync(data: Uint8Array, flags: number, failure: number): number {
    const attempt = () => trySend(this.#handle, data, flags);
    return this.#handle.againSync(attempt, SEND, neverWaits(flags), failure);
  }

  #sendToAgainSync(
    data: Uint8Array,
    remote: RawAddress,
    flags: number,
    action: string,
    failure: number,
  ): number {
    return this.#handle.againSync(
      () => trySendTo(this.#handle, data, remote, flags),
      { call: "sendto", action, events: POLLOUT },
      neverWaits(flags),
      failure,
    );
  }

  async #resolve(
    remote: AddressLike,
    action: string,
    signal: AbortSignal | undefined,
    deadline: Deadline,
  ): Promise<RawAddress> {
    const [raw] = await within(
      resolve(remote, this.family, this.type, "connect"),
      deadline,
      signal,
      () => this.#handle.timedOut(action),
    );
    return raw!;
  }
}

function create(family: number, type: number, protocol: number): number {
  const fd = libc().socket(family, type | NEW_SOCKET, protocol);
  if (fd < 0) throw systemError(errno(), "socket", "make a socket");
  prepareNewSocket(fd);
  return fd;
}

/** How many bytes a buffer shall get. */
function sizeFor(buffer: Uint8Array, nbytes: number): number {
  const length = byteLength(buffer, "receive");
  return nbytes === 0 ? length : integer(nbytes, "a size", 0, length);
}

function sendingTo(remote: AddressLike | undefined): string {
  return remote === undefined ? "send" : `send to ${formatLike(remote)}`;
}

/** An address in a message, also where it is none. */
function formatLike(value: AddressLike): string {
  return typeof value === "object" && value !== null
    ? formatAddress(value)
    : describe(value);
}
