import type { TCPListener } from "../_core/seam.ts";

/**
 * The shared socket, as a thread has it that accepts. While its server is suspended
 * the thread leaves the socket, so that clients stay in the kernel's queue for
 * whoever is there then, and joins it again for the first accept after that.
 */
export class ThreadListener implements TCPListener {
  readonly addr: Deno.NetAddr;
  readonly #join: () => Deno.TcpListener;
  readonly #left: () => void;
  #inner: Deno.TcpListener | undefined;
  #closed = false;
  /** Settles when the server goes on; there while it is suspended. */
  #pause: PromiseWithResolvers<void> | undefined;
  /** The last accept, until what it gave is a request in progress. */
  #accepting: Promise<Deno.TcpConn> | undefined;

  /**
   * @param join Opens a listener on the socket. What it throws, this throws.
   * @param left Told when this is closed for good.
   */
  constructor(join: () => Deno.TcpListener, left: () => void = () => {}) {
    this.#join = join;
    this.#left = left;
    this.#inner = join();
    this.addr = this.#inner.addr;
  }

  /** Whether it was closed for good. An accept that a pause has ended may go on. */
  get closed(): boolean {
    return this.#closed;
  }

  accept(): Promise<Deno.TcpConn> {
    return this.#accepting = this.#inner?.accept() ?? this.#acceptLater();
  }

  /** What was accepted last is a request in progress. */
  entered(): void {
    this.#accepting = undefined;
  }

  /** Tells whether somebody has been accepted who is no request in progress yet. */
  async hasAccepted(): Promise<boolean> {
    const accepting = this.#accepting;
    try {
      if (await accepting === undefined) return false;
    } catch {
      return false;
    }
    // Whoever asked for it has it after a turn of the event loop.
    await new Promise((resolve) => setTimeout(resolve));
    return this.#accepting === accepting;
  }

  /** Leaves the socket. */
  pause(): void {
    if (this.#closed || this.#pause !== undefined) return;
    this.#pause = Promise.withResolvers();
    this.#closeInner();
  }

  /** Joins the socket again when that is needed. */
  resume(): void {
    this.#pause?.resolve();
    this.#pause = undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeInner();
    this.resume();
    this.#left();
  }

  ref(): void {
    this.#inner?.ref();
  }

  unref(): void {
    this.#inner?.unref();
  }

  async #acceptLater(): Promise<Deno.TcpConn> {
    await this.#pause?.promise;
    if (this.#closed) {
      throw new Deno.errors.BadResource("Cannot accept: the socket was left");
    }
    this.#inner ??= this.#join();
    return await this.#inner.accept();
  }

  #closeInner(): void {
    this.#inner?.close();
    this.#inner = undefined;
  }
}
