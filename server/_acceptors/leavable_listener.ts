import type { TCPListener } from "../_core/seam.ts";

/**
 * A listener that may be closed before its server closes it: others go on with
 * the same socket. What it has accepted by then is served still.
 */
export class LeavableListener implements TCPListener {
  readonly #inner: TCPListener;
  #closed = false;

  constructor(inner: TCPListener) {
    this.#inner = inner;
  }

  get addr(): Deno.NetAddr {
    return this.#inner.addr;
  }

  accept(): Promise<Deno.TcpConn> {
    return this.#inner.accept();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inner.close();
  }

  ref(): void {
    this.#inner.ref();
  }

  unref(): void {
    this.#inner.unref();
  }
}
