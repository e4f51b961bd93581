import { bindReplySockets, ReplySockets } from "./reply_sockets.ts";

/** Enough random bytes that no client's datagram is taken for a wake-up call. */
const TOKEN_BYTES = 16;

/**
 * A Unix datagram socket that can send while a receive is waiting.
 *
 * Deno lends such a socket to one operation at a time: `send` fails with
 * `Deno.errors.Busy` for as long as `receive` waits. So others send in its
 * place, from the same path. Where a client takes datagrams from nobody but this
 * one, it is handed back: an unnamed socket sends a random token to its path,
 * which ends the receive. The sends that have queued up go out, and the receive
 * starts again.
 */
export class UnixDatagramSocket {
  readonly #inner: Deno.DatagramConn;
  readonly #canWake: () => boolean;
  readonly #token: Uint8Array = crypto.getRandomValues(
    new Uint8Array(TOKEN_BYTES),
  );
  readonly #waker: Deno.DatagramConn;
  readonly #replies: ReplySockets;
  /** Settles when the receive that holds the socket gives it back. */
  #lent: Promise<unknown> | undefined;
  #waking: Promise<unknown> | undefined;
  /** Settles when every send of its own so far is done. */
  #sending: Promise<unknown> | undefined;
  #stopped = false;
  readonly #stop = Promise.withResolvers<void>();

  /**
   * Binds a path.
   *
   * @param path The path.
   * @param canWake Whether the path still leads to this socket.
   * @throws {Deno.errors.AddrInUse} If the path exists.
   */
  constructor(path: string, canWake: () => boolean) {
    this.#canWake = canWake;
    using undo = new DisposableStack();
    const opened = (socket: Deno.DatagramConn) => {
      undo.defer(() => socket.close());
      return socket;
    };
    // It is not bound: it can only send, and needs no permission of its own.
    this.#waker = opened(Deno.listenDatagram(
      { transport: "unixpacket" } as Deno.UnixListenOptions & {
        transport: "unixpacket";
      },
    ));
    this.#replies = new ReplySockets(
      bindReplySockets(path).map(opened),
      (data, address) => this.#sendItself(data, address),
    );
    this.#inner = Deno.listenDatagram({ transport: "unixpacket", path });
    // Keep them open: nothing has failed.
    undo.move();
  }

  get addr(): Deno.UnixAddr {
    return this.#inner.addr as Deno.UnixAddr;
  }

  async receive(
    buffer: Uint8Array<ArrayBuffer>,
  ): Promise<[Uint8Array<ArrayBuffer>, Deno.UnixAddr]> {
    while (true) {
      while (this.#sending !== undefined && !this.#stopped) {
        await Promise.race([this.#sending, this.#stop.promise]);
      }
      if (this.#stopped) {
        throw new Deno.errors.Interrupted(
          "Cannot receive: the server has stopped listening",
        );
      }
      const { promise: lent, resolve: giveBack } = Promise.withResolvers<
        void
      >();
      this.#lent = lent;
      let received: [Uint8Array, Deno.Addr];
      try {
        received = await this.#inner.receive(buffer);
      } finally {
        this.#lent = undefined;
        giveBack();
      }
      const [data, sender] = received;
      if (!this.#isToken(data)) {
        return [data as Uint8Array<ArrayBuffer>, sender as Deno.UnixAddr];
      }
    }
  }

  send(data: Uint8Array, address: Deno.UnixAddr): Promise<number> {
    return this.#replies.send(data, address);
  }

  #sendItself(data: Uint8Array, address: Deno.UnixAddr): Promise<number> {
    const sent = this.#sendAfter(this.#sending, data, address);
    const settled = sent.then(() => {}, () => {}).then(() => {
      if (this.#sending === settled) this.#sending = undefined;
    });
    this.#sending = settled;
    return sent;
  }

  /** Ends the receive that waits; sending goes on until `close`. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stop.resolve();
    if (this.#canWake()) await this.#takeBack();
  }

  close(): void {
    this.#inner.close();
    this.#waker.close();
    this.#replies.close();
  }

  ref(): void {
    (this.#inner as unknown as Deno.Listener).ref();
  }

  unref(): void {
    (this.#inner as unknown as Deno.Listener).unref();
  }

  async #sendAfter(
    previous: Promise<unknown> | undefined,
    data: Uint8Array,
    address: Deno.UnixAddr,
  ): Promise<number> {
    await previous;
    if (this.#lent !== undefined && !this.#canWake()) {
      throw new Deno.errors.AddrNotAvailable(
        `Cannot reply with ${data.length} bytes: "${this.addr.path}" does not lead to this server's socket any more; keep the file until the server has closed`,
      );
    }
    await this.#takeBack();
    return await this.#inner.send(data, address);
  }

  /** Waits until no receive holds the socket. */
  async #takeBack(): Promise<void> {
    while (this.#lent !== undefined) {
      // Share one wake-up call among all that wait.
      this.#waking ??= this.#waker.send(this.#token, this.addr)
        .catch(() => {
          // A socket that cannot be reached is closed, and its receive has ended.
        })
        .then(() => this.#waking = undefined);
      await this.#lent;
    }
  }

  #isToken(data: Uint8Array): boolean {
    return data.length === TOKEN_BYTES &&
      data.every((byte, i) => byte === this.#token[i]);
  }
}
