import type { Credentials } from "../../handlers/_tls/credentials.ts";
import { TLSConnection } from "../../handlers/_tls/tls_connection.ts";
import { WrappedListener } from "../_node_sockets/wrapped_listener.ts";
import type { StreamListener } from "../stream_server.ts";

/** A listener whose connections speak TLS. Their handshake is still to come. */
export class TLSListener
  extends WrappedListener<Deno.TcpConn, Deno.TlsConn, Deno.NetAddr> {
  readonly #credentials: Credentials;

  /**
   * @param inner Accepts the connections.
   * @param credentials What is shown to clients.
   */
  constructor(
    inner: StreamListener<Deno.TcpConn, Deno.NetAddr>,
    credentials: Credentials,
  ) {
    super(inner);
    this.#credentials = credentials;
  }

  protected override wrap(connection: Deno.TcpConn): Deno.TlsConn {
    return new TLSConnection(connection, this.#credentials);
  }
}
