import type { StreamListener } from "../stream_server.ts";
import { SOCKET } from "./handover.ts";

/** A listener that makes something else of the connections of another. */
export abstract class WrappedListener<
  Inner extends Deno.Conn<Address>,
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
> implements StreamListener<Connection, Address> {
  readonly #inner: StreamListener<Inner, Address>;
  readonly #wrap = (connection: Inner) => this.wrap(connection);

  /** @param inner Accepts the connections. */
  constructor(inner: StreamListener<Inner, Address>) {
    this.#inner = inner;
  }

  /** Makes a connection of one that has been accepted. */
  protected abstract wrap(connection: Inner): Connection;

  get [SOCKET](): StreamListener<Inner, Address> {
    return this.#inner;
  }

  get addr(): Address {
    return this.#inner.addr;
  }

  accept(): Promise<Connection> {
    return this.#inner.accept().then(this.#wrap);
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
