import { ONE_CLIENTS, OUT_OF_RESOURCES, PAUSE } from "./_accept_errors.ts";
import { integer, usize } from "./_check.ts";
import { EPOLLEXCLUSIVE, EPOLLIN } from "./constants_poll.ts";
import {
  AF_UNIX,
  IPPROTO_TCP,
  MSG_DONTWAIT,
  TCP_NODELAY,
} from "./constants_socket.ts";
import { createServer } from "./create_server.ts";
import {
  closeOwned,
  disown,
  own,
  ownNew,
  toDescriptor,
} from "./_descriptors.ts";
import { CLOEXEC, EFD_NONBLOCK } from "./_epoll_event.ts";
import { Epoll } from "./epoll.ts";
import { closedError, systemError } from "./_errors.ts";
import { duplicate } from "./_fcntl.ts";
import { errno, libc, linuxLibc } from "./_libc.ts";
import {
  type ConnectionHost,
  ReadinessConnection,
} from "./readiness_connection.ts";
import {
  type AddressLike,
  Socket,
  type SocketAddress,
  type WaitOptions,
} from "./socket.ts";

export type { ReadinessConnection };

/** What is called when something happens to a connection. */
export interface ReadinessHandlers {
  /** A connection was accepted. */
  opened?(connection: ReadinessConnection): void;
  /**
   * Bytes have come. They are in a buffer that all connections share: copy what
   * has to last longer than the call.
   */
  data(connection: ReadinessConnection, bytes: Uint8Array<ArrayBuffer>): void;
  /** All that waited has been sent. */
  drained?(connection: ReadinessConnection): void;
  /**
   * It is closed. With the error, if one was the reason, a handler's included.
   * What this one throws goes to `console.error`: nothing is left to close.
   */
  closed?(connection: ReadinessConnection, error?: Error): void;
}

/** Options of a {@linkcode ReadinessServer}. */
export interface ReadinessServerOptions {
  /**
   * How many connections may wait to be accepted; the system caps it.
   *
   * @default {SOMAXCONN}
   */
  readonly backlog?: number;
  /**
   * How many connections are open at most; the others wait in the backlog.
   *
   * @default {16_384}
   */
  readonly maxConnections?: number;
  /**
   * How many bytes may wait to be sent on a connection before it is no longer
   * read from.
   *
   * @default {1_048_576}
   */
  readonly maxBuffered?: number;
  /**
   * The most that one call receives, in bytes.
   *
   * @default {65_536}
   */
  readonly bufferSize?: number;
}

/** A listening socket for another thread; of {@linkcode ReadinessServer.share}. */
export interface SharedListener {
  /** The descriptor of the socket. */
  readonly listener: number;
  /** The descriptor that stops every server of the socket. */
  readonly stop: number;
}

const ACTION = "serve by readiness";

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
  readonly #host: ConnectionHost;
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
    this.#handlers = handlers;
    this.#maxConnections = integer(
      options.maxConnections ?? 16_384,
      "a number of connections",
      1,
      1 << 24,
    );
    this.#bufferSize = integer(
      options.bufferSize ?? 64 * 1024,
      "a buffer's size",
      1,
      1 << 30,
    );
    this.#bufferLength = usize(this.#bufferSize);
    this.#buffer = new Uint8Array(this.#bufferSize);
    this.#view = this.#buffer;
    this.#host = {
      maxBuffered: integer(
        options.maxBuffered ?? 1 << 20,
        "a number of bytes",
        0,
        Number.MAX_SAFE_INTEGER,
      ),
      watch: (connection, events) => {
        this.#epoll.modify(connection.fileno(), events);
      },
      forget: (connection, fd, error) => this.#forget(connection, fd, error),
    };
    [this.#listener, this.#stop] = "listener" in address
      ? adopt(address)
      : open(address, options);
    let epoll: Epoll | undefined;
    try {
      this.#listener.setBlocking(false);
      this.addr = this.#listener.getsockname();
      epoll = new Epoll();
      epoll.register(this.#listener, EPOLLIN | EPOLLEXCLUSIVE);
      epoll.register(this.#stop, EPOLLIN);
      this.#epoll = epoll;
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
   * @throws {Deno.errors.BadResource} If it is closed.
   * @throws {Deno.errors.Busy} If it serves already.
   */
  async serveForever(options: WaitOptions = {}): Promise<void> {
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
    return this.#accepting || this.#resumeAt === 0
      ? -1
      : Math.max(0, this.#resumeAt - performance.now());
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
    if (!this.#accepting) this.#resume();
    return true;
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
    if (this.#count >= this.#maxConnections) this.#pause();
  }

  /** Accepts nothing for a while: what it ran out of may come back. */
  #rest(): void {
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
    // It may be closed out of the loop, which would wait for others for ever.
    if (!this.#accepting && !this.#closed) this.#resume();
    try {
      this.#handlers.closed?.(connection, error);
    } catch (thrown) {
      // There is no connection left to close for it.
      console.error(thrown);
    }
  }
}

/** A listener and what stops it. */
function open(
  address: AddressLike,
  { backlog }: ReadinessServerOptions,
): [Socket, number] {
  const listener = createServer(
    address,
    backlog === undefined ? {} : { backlog },
  );
  try {
    // Each connection inherits it. What a handler sends in two calls would else
    // wait until the client has acknowledged the first.
    if (listener.family !== AF_UNIX) {
      listener.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    }
    const stop = linuxLibc(ACTION).eventfd(0, CLOEXEC | EFD_NONBLOCK);
    if (stop < 0) throw systemError(errno(), "eventfd", ACTION);
    ownNew(stop);
    return [listener, stop];
  } catch (error) {
    listener.close();
    throw error;
  }
}

/** Takes over what another thread shared: both descriptors, or neither. */
function adopt(shared: SharedListener): [Socket, number] {
  const stop = toDescriptor(shared.stop);
  own(stop);
  try {
    return [Socket.fromFd(shared.listener), stop];
  } catch (error) {
    disown(stop);
    throw error;
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error(`A handler threw ${Deno.inspect(thrown)}`);
}
