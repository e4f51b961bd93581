import { wakeLoops } from "./_asleep.ts";
import { printThrown } from "./_print_thrown.ts";
import {
  AF_INET,
  SO_ERROR,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  SOMAXCONN,
} from "./constants_socket.ts";
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
} from "./constants_poll.ts";
import { ONE_CLIENTS, OUT_OF_RESOURCES, PAUSE } from "./_accept_errors.ts";
import {
  codeOf,
  isDisconnected,
  report,
  wasPassedOn,
} from "./_dispatch_errors.ts";
import { systemError } from "./_errors.ts";
import { type AddressLike, Socket, type SocketAddress } from "./socket.ts";

/** Dispatchers by the descriptor of their socket. */
export type DispatcherMap = Map<number, Dispatcher>;

/** The dispatchers of this thread, unless they are given a map of their own. */
export const socketMap: DispatcherMap = new Map();

/** What connect(2) fails with where the connection is being made. */
const UNDER_WAY: ReadonlySet<unknown> = new Set(["EINPROGRESS", "EALREADY"]);

/**
 * A socket with methods that are called when something happens to it, as
 * Python's `asyncore.dispatcher`. Override what you care about, and run
 * {@linkcode loop}.
 *
 * Each turn of the loop asks `readable()` and `writable()`, and both say true
 * unless overridden: a dispatcher with nothing to write should override
 * `writable`, or its loop never rests.
 *
 * @example A server that thanks, and a client
 * ```ts
 * import { Dispatcher, loop, type Socket } from "@wire/socketserver/poll";
 * import { strictEqual } from "node:assert";
 *
 * class Thanks extends Dispatcher {
 *   override handleAccepted(socket: Socket) {
 *     socket.sendSync(new TextEncoder().encode("Thank you for connecting"));
 *     socket.close();
 *     this.close();
 *   }
 * }
 * class Client extends Dispatcher {
 *   received = "";
 *   override writable() {
 *     return this.connecting;
 *   }
 *   override handleRead() {
 *     this.received += new TextDecoder().decode(this.recv(1024));
 *   }
 * }
 * const map = new Map();
 * const server = new Thanks(undefined, map);
 * server.createSocket();
 * server.bind({ hostname: "127.0.0.1", port: 0 });
 * server.listen();
 * const client = new Client(undefined, map);
 * client.createSocket();
 * client.connect(server.socket!.getsockname());
 * await loop({ map });
 * strictEqual(client.received, "Thank you for connecting");
 * ```
 */
export class Dispatcher {
  /** The socket, once there is one. */
  socket: Socket | undefined;
  /** Where it connects to. */
  addr: AddressLike | undefined;
  /** Whether it is connected. */
  connected = false;
  /** Whether it listens. */
  accepting = false;
  /** Whether it is connecting. */
  connecting = false;
  readonly #map: DispatcherMap;
  /** When it accepts again, after it ran out of descriptors. */
  #acceptAt = 0;
  /** Where it is in the map. The socket forgets its descriptor when it closes. */
  #fd = -1;

  /**
   * Watches a socket, or none yet.
   *
   * @param socket A socket, connected or not. It is set not to block.
   * @param map The dispatchers it belongs to. Default: {@linkcode socketMap}.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  constructor(socket?: Socket, map: DispatcherMap = socketMap) {
    this.#map = map;
    if (socket === undefined) return;
    socket.setBlocking(false);
    try {
      this.addr = socket.getpeername();
      this.connected = true;
    } catch (error) {
      // Not connected yet, or a peer that has already gone: reading will tell.
      if (!(error instanceof Deno.errors.NotConnected)) {
        if (codeOf(error) !== "EINVAL") throw error;
        this.connected = true;
      }
    }
    this.setSocket(socket);
  }

  /**
   * Makes a socket to watch.
   *
   * @param family The address family. Default: `AF_INET`.
   * @param type The type. Default: `SOCK_STREAM`.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   */
  createSocket(family: number = AF_INET, type: number = SOCK_STREAM): void {
    const socket = new Socket(family, type);
    socket.setBlocking(false);
    this.setSocket(socket);
  }

  /**
   * Watches another socket from now on. The one before stays open.
   *
   * @param socket The socket; it should not block.
   */
  setSocket(socket: Socket): void {
    this.#leave();
    this.socket = socket;
    this.#fd = socket.fileno();
    this.#map.set(this.#fd, this);
    this.wakeLoop();
  }

  /** Binds to an address that old connections still hold, if need be. */
  setReuseAddr(): void {
    this.#need("set an option").setsockopt(SOL_SOCKET, SO_REUSEADDR, true);
  }

  /**
   * Whether to wait for something to read. Asked before each turn.
   *
   * @returns True unless overridden.
   */
  readable(): boolean {
    return true;
  }

  /**
   * Whether to wait until it can be written to. Asked before each turn.
   *
   * @returns True unless overridden.
   */
  writable(): boolean {
    return true;
  }

  /**
   * Has the loop ask `readable()` and `writable()` now, if it waits: to be called
   * where code of yours that the loop has not called changes what they answer.
   */
  wakeLoop(): void {
    wakeLoops(this.#map);
  }

  /**
   * Takes an address; see {@linkcode Socket.bind}.
   *
   * @param address Where to listen.
   */
  bind(address: AddressLike): void {
    this.#need("bind").bind(address);
    this.addr = address;
  }

  /**
   * Accepts connections from now on.
   *
   * @param backlog How many may wait. Default: `SOMAXCONN`.
   */
  listen(backlog: number = SOMAXCONN): void {
    this.#need("listen").listen(backlog);
    this.accepting = true;
    this.wakeLoop();
  }

  /**
   * Starts to connect; `handleConnect` is called when it is done. A name is
   * resolved on the spot.
   *
   * @param address Where to.
   * @throws {Deno.errors.ConnectionRefused} If that is known at once; otherwise
   * `handleError` gets it.
   * @throws {Deno.errors.WouldBlock} If a Unix listener's backlog is full: try
   * again later.
   */
  connect(address: AddressLike): void {
    const socket = this.#need("connect");
    this.connected = false;
    this.connecting = true;
    this.addr = address;
    try {
      socket.connectSync(address);
    } catch (error) {
      if (UNDER_WAY.has(codeOf(error))) return this.wakeLoop();
      this.connecting = false;
      throw error;
    }
    this.handleConnectEvent();
  }

  /**
   * Takes the next connection.
   *
   * @returns The connection and the peer's address; `null` if there is none, or
   * no descriptor for it.
   */
  accept(): [Socket, SocketAddress] | null {
    try {
      return this.#need("accept").acceptSync();
    } catch (error) {
      const code = codeOf(error);
      if (OUT_OF_RESOURCES.has(code)) {
        this.#acceptAt = performance.now() + PAUSE;
      } else if (!ONE_CLIENTS.has(code)) throw error;
      return null;
    }
  }

  /**
   * Sends what the kernel takes.
   *
   * @param data The bytes.
   * @returns How many it took; 0 also when the connection is over, after
   * `handleClose`.
   */
  send(data: Uint8Array): number {
    try {
      return this.#need("send").sendSync(data);
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) return 0;
      if (!isDisconnected(error)) throw error;
      this.handleClose();
      return 0;
    }
  }

  /**
   * Receives what is there.
   *
   * @param size How many bytes at most.
   * @returns The bytes; none when the connection is over, after `handleClose`,
   * and none of an empty datagram, which ends nothing.
   * @throws {Deno.errors.WouldBlock} If there is nothing.
   */
  recv(size: number): Uint8Array<ArrayBuffer> {
    try {
      const socket = this.#need("receive");
      const data = socket.recvSync(size);
      // Of a stream that is its end, of datagrams an empty one.
      if (data.length === 0 && size > 0 && socket.type !== SOCK_DGRAM) {
        this.handleClose();
      }
      return data;
    } catch (error) {
      if (!isDisconnected(error)) throw error;
      this.handleClose();
      return new Uint8Array(0);
    }
  }

  /** Closes the socket, and leaves the loop. May be called again. */
  close(): void {
    this.connected = false;
    this.accepting = false;
    this.connecting = false;
    this.#leave();
    this.socket?.[Symbol.dispose]();
  }

  /** Something can be read, accepted, or the connection is made or over. */
  handleReadEvent(): void {
    if (this.accepting) {
      this.handleAccept();
      return;
    }
    if (this.#connectFirst()) this.handleRead();
  }

  /** It can be written to, or the connection is made. */
  handleWriteEvent(): void {
    if (this.accepting) return;
    if (this.#connectFirst()) this.handleWrite();
  }

  /**
   * A connection is made.
   *
   * @throws {Error} If it has failed.
   */
  handleConnectEvent(): void {
    const socket = this.#need("connect");
    const number = socket.getsockopt(SOL_SOCKET, SO_ERROR);
    if (number !== 0) throw systemError(number, "connect", "connect");
    this.handleConnect();
    // It may have closed this one, and dialled anew.
    if (this.socket !== socket || socket.closed) return;
    this.connected = true;
    this.connecting = false;
  }

  /** Urgent data, or an error. */
  handleExptEvent(): void {
    const number = this.#need("tell the error").getsockopt(
      SOL_SOCKET,
      SO_ERROR,
    );
    if (number !== 0) this.handleClose();
    else this.handleExpt();
  }

  /**
   * How long it accepts nothing since it ran out of descriptors. The loop asks.
   *
   * @returns In milliseconds; 0 where it does not rest.
   */
  restsFor(): number {
    if (this.#acceptAt === 0) return 0;
    const left = this.#acceptAt - performance.now();
    if (this.accepting && left > 0) return left;
    this.#acceptAt = 0;
    return 0;
  }

  /**
   * Calls what the events of poll(2) ask for, and `handleError` where that
   * throws. The loop does it.
   *
   * @param events A mask, as `POLLIN`.
   */
  handleEvents(events: number): void {
    const { socket } = this;
    // Whatever is called may close the socket, and make another.
    const stillOpen = () => this.socket === socket && socket?.closed === false;
    try {
      // Closed without its dispatcher, as by `this.socket.close()`.
      if (socket?.closed) return this.handleClose();
      if ((events & POLLIN) !== 0) this.handleReadEvent();
      if ((events & POLLOUT) !== 0 && stillOpen()) this.handleWriteEvent();
      if ((events & POLLPRI) !== 0 && stillOpen()) this.handleExptEvent();
      if ((events & (POLLHUP | POLLERR | POLLNVAL)) !== 0 && stillOpen()) {
        this.#handleEnd(events);
      }
    } catch (error) {
      if (wasPassedOn(error)) throw error;
      report(this, error);
    }
  }

  /** Something can be read. Without an override it does nothing. */
  handleRead(): void {}

  /** It can be written to. Without an override it does nothing. */
  handleWrite(): void {}

  /** The connection is made. Without an override it does nothing. */
  handleConnect(): void {}

  /** Urgent data has come. Without an override it does nothing. */
  handleExpt(): void {}

  /** A connection may be accepted: does it, and calls `handleAccepted`. */
  handleAccept(): void {
    const accepted = this.accept();
    if (accepted !== null) this.handleAccepted(...accepted);
  }

  /**
   * A connection was accepted. Without an override it is closed.
   *
   * @param socket The connection, to be closed.
   * @param _address The peer's address.
   */
  handleAccepted(socket: Socket, _address: SocketAddress): void {
    socket.close();
  }

  /**
   * A method threw, `handleClose` included. Without an override it is printed,
   * and the socket closed. What this one throws ends the loop.
   *
   * @param error What was thrown.
   */
  handleError(error: unknown): void {
    printThrown(error);
    this.handleClose();
  }

  /** The connection is over. Without an override it is closed. */
  handleClose(): void {
    this.close();
  }

  /** A hang-up with bytes left to read is no end yet: they come first. */
  #handleEnd(events: number): void {
    if (!this.#connectFirst()) return;
    if ((events & POLLIN) !== 0 && this.connected && this.readable()) return;
    this.handleClose();
  }

  /** @returns False if that has closed or replaced the socket. */
  #connectFirst(): boolean {
    if (this.connected || !this.connecting) return true;
    const { socket } = this;
    this.handleConnectEvent();
    return this.socket === socket && socket?.closed === false;
  }

  #need(action: string): Socket {
    if (this.socket !== undefined) return this.socket;
    throw new Deno.errors.BadResource(
      `Cannot ${action}: there is no socket, call createSocket first`,
    );
  }

  #leave(): void {
    if (this.#map.get(this.#fd) !== this) return;
    this.#map.delete(this.#fd);
    this.wakeLoop();
  }
}
