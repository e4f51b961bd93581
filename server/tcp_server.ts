import { seamOf, withSeam } from "./_core/seam.ts";
import type { InheritedAddress } from "./_node_sockets/adopt.ts";
import { LISTEN_OPTION_NAMES, listenTCP } from "./_node_sockets/listen_tcp.ts";
import { behindProxies } from "./_proxy/proxy_listener.ts";
import {
  type StreamHandler,
  StreamServer,
  type StreamServerOptions,
} from "./stream_server.ts";

export type { InheritedAddress };

/** Where a {@linkcode TCPServer} listens. */
export interface TCPServerAddress {
  /**
   * A host name or a literal IP address.
   *
   * @default {"0.0.0.0"}
   */
  readonly hostname?: string;
  /** The port, 0 to 65,535; 0 lets the system choose one. */
  readonly port: number;
  /**
   * Lets several servers listen at the same address, of other processes too
   * (`SO_REUSEPORT`, see socket(7)).
   *
   * @default {false}
   */
  readonly reusePort?: boolean;
  /**
   * Whether `restart()` can hand the socket to another process. It is accepted
   * from by way of `node:net` then, which takes as many clients out of the
   * kernel's queue at once as there are: up to `backlog` descriptors more.
   *
   * @default {false}
   */
  readonly inheritable?: boolean;
}

/** The address a {@linkcode TCPServer} is bound to; `Deno.connect` takes it. */
export type TCPAddr = Deno.NetAddr & { transport: "tcp" };

/** Options of a {@linkcode TCPServer}. */
export interface TCPServerOptions<Config = unknown>
  extends StreamServerOptions<Deno.NetAddr, Config> {
  /**
   * How many connections may wait in the kernel to be accepted, see listen(2).
   *
   * @default {511}
   */
  readonly backlog?: number;
  /**
   * Whether a client of IPv4 that comes to a server on IPv6 is told as the system
   * writes it, `::ffff:127.0.0.1`, and not as `127.0.0.1`.
   *
   * @default {false}
   */
  readonly rawAddresses?: boolean;
  /**
   * As every server's. `Deno.connect` takes the address as it is.
   *
   * @param address The address that the server is bound to.
   */
  onListen?(address: TCPAddr): void;
}

/**
 * A server of TCP connections.
 *
 * Needs `--allow-net=HOSTNAME:PORT`, and nothing else.
 *
 * @example A server that greets
 * ```ts
 * import { TCPServer } from "@wire/socketserver";
 * import { deepStrictEqual } from "node:assert";
 *
 * await using server = new TCPServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   async ({ wfile }) => await wfile.write("Thank you for connecting"),
 * );
 * server.serveForever();
 *
 * using client = await Deno.connect(server.addr);
 * const buffer = new Uint8Array(100);
 * const n = await client.read(buffer);
 * deepStrictEqual(
 *   new TextDecoder().decode(buffer.subarray(0, n!)),
 *   "Thank you for connecting",
 * );
 * ```
 */
export class TCPServer<Config = unknown>
  extends StreamServer<Deno.TcpConn, Deno.NetAddr, Config> {
  /**
   * Binds and listens.
   *
   * @param address Where to listen, or the listening socket that this process was
   * started with.
   * @param handler A handler class, or a function that receives a
   * {@linkcode StreamRequestHandler}.
   * @param options Limits, timeouts and callbacks.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.BadResource} If there is no such descriptor.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is neither a handler class of its kind nor a
   * function, an option or a key of the address has an unknown name, or the
   * descriptor is that of no listening TCP socket.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    handler: StreamHandler<Deno.TcpConn, Deno.NetAddr, Config>,
    options: TCPServerOptions<Config> = {},
  ) {
    super(
      () =>
        behindProxies(
          options,
          listenTCP(address, [], options, undefined, seamOf(options).listen),
        ),
      handler,
      withSeam(options, { optionNames: LISTEN_OPTION_NAMES }),
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
