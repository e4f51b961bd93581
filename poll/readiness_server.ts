import { inspectBounded } from "./_inspect_bounded.ts";
import { printThrown } from "./_print_thrown.ts";
import { ONE_CLIENTS, OUT_OF_RESOURCES, PAUSE } from "./_accept_errors.ts";
import { usize } from "./_check.ts";
import { EPOLLEXCLUSIVE, EPOLLIN } from "./constants_poll.ts";
import { MSG_DONTWAIT } from "./constants_socket.ts";
import { closeOwned } from "./_descriptors.ts";
import { Epoll } from "./epoll.ts";
import { closedError } from "./_errors.ts";
import { duplicate } from "./_fcntl.ts";
import { HalfClosed } from "./_half_closed.ts";
import { libc, linuxLibc } from "./_libc.ts";
import { checkWaitOptions } from "./_options.ts";
import {
  type ConnectionHost,
  ReadinessConnection,
} from "./readiness_connection.ts";
import {
  checkHandlers,
  checkReadinessOptions,
  type ReadinessHandlers,
  type ReadinessServerOptions,
} from "./_readiness_options.ts";
import {
  ACTION,
  adoptListener,
  openListener,
  type SharedListener,
} from "./_shared_listener.ts";
import type {
  AddressLike,
  Socket,
  SocketAddress,
  WaitOptions,
} from "./socket.ts";
import { holdWaiter } from "./_waiter.ts";

export type {
  ReadinessConnection,
  ReadinessHandlers,
  ReadinessServerOptions,
  SharedListener,
};

/**
 * A server whose handlers are callbacks on a readiness loop: no promise and no
 * stream between the system call and the handler. Linux only.
 *
 * Over TCP, what a handler sends goes out at once (`TCP_NODELAY`, tcp(7)): join
 * small pieces.
 *
 * It serves on the event loop (`serveForever`), or blocks its thread and is
 * faster (`serveForeverSync`). Several threads can serve one listening socket:
 * each Worker makes a server of what {@linkcode ReadinessServer.share} gives.
 *
 * @example
 * ```ts
 * import { createConnection, ReadinessServer } from "@wire/socketserver/poll";
 * import { strictEqual } from "node:assert";
 *
 * using server = new ReadinessServer({ hostname: "127.0.0.1", port: 0 }, {
 *   data: (connection, bytes) => void connection.send(bytes),
 * });
 * const serving = server.serveForever();
 * using client = await createConnection(server.addr);
 * await client.sendAll(new TextEncoder().encode("echo"));
 * strictEqual(new TextDecoder().decode(await client.recv(100)), "echo");
 * server.shutdown();
 * await serving;
 * ```
 */
export class ReadinessServer implements Disposable {
  /** Where it listens. */
  readonly addr: SocketAddress;
  readonly #handlers: ReadinessHandlers;
  readonly #maxConnections: number;
  readonly #listener: Socket;
  /** An eventfd(2), never read: once written to, it stops all who wait for it. */
  readonly #stop: number;
  readonly #epoll: Epoll;
  /** Gives back what waiting on the event loop needs. */
  readonly #letGo: () => void;
  readonly #host: ConnectionHost;
  readonly #halfClosed: HalfClosed;
  readonly #halfClosedTimeout: number;
  /** By descriptor. */
  readonly #connections: (ReadinessConnection | undefined)[] = [];
  #count = 0;
  readonly #bufferSize: number;
  readonly #bufferLength: bigint;
  #buffer: Uint8Array<ArrayBuffer>;
  /** The part of the buffer that was given last: most messages are of one size. */
  #view: Uint8Array<ArrayBuffer>;
  #accepting = true;
  /** When it accepts again, after it ran out of descriptors. */
  #resumeAt = 0;
  #serving = false;
  #closed = false;
  /** The connection that is served, for what `#read` finds. */
  #current: ReadinessConnection | undefined;
  /** What a handler threw. */
  #thrown: Error | undefined;

  /**
   * Listens.
   *
   * @param address Where to listen, or what `share` gave in another thread.
   * @param handlers What is called.
   * @param options See {@linkcode ReadinessServerOptions}.
   * @throws {TypeError} If there is another option, or a handler that is none.
   * @throws {RangeError} If an option is out of range.
   * @throws {Deno.errors.AddrInUse} If another socket listens there.
   * @throws {Deno.errors.BadResource} If a shared descriptor is closed.
   * @throws {Error} With code `EMFILE` when there are no descriptors left.
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   */
  constructor(
    address: AddressLike | SharedListener,
    handlers: ReadinessHandlers,
    options: ReadinessServerOptions = {},
  ) {
    // Before anything is opened.
    linuxLibc(ACTION);
    const checked = checkReadinessOptions(options);
    checkHandlers(handlers);
    this.#handlers = handlers;
    this.#maxConnections = checked.maxConnections;
    this.#halfClosedTimeout = checked.halfClosedTimeout;
    this.#halfClosed = new HalfClosed(checked.halfClosedTimeout);
    this.#bufferSize = checked.bufferSize;
    this.#bufferLength = usize(this.#bufferSize);
    this.#buffer = new Uint8Array(this.#bufferSize);
    this.#view = this.#buffer;
    this.#host = {
      maxBuffered: checked.maxBuffered,
      watch: (connection, events) => {
        this.#epoll.modify(connection.fileno(), events);
      },
      ended: (connection, answered) => this.#ended(connection, answered),
      sentLate: (connection) => {
        if (this.#halfClosed.has(connection)) this.#halfClosed.add(connection);
      },
      forget: (connection, fd, error) => this.#forget(connection, fd, error),
    };
    [this.#listener, this.#stop] = "listener" in address
      ? adoptListener(address)
      : openListener(address, checked.backlog);
    let epoll: Epoll | undefined;
    try {
      this.#listener.setBlocking(false);
      this.addr = this.#listener.getsockname();
      epoll = new Epoll();
      epoll.register(this.#listener, EPOLLIN | EPOLLEXCLUSIVE);
      epoll.register(this.#stop, EPOLLIN);
      this.#epoll = epoll;
      // Not at the first wait: a burst of clients may have taken all descriptors.
      this.#letGo = holdWaiter();
    } catch (error) {
      epoll?.close();
      this.#listener.close();
      closeOwned(this.#stop);
      throw error;
    }
  }

  /** How many connections are open in this thread. */
  get connections(): number {
    return this.#count;
  }

  /**
   * A second pair of descriptors for a server in another thread of this
   * process. Send it there, and make one server of it: that server closes them.
   *
   * @returns What the other server is made of; it can be sent to a Worker.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  share(): SharedListener {
    this.#check("share");
    const listener = duplicate(this.#listener.fileno(), "share a listener");
    try {
      return { listener, stop: duplicate(this.#stop, "share a listener") };
    } catch (error) {
      libc().close(listener);
      throw error;
    }
  }

  /**
   * Serves on the event loop until `shutdown`, and then closes everything.
   *
   * @param options A signal that ends it like `shutdown`, for this thread only.
   * @returns A promise that resolves when everything is closed.
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Deno.errors.Busy} If it serves already.
   */
  async serveForever(options: WaitOptions = {}): Promise<void> {
    checkWaitOptions(options);
    this.#begin();
    try {
      while (this.#serve(await this.#wait(options))) {
        // Until it is stopped.
      }
    } finally {
      this.close();
    }
  }

  /**
   * Serves, blocking the thread, until another thread calls `shutdown`, or a
   * handler does, and then closes everything.
   *
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Deno.errors.Busy} If it serves already.
   */
  serveForeverSync(): void {
    this.#begin();
    try {
      while (this.#serve(this.#epoll.waitSync(this.#timeout()))) {
        // Until it is stopped.
      }
    } finally {
      this.close();
    }
  }

  /**
   * Stops every server of the listening socket, in all threads. Their
   * connections are closed.
   */
  shutdown(): void {
    if (this.#closed) return;
    // eventfd(2): 8 bytes, ours and kept during the call.
    libc().write(this.#stop, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]), 8n);
  }

  /** Closes the listener and all connections of this thread. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const connection of this.#connections) connection?.close();
    this.#epoll.close();
    this.#letGo();
    this.#listener.close();
    closeOwned(this.#stop);
  }

  /** Closes it: `using server = …`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #check(action: string): void {
    if (this.#closed) throw closedError(action, "the server");
  }

  #begin(): void {
    this.#check("serve");
    if (this.#serving) {
      throw new Deno.errors.Busy("Cannot serve: the server serves already");
    }
    this.#serving = true;
  }

  /** @returns How many events there are; -1 if it shall end. */
  async #wait(options: WaitOptions): Promise<number> {
    try {
      return await this.#epoll.wait(this.#timeout(), -1, options);
    } catch (error) {
      if (this.#closed || options.signal?.aborted) return -1;
      throw error;
    }
  }

  #timeout(): number {
    const { left } = this.#halfClosed;
    if (this.#accepting || this.#resumeAt === 0) return left;
    const rest = Math.max(0, this.#resumeAt - performance.now());
    return left < 0 ? rest : Math.min(left, rest);
  }

  /** @returns False if it is stopped. */
  #serve(count: number): boolean {
    if (count < 0) return false;
    for (let i = 0; i < count; i++) {
      const fd = this.#epoll.fdAt(i);
      const connection = this.#connections[fd];
      if (connection !== undefined) {
        this.#serveOne(connection, this.#epoll.eventsAt(i));
      } else if (fd === this.#stop) return false;
      else if (this.#accepting) this.#accept();
      if (this.#closed) return false;
    }
    this.#halfClosed.endDue();
    if (!this.#accepting) this.#resume();
    return true;
  }

  /** The peer may still be waiting for an answer. */
  #ended(connection: ReadinessConnection, answered: boolean): void {
    const { ended } = this.#handlers;
    if (ended !== undefined) {
      this.#call(connection, () => this.#handlers.ended!(connection));
    } else if (answered || this.#halfClosedTimeout === 0) connection.end();
    else this.#halfClosed.add(connection);
  }

  #serveOne(connection: ReadinessConnection, events: number): void {
    const waiting = connection.buffered;
    this.#current = connection;
    connection.serve(events, this.#read);
    if (this.#thrown !== undefined) {
      const thrown = this.#thrown;
      this.#thrown = undefined;
      connection.fail(thrown);
    }
    if (waiting > 0 && connection.buffered === 0 && !connection.closed) {
      this.#call(connection, () => this.#handlers.drained?.(connection));
    }
  }

  /** Receives, and hands on what came. */
  readonly #read = (fd: number): number => {
    // The kernel writes at most as many bytes as the buffer has: it is ours, and
    // replaced below if a handler gave it away.
    const received = libc().recv(
      fd,
      this.#buffer,
      this.#bufferLength,
      MSG_DONTWAIT,
    );
    if (received > 0) {
      if (this.#view.length !== received) {
        this.#view = this.#buffer.subarray(0, received);
      }
      try {
        this.#handlers.data(this.#current!, this.#view);
      } catch (error) {
        this.#thrown = asError(error);
      }
      if (this.#buffer.length !== this.#bufferSize) {
        this.#buffer = new Uint8Array(this.#bufferSize);
        this.#view = this.#buffer;
      }
    }
    return received;
  };

  /** Calls a handler; one that throws costs its connection. */
  #call(connection: ReadinessConnection, handler: () => void): void {
    try {
      handler();
    } catch (error) {
      connection.fail(asError(error));
    }
  }

  #accept(): void {
    let socket;
    try {
      [socket] = this.#listener.acceptSync();
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (ONE_CLIENTS.has(code)) return;
      if (!OUT_OF_RESOURCES.has(code)) throw error;
      this.#rest();
      return;
    }
    try {
      this.#epoll.register(socket, EPOLLIN);
    } catch (error) {
      socket.close();
      if (!OUT_OF_RESOURCES.has((error as { code?: unknown }).code)) {
        throw error;
      }
      this.#rest();
      return;
    }
    const connection = new ReadinessConnection(socket, this.#host);
    this.#connections[socket.fileno()] = connection;
    this.#count++;
    if (this.#handlers.opened !== undefined) {
      this.#call(connection, () => this.#handlers.opened?.(connection));
    }
    if (
      this.#count >= this.#maxConnections && !this.#halfClosed.closeOldest()
    ) {
      this.#pause();
    }
  }

  /** Accepts nothing for a while: what it ran out of may come back. */
  #rest(): void {
    this.#halfClosed.closeOldest();
    this.#resumeAt = performance.now() + PAUSE;
    this.#pause();
  }

  #pause(): void {
    if (this.#closed || !this.#accepting) return;
    this.#accepting = false;
    this.#epoll.unregister(this.#listener);
  }

  #resume(): void {
    if (
      this.#count >= this.#maxConnections || performance.now() < this.#resumeAt
    ) return;
    this.#resumeAt = 0;
    this.#accepting = true;
    this.#epoll.register(this.#listener, EPOLLIN | EPOLLEXCLUSIVE);
  }

  #forget(connection: ReadinessConnection, fd: number, error?: Error): void {
    this.#connections[fd] = undefined;
    this.#count--;
    if (connection.peerEnded) this.#halfClosed.delete(connection);
    // It may be closed out of the loop, which would wait for others for ever.
    if (!this.#accepting && !this.#closed) this.#resume();
    try {
      this.#handlers.closed?.(connection, error);
    } catch (thrown) {
      // There is no connection left to close for it.
      printThrown(thrown);
    }
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error(`A handler threw ${inspectBounded(thrown)}`);
}
