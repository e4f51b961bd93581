import { Connections } from "./_closing/connections.ts";
import { LONGEST_DELAY } from "./_closing/deadlines.ts";
import { type InProgress, withSeam } from "./_core/seam.ts";
import { listenAt } from "./_core/listen_at.ts";
import { checkTime, listenBacklog } from "./_core/options.ts";
import { type StreamHandler, StreamServer } from "./stream_server.ts";
import type {
  TCPAddr,
  TCPServerAddress,
  TCPServerOptions,
} from "./tcp_server.ts";

/** Where a {@linkcode TLSServer} listens, and as whom. */
export interface TLSServerAddress extends TCPServerAddress {
  /** The server's certificate chain, in PEM format. */
  readonly cert: string;
  /** The certificate's private key, in PEM format. */
  readonly key: string;
  /** The protocols to offer by ALPN (RFC 7301), the preferred first. */
  readonly alpnProtocols?: string[];
}

/** Options of a {@linkcode TLSServer}. */
export interface TLSServerOptions extends TCPServerOptions {
  /**
   * How long a client may take for the handshake, in milliseconds.
   *
   * @default {10000}
   */
  readonly handshakeTimeout?: number;
}

const DEFAULT_HANDSHAKE_TIMEOUT = 10_000;

/**
 * A server of TLS connections. The handshake is complete when a handler starts;
 * one that fails goes to `handleError`.
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
 */
export class TLSServer extends StreamServer<Deno.TlsConn, Deno.NetAddr> {
  /**
   * Binds and listens.
   *
   * @param address Where to listen, the certificate and its key.
   * @param handler A handler class, or a function that receives a
   * {@linkcode StreamRequestHandler}.
   * @param options Limits, timeouts and callbacks.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.InvalidData} If the certificate or key is not PEM, such
   * as the name of a file.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is neither a handler class of its kind nor a
   * function, or an option or a key of the address has an unknown name.
   */
  constructor(
    address: TLSServerAddress,
    handler: StreamHandler<Deno.TlsConn, Deno.NetAddr>,
    options: TLSServerOptions = {},
  ) {
    const connections = new TLSConnections(options);
    super(
      () =>
        listenAt(
          "tcp",
          address,
          ["reusePort", "cert", "key", "alpnProtocols"],
          () => {
            checkPEM("cert", address.cert);
            checkPEM("key", address.key);
            return Deno.listenTls({
              ...address,
              ...listenBacklog(options.backlog),
            });
          },
        ),
      handler,
      withSeam(options, {
        transport: connections,
        optionNames: ["backlog", "handshakeTimeout"],
      }),
    );
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

function checkPEM(name: string, text: string): void {
  if (typeof text === "string" && text.includes("-----BEGIN")) return;
  throw new Deno.errors.InvalidData(
    `Cannot create server: ${name} must be PEM text, received ${
      Deno.inspect(text, { strAbbreviateSize: 40 })
    }; of a file, pass what Deno.readTextFile() gives`,
  );
}

/** Connections whose handshake is complete when their handler starts. */
class TLSConnections extends Connections<Deno.TlsConn, Deno.NetAddr> {
  readonly #handshakeTimeout: number;

  constructor(options: TLSServerOptions) {
    super(options);
    const { handshakeTimeout = DEFAULT_HANDSHAKE_TIMEOUT } = options;
    checkTime("handshakeTimeout", handshakeTimeout);
    this.#handshakeTimeout = handshakeTimeout;
    const watch = this.around;
    this.around = async (served, handle) => {
      await this.#shakeHands(served);
      await (watch === undefined ? handle() : watch(served, handle));
    };
  }

  async #shakeHands(
    served: InProgress<Deno.TlsConn, Deno.NetAddr>,
  ): Promise<void> {
    const timeout = this.#handshakeTimeout;
    const timer = timeout === Infinity ? undefined : setTimeout(
      () =>
        served.abort(
          new DOMException(
            `The TLS handshake took longer than handshakeTimeout, ${timeout} ms`,
            "TimeoutError",
          ),
        ),
      Math.min(timeout, LONGEST_DELAY),
    );
    try {
      await served.request.handshake();
    } finally {
      clearTimeout(timer);
    }
  }
}
