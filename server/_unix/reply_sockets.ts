import { Deadlines, type Expiring } from "../_closing/deadlines.ts";

/** How many clients may stop reading before the others wait for them too. */
const SOCKETS = 4;
/**
 * A send that takes longer waits for a client that does not read, in
 * milliseconds. One that does not have to wait takes microseconds.
 */
const STUCK_AFTER = 100;
/** How long a reply may take to be sent, in milliseconds. */
const SEND_TIMEOUT = 5_000;

/** One datagram on its way out. */
interface Reply extends Expiring<Reply> {
  readonly data: Uint8Array;
  readonly address: Deno.UnixAddr;
  readonly since: number;
  readonly resolve: (sent: number) => void;
  readonly reject: (reason: unknown) => void;
  /** The queue in which it waits for its turn. */
  queue: Set<Reply> | undefined;
}

/** One socket, the reply it is sending and those behind it. */
interface ReplySocket extends Expiring<ReplySocket> {
  readonly inner: Deno.DatagramConn;
  readonly waiting: Set<Reply>;
  sending: Reply | undefined;
  since: number;
  stuck: boolean;
}

/**
 * Sockets that send from the path that another one receives on.
 *
 * Deno lends a socket to one operation at a time, and a send to a client whose
 * queue is full waits until it reads (unix(7)), and cannot be taken back. So
 * there are several, and a client that does not read holds up one.
 *
 * A client's replies go through the same socket while they can. The kernel
 * tells a sender that there is room again only where one of its own datagrams
 * was read: a socket that finds the queue full of others' would wait for ever.
 */
export class ReplySockets {
  readonly #sockets: readonly ReplySocket[];
  readonly #sendInstead: (
    data: Uint8Array,
    address: Deno.UnixAddr,
  ) => Promise<number>;
  readonly #stuck: Deadlines<ReplySocket>;
  readonly #late: Deadlines<Reply>;
  #closed = false;

  /**
   * @param sockets Sockets of {@linkcode bindReplySockets}, from now on this
   * one's to close.
   * @param sendInstead Sends to a client that has connected its socket: it
   * takes datagrams only from the socket that is at the path (connect(2)).
   * @param timeout How long a reply may take to be sent, in milliseconds.
   */
  constructor(
    sockets: readonly Deno.DatagramConn[],
    sendInstead: (data: Uint8Array, address: Deno.UnixAddr) => Promise<number>,
    timeout: number = SEND_TIMEOUT,
  ) {
    this.#sockets = sockets.map((inner) => ({
      inner,
      waiting: new Set(),
      sending: undefined,
      since: 0,
      stuck: false,
    }));
    this.#sendInstead = sendInstead;
    this.#stuck = new Deadlines(
      ({ since }) => since + STUCK_AFTER,
      (socket) => this.#avoid(socket),
    );
    this.#late = new Deadlines(({ since }) => since + timeout, (reply) => {
      reply.queue?.delete(reply);
      reply.reject(
        new Deno.errors.TimedOut(
          `Cannot reply with ${reply.data.length} bytes to "${reply.address.path}": they could not be sent within ${timeout} ms; clients must read what they are sent`,
        ),
      );
    });
  }

  /**
   * Sends one datagram. It is copied: a caller may give up, and use the memory
   * again, before the kernel has taken it.
   *
   * @throws {Deno.errors.TimedOut} If it could not be sent in time. If it has
   * had its turn, it still arrives should its client read again.
   * @throws {Deno.errors.BadResource} If the sockets are closed.
   */
  async send(data: Uint8Array, address: Deno.UnixAddr): Promise<number> {
    if (this.#closed) throw closedError();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const since = performance.now();
    const reply: Reply = {
      ...{ data: data.slice(), address, since, resolve, reject },
      queue: undefined,
    };
    this.#late.add(reply);
    this.#enqueue(reply);
    try {
      return await promise;
    } finally {
      this.#late.delete(reply);
    }
  }

  /** Closes the sockets. What has not been sent is given up. */
  close(): void {
    this.#closed = true;
    for (const socket of this.#sockets) {
      socket.inner.close();
      this.#stuck.delete(socket);
      socket.sending?.reject(closedError());
      for (const reply of socket.waiting) reply.reject(closedError());
      socket.waiting.clear();
    }
  }

  #enqueue(reply: Reply): void {
    const socket = this.#socketFor(reply.address.path ?? "");
    reply.queue = socket.waiting.add(reply);
    if (socket.sending === undefined) this.#run(socket);
  }

  /** The same socket for a path each time, or the next if a client holds it up. */
  #socketFor(path: string): ReplySocket {
    const sockets = this.#sockets;
    const home = hash(path) % sockets.length;
    for (let i = 0; i < sockets.length; i++) {
      const socket = sockets[(home + i) % sockets.length]!;
      if (!socket.stuck || socket.sending?.address.path === path) return socket;
    }
    return sockets[home]!;
  }

  async #run(socket: ReplySocket): Promise<void> {
    for (const reply of socket.waiting) {
      socket.waiting.delete(reply);
      reply.queue = undefined;
      socket.sending = reply;
      socket.since = performance.now();
      this.#stuck.add(socket);
      try {
        reply.resolve(await this.#sendNow(socket.inner, reply));
      } catch (error) {
        reply.reject(error);
      }
      this.#stuck.delete(socket);
      socket.stuck = false;
    }
    socket.sending = undefined;
  }

  async #sendNow(
    socket: Deno.DatagramConn,
    { data, address }: Reply,
  ): Promise<number> {
    try {
      return await socket.send(data, address);
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
      return await this.#sendInstead(data, address);
    }
  }

  /** Moves the replies for other clients to other sockets. */
  #avoid(socket: ReplySocket): void {
    socket.stuck = true;
    const stuckAt = socket.sending?.address.path;
    for (const reply of [...socket.waiting]) {
      if (reply.address.path === stuckAt) continue;
      socket.waiting.delete(reply);
      this.#enqueue(reply);
    }
  }
}

/**
 * Binds sockets to a path one after the other, and leaves the path free: a
 * socket keeps its name when its file is removed, and sends from it.
 *
 * @throws {Deno.errors.AddrInUse} If the path exists.
 */
export function bindReplySockets(path: string): Deno.DatagramConn[] {
  const sockets: Deno.DatagramConn[] = [];
  try {
    while (sockets.length < SOCKETS) {
      sockets.push(Deno.listenDatagram({ transport: "unixpacket", path }));
      Deno.removeSync(path);
    }
    return sockets;
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

function closedError(): Deno.errors.BadResource {
  return new Deno.errors.BadResource("Cannot reply: the server is closed");
}

/** FNV-1a of the path's UTF-16 units, in 32 bits. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  }
  return sum >>> 0;
}
