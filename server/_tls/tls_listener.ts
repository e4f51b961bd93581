import type { Credentials } from "../../handlers/_tls/credentials.ts";
import { SOCKET } from "../_node_sockets/handover.ts";
import type { StreamListener } from "../stream_server.ts";
import { TLSConnection } from "../../handlers/_tls/tls_connection.ts";

/** A listener whose connections speak TLS. Their handshake is still to come. */
export class TLSListener implements StreamListener<Deno.TlsConn, Deno.NetAddr> {
  readonly #inner: StreamListener<Deno.TcpConn, Deno.NetAddr>;
  readonly #credentials: Credentials;

  /**
   * @param inner Accepts the connections.
   * @param credentials What is shown to clients.
   */
  constructor(
    inner: StreamListener<Deno.TcpConn, Deno.NetAddr>,
    credentials: Credentials,
  ) {
    this.#inner = inner;
    this.#credentials = credentials;
  }

  get [SOCKET](): StreamListener<Deno.TcpConn, Deno.NetAddr> {
    return this.#inner;
  }

  get addr(): Deno.NetAddr {
    return this.#inner.addr;
  }

  async accept(): Promise<Deno.TlsConn> {
    return new TLSConnection(await this.#inner.accept(), this.#credentials);
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
