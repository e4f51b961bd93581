import type { StreamListener } from "../stream_server.ts";
import { SOCKET } from "./handover.ts";

/** A listener of TCP that makes something else of the connections of another. */
export abstract class WrappedListener<
  Connection extends Deno.Conn<Deno.NetAddr>,
> implements StreamListener<Connection, Deno.NetAddr> {
  readonly #inner: StreamListener<Deno.TcpConn, Deno.NetAddr>;

  /** @param inner Accepts the connections. */
  constructor(inner: StreamListener<Deno.TcpConn, Deno.NetAddr>) {
    this.#inner = inner;
  }

  /** Makes a connection of one that has been accepted. */
  protected abstract wrap(connection: Deno.TcpConn): Connection;

  get [SOCKET](): StreamListener<Deno.TcpConn, Deno.NetAddr> {
    return this.#inner;
  }

  get addr(): Deno.NetAddr {
    return this.#inner.addr;
  }

  async accept(): Promise<Connection> {
    return this.wrap(await this.#inner.accept());
  }

  close(): void {
    this.#inner.close();
  }

  ref(): void {
    this.#inner.ref();
  }

  unref(): void {
    this.#inner.unref();
  }
}
