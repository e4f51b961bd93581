import { checkKeys } from "../handlers/_known_keys.ts";
import { type Runner, seamOf, withSeam } from "./_core/seam.ts";
import { type StreamHandler, StreamServer } from "./stream_server.ts";
import { Credentials } from "../handlers/_tls/credentials.ts";
import {
  TLS_OPTION_NAMES,
  type TLSCertificate,
  type TLSOptions,
} from "../handlers/_tls/tls_options.ts";
import { LISTEN_OPTION_NAMES, listenTCP } from "./_node_sockets/listen_tcp.ts";
import { behindProxies } from "./_proxy/proxy_listener.ts";
import { TLSConnections } from "./_tls/tls_connections.ts";
import { TLSListener } from "./_tls/tls_listener.ts";
import type {
  InheritedAddress,
  TCPAddr,
  TCPServerAddress,
  TCPServerOptions,
} from "./tcp_server.ts";

/** Where a {@linkcode TLSServer} listens, as whom, and to whom. */
export interface TLSServerAddress extends TCPServerAddress, TLSOptions {}

/** A listening socket that this process was started with, as whom, and to whom. */
export interface InheritedTLSAddress extends InheritedAddress, TLSOptions {}

/** Options of a {@linkcode TLSServer}. */
export interface TLSServerOptions<Config = unknown>
  extends TCPServerOptions<Config> {
  /**
   * How long a client may take for the handshake, in milliseconds.
   *
   * @default {10000}
   */
  readonly handshakeTimeout?: number;
}

/**
 * A server of TLS connections, versions 1.2 and 1.3. The handshake is complete when
 * a handler starts, and `handler.tls` says what it has agreed upon; one that fails
 * goes to `handleError`. Sessions can be resumed.
 *
 * Where the client ends the connection without saying so in TLS (`close_notify`),
 * reading fails with `Deno.errors.UnexpectedEof`: what came may be cut short, by
 * whoever.
 *
 * Needs `--allow-net=HOSTNAME:PORT`; reading the certificate from a file needs
 * `--allow-read` of that file.
 *
 * @example A certificate and its key
 * ```ts
 * import { TLSServer } from "@wire/socketserver";
 *
 * export function echo(cert: string, key: string): TLSServer {
 *   return new TLSServer(
 *     { hostname: "127.0.0.1", port: 8443, cert, key },
 *     async ({ rfile, wfile }) => {
 *       for await (const line of rfile) await wfile.write(line + "\n");
 *     },
 *   );
 * }
 * ```
 *
 * @example Two names, a client's certificate, and a renewal
 * ```ts
 * import { type TLSCertificate, TLSServer } from "@wire/socketserver";
 *
 * export function serve(
 *   own: TLSCertificate,
 *   other: TLSCertificate,
 *   ca: string,
 * ): TLSServer {
 *   return new TLSServer(
 *     {
 *       ...{ port: 8443, ...own, contexts: { "*.example.org": other } },
 *       ...{ clientAuth: "require", ca },
 *     },
 *     async ({ tls, wfile }) => {
 *       await wfile.write(`Hello ${tls?.peerCertificate?.subject}\n`);
 *     },
 *   );
 * }
 *
 * export function renew(server: TLSServer): void {
 *   server.setCertificate({
 *     cert: Deno.readTextFileSync("cert.pem"),
 *     key: Deno.readTextFileSync("key.pem"),
 *   });
 * }
 * ```
 */
export class TLSServer<Config = unknown>
  extends StreamServer<Deno.TlsConn, Deno.NetAddr, Config> {
  readonly #credentials: Credentials;
  readonly #runner: Runner | undefined;

  /**
   * Binds and listens.
   *
   * @param address Where to listen, the certificate and its key, and what else
   * {@linkcode TLSOptions} has.
   * @param handler A handler class, or a function that receives a
   * {@linkcode StreamRequestHandler}.
   * @param options Limits, timeouts and callbacks.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.BadResource} If there is no such descriptor.
   * @throws {Deno.errors.InvalidData} If a certificate or key is not PEM, such as
   * the name of a file, or the key is another certificate's.
   * @throws {Deno.errors.NotSupported} If this version of Deno has another
   * `node:tls`.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is neither a handler class of its kind nor a
   * function, an option or a key of the address has an unknown name, or the
   * descriptor is that of no listening TCP socket.
   */
  constructor(
    address: TLSServerAddress | InheritedTLSAddress,
    handler: StreamHandler<Deno.TlsConn, Deno.NetAddr, Config>,
    options: TLSServerOptions<Config> = {},
  ) {
    const connections = new TLSConnections(options);
    const { listen, runner } = seamOf<Deno.TlsConn, Deno.NetAddr>(options);
    let credentials!: Credentials;
    super(
      () =>
        new TLSListener(
          behindProxies(
            options,
            listenTCP(
              address,
              TLS_OPTION_NAMES,
              options,
              () => credentials = new Credentials(address),
              listen,
            ),
          ),
          credentials,
        ),
      handler,
      withSeam(options, {
        transport: connections,
        optionNames: [...LISTEN_OPTION_NAMES, "handshakeTimeout"],
      }),
    );
    this.#credentials = credentials;
    this.#runner = runner;
  }

  /**
   * Shows another certificate from now on, where `cert` was shown. Connections that
   * there are keep theirs, and those whose handshake has begun. Threads that accept
   * for themselves are told, and show it a moment later.
   *
   * @param certificate The new certificate and its key.
   * @throws {Deno.errors.InvalidData} If they cannot be used. The server goes on
   * with those that it has.
   */
  setCertificate(certificate: TLSCertificate): void {
    checkKeys(
      "key",
      certificate,
      ["cert", "key"],
      undefined,
      "set the certificate",
    );
    this.#credentials.replace(certificate);
    this.#runner?.setCertificate?.(certificate);
  }

  /**
   * The address the server is bound to, its port chosen if 0 was asked for.
   *
   * @returns The address.
   */
  override get addr(): TCPAddr {
    return super.addr as TCPAddr;
  }
}
