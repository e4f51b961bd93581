import { byteLength, part, usize } from "./_check.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT } from "./constants_poll.ts";
import {
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SO_ERROR,
  SOL_SOCKET,
} from "./constants_socket.ts";
import { EAGAIN, EINTR } from "./_errno.ts";
import { closedError, systemError } from "./_errors.ts";
import { errno, libc } from "./_libc.ts";
import type { Socket, SocketAddress } from "./socket.ts";

const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;

const encoder = new TextEncoder();

/** What a connection needs of its server. */
export interface ConnectionHost {
  /** Above it, a connection is not read from. */
  readonly maxBuffered: number;
  /** Waits for other events of a connection. */
  watch(connection: ReadinessConnection, events: number): void;
  /**
   * The peer has ended its side, and may still be answered.
   *
   * @param answered Whether something was sent since the last bytes came.
   */
  ended(connection: ReadinessConnection, answered: boolean): void;
  /** Something was sent to a peer that has ended its side. */
  sentLate(connection: ReadinessConnection): void;
  /** Forgets a connection that has closed. */
  forget(connection: ReadinessConnection, fd: number, error?: Error): void;
}

/** A connection of a {@linkcode ReadinessServer}. */
export class ReadinessConnection {
  /** Whatever the handlers keep with it. */
  state: unknown;
  readonly #socket: Socket;
  readonly #fd: number;
  readonly #host: ConnectionHost;
  /** What the kernel did not take. */
  readonly #queue: Uint8Array[] = [];
  #buffered = 0;
  #events = EPOLLIN;
  /** `end` was called: it closes once all is sent. */
  #ending = false;
  #peerEnded = false;
  /** Whether something was sent since the last bytes came. */
  #answered = true;
  /** What went wrong in `send`; it is closed for it once the handler returns. */
  #failure: Error | undefined;

  /**
   * Made by the server.
   *
   * @param socket The connection.
   * @param host The server.
   */
  constructor(socket: Socket, host: unknown) {
    this.#socket = socket;
    this.#fd = socket.fileno();
    this.#host = host as ConnectionHost;
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.#socket.closed;
  }

  /** Whether the peer has ended its side: nothing more comes. */
  get peerEnded(): boolean {
    return this.#peerEnded;
  }

  /** How many bytes wait to be sent. */
  get buffered(): number {
    return this.#buffered;
  }

  /**
   * The descriptor.
   *
   * @returns The number; it stays this object's to close.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  fileno(): number {
    return this.#socket.fileno();
  }

  /**
   * The peer's address.
   *
   * @returns The address.
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Deno.errors.NotConnected} If the peer has gone.
   */
  getpeername(): SocketAddress {
    return this.#socket.getpeername();
  }

  /**
   * Sends data, in the order of the calls. What the kernel does not take is
   * copied and sent later; while there is more of it than `maxBuffered`, nothing
   * is read from this connection.
   *
   * @param data Bytes, or text to be sent as UTF-8.
   * @returns True if all was sent; false if some waits, and `drained` will be
   * called, or if the connection has failed, and `closed` will be.
   * @throws {TypeError} If the buffer is detached.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  send(data: Uint8Array | string): boolean {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const length = byteLength(bytes, "send");
    if (this.closed) throw closedError("send", "the connection");
    if (this.#failure !== undefined) return false;
    this.#answered = true;
    if (this.#peerEnded) this.#host.sentLate(this);
    let sent = 0;
    if (this.#buffered === 0) {
      sent = this.#trySend(bytes, length);
      if (sent === length) return true;
      if (sent < 0) return false;
    }
    this.#queue.push(new Uint8Array(part(bytes, sent, length)));
    this.#buffered += length - sent;
    this.#watch();
    return false;
  }

  /**
   * Closes it once all is sent. What still comes is not read: where there is
   * any, the kernel resets the connection, and the peer may miss the last bytes.
   */
  end(): void {
    this.#ending = true;
    if (this.#buffered === 0) this.close();
    else this.#watch();
  }

  /** Closes it now; what waits to be sent is dropped. May be called again. */
  close(): void {
    this.#close();
  }

  /**
   * Serves its events. The server calls it.
   *
   * @param events What epoll(7) reported.
   * @param read Receives, and returns how many bytes came: 0 at the end, -1
   * where there is an errno.
   */
  serve(events: number, read: (fd: number) => number): void {
    if ((events & EPOLLOUT) !== 0) this.#flush();
    if (
      (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) !== 0 && !this.closed &&
      this.#failure === undefined
    ) this.#read(events, read);
    if (this.#failure !== undefined) this.#close(this.#failure);
  }

  /**
   * Closes it for an error, as of a handler. The server calls it.
   *
   * @param error The error, which `closed` is told.
   */
  fail(error: Error): void {
    this.#close(error);
  }

  #read(events: number, read: (fd: number) => number): void {
    if ((this.#events & EPOLLIN) === 0) {
      // It is not being read from, and can no longer be sent to either.
      if ((events & (EPOLLERR | EPOLLHUP)) !== 0) this.#gone();
      return;
    }
    const answered = this.#answered;
    // Before its handler is called, which may answer at once.
    this.#answered = false;
    const received = read(this.#fd);
    if (received > 0) return;
    const number = received < 0 ? errno() : 0;
    this.#answered = answered;
    if (received === 0) this.#endOfStream(events);
    else if (number !== EAGAIN && number !== EINTR) this.#fail(number);
  }

  #endOfStream(events: number): void {
    this.#peerEnded = true;
    // A hang-up: nobody is left to be answered.
    if (this.#ending || (events & EPOLLHUP) !== 0) return this.end();
    this.#host.ended(this, this.#answered);
    if (!this.closed) this.#watch();
  }

  /** It can be sent to no longer. That is an error if something should have been. */
  #gone(): void {
    const number = this.#pending();
    if (number === 0 && this.#peerEnded && this.#buffered === 0) this.#close();
    else this.#fail(number);
  }

  /** @returns How many bytes the kernel took; -1 if the connection has failed. */
  #trySend(bytes: Uint8Array, length: number): number {
    // The kernel reads `length` bytes, which the buffer has now. The descriptor
    // is open as long as the connection is.
    const sent = libc().send(
      this.#fd,
      bytes as Uint8Array<ArrayBuffer>,
      usize(length),
      SEND_FLAGS,
    );
    if (sent >= 0) return sent;
    const number = errno();
    if (number === EAGAIN || number === EINTR) return 0;
    this.#fail(number);
    return -1;
  }

  #flush(): void {
    while (this.#queue.length > 0) {
      const first = this.#queue[0]!;
      const sent = this.#trySend(first, first.length);
      if (sent < 0) return;
      this.#buffered -= sent;
      if (sent < first.length) {
        this.#queue[0] = part(first, sent, first.length);
        break;
      }
      this.#queue.shift();
    }
    if (this.#buffered === 0 && this.#ending) this.close();
    else this.#watch();
  }

  #watch(): void {
    let events = 0;
    if (
      !this.#ending && !this.#peerEnded &&
      this.#buffered <= this.#host.maxBuffered
    ) events |= EPOLLIN;
    if (this.#buffered > 0) events |= EPOLLOUT;
    if (events === this.#events) return;
    this.#events = events;
    this.#host.watch(this, events);
  }

  #pending(): number {
    return this.#socket.getsockopt(SOL_SOCKET, SO_ERROR);
  }

  #fail(number: number): void {
    this.#failure = number === 0
      ? new Deno.errors.ConnectionReset(
        "Cannot send: the peer has closed the connection",
      )
      : systemError(number, "recv or send", "serve a connection");
    // Out of a handler nothing may close it underneath; then the loop does.
    this.#host.watch(this, EPOLLOUT);
  }

  #close(error?: Error): void {
    if (this.closed) return;
    this.#queue.length = 0;
    this.#buffered = 0;
    this.#socket.close();
    this.#host.forget(this, this.#fd, error);
  }
}
