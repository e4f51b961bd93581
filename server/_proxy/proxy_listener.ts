import { WrappedListener } from "../_node_sockets/wrapped_listener.ts";
import type { StreamListener } from "../stream_server.ts";
import { ProxiedConnection } from "./proxied_connection.ts";

/** A listener whose connections may begin with a PROXY header, still to come. */
class ProxyListener<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
> extends WrappedListener<Connection, Connection, Address> {
  protected override wrap(connection: Connection): Connection {
    return new ProxiedConnection(connection) as unknown as Connection;
  }
}

/**
 * What a server listens with that takes PROXY headers, or does not.
 *
 * @param options Those of the server.
 * @param listener Accepts the connections.
 */
export function behindProxies<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
>(
  options: { readonly proxyProtocol?: object },
  listener: StreamListener<Connection, Address>,
): StreamListener<Connection, Address> {
  return options.proxyProtocol === undefined
    ? listener
    : new ProxyListener(listener);
}
