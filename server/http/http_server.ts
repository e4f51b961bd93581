import {
  type HTTPHandler,
  httpHandlerClass,
  type HTTPOptions,
  withHTTP,
} from "./_handler_class.ts";
import {
  type InheritedAddress,
  TCPServer,
  type TCPServerAddress,
  type TCPServerOptions,
} from "../tcp_server.ts";

export type { HTTPHandler, HTTPOptions };

/** Options of an {@linkcode HTTPServer}. */
export interface HTTPServerOptions<Config = unknown>
  extends TCPServerOptions<Config>, HTTPOptions {}

/**
 * A server of HTTP/1.1 and HTTP/1.0.
 *
 * It is a {@linkcode TCPServer} whose handler may be a function of a `Request`.
 * HTTP itself is in the handlers, so that any server of connections serves it:
 * `new UnixStreamServer({ path }, FetchRequestHandler.from(answer))`.
 *
 * A shutdown answers what clients have sent before it began, and ends connections
 * that wait for a request at once, the others after their response. A connection
 * on which no request has come is waited for as `drainTimeout` of the limits says.
 *
 * Needs `--allow-net=HOSTNAME:PORT`, and nothing else.
 *
 * @example A server with a fetch handler
 * ```ts
 * import { HTTPServer } from "@wire/socketserver/http";
 * import { strictEqual } from "node:assert";
 *
 * await using server = new HTTPServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   () => new Response("Thank you for connecting"),
 * );
 * server.serveForever();
 *
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
 * strictEqual(await response.text(), "Thank you for connecting");
 * ```
 */
export class HTTPServer<Config = unknown> extends TCPServer<Config> {
  /**
   * Binds and listens.
   *
   * @param address Where to listen.
   * @param handler A handler class, or a function that answers a `Request`.
   * @param options Limits, timeouts and callbacks.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {RangeError} If the port, an option or a limit is out of range.
   * @throws {TypeError} If `handler` is neither a handler class nor a function,
   * or limits are given beside a handler class.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    handler: HTTPHandler<Deno.TcpConn, Deno.NetAddr, Config>,
    options: HTTPServerOptions<Config> = {},
  ) {
    const Handler = httpHandlerClass(handler, options);
    super(address, Handler, withHTTP(options));
  }
}
