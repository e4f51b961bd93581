import {
  type HTTPHandler,
  httpHandlerClass,
  type HTTPOptions,
  withHTTP,
} from "./_handler_class.ts";
import {
  type InheritedTLSAddress,
  TLSServer,
  type TLSServerAddress,
  type TLSServerOptions,
} from "../tls_server.ts";

/** Options of an {@linkcode HTTPSServer}. */
export interface HTTPSServerOptions<Config = unknown>
  extends TLSServerOptions<Config>, HTTPOptions {}

/**
 * A server of HTTP/1.1 and HTTP/1.0 over TLS. It is to `TLSServer` what
 * `HTTPServer` is to `TCPServer`.
 *
 * Needs `--allow-net=HOSTNAME:PORT`, and nothing else.
 */
export class HTTPSServer<Config = unknown> extends TLSServer<Config> {
  /**
   * Binds and listens.
   *
   * @param address Where to listen, the certificate and its key.
   * @param handler A handler class, or a function that answers a `Request`.
   * @param options Limits, timeouts and callbacks.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.InvalidData} If the certificate or key is not PEM.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {RangeError} If the port, an option or a limit is out of range.
   * @throws {TypeError} If `handler` is neither a handler class nor a function,
   * or limits are given beside a handler class.
   */
  constructor(
    address: TLSServerAddress | InheritedTLSAddress,
    handler: HTTPHandler<Deno.TlsConn, Deno.NetAddr, Config>,
    options: HTTPSServerOptions<Config> = {},
  ) {
    const Handler = httpHandlerClass(handler, options);
    super(address, Handler, withHTTP(options));
  }
}
