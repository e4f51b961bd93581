import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_STREAM,
  SOL_SOCKET,
  SOMAXCONN,
} from "./constants_socket.ts";
import { checkAddress } from "./_resolve.ts";
import { type AddressLike, Socket } from "./socket.ts";

/** Options of {@linkcode createServer}. */
export interface CreateServerOptions {
  /**
   * `AF_INET`, `AF_INET6` or `AF_UNIX`.
   *
   * @default {what the address looks like, else AF_INET}
   */
  readonly family?: number;
  /**
   * How many connections may wait to be accepted; the system caps it.
   *
   * @default {SOMAXCONN}
   */
  readonly backlog?: number;
  /**
   * Lets several sockets listen on the address, `SO_REUSEPORT`.
   *
   * @default {false}
   */
  readonly reusePort?: boolean;
  /**
   * Lets an IPv6 socket take IPv4 connections, too.
   *
   * @default {false}
   */
  readonly dualstack?: boolean;
}

/**
 * A socket that listens, as Python's `socket.create_server`. A network address
 * that old connections still hold can be taken again at once.
 *
 * @param address Where to listen; port 0 for a free one.
 * @param options See {@linkcode CreateServerOptions}.
 * @returns The socket, to be closed.
 * @throws {Deno.errors.AddrInUse} If another socket listens there.
 * @throws {Deno.errors.AddrNotAvailable} If it is not this machine's.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 *
 * @example
 * ```ts
 * import { createConnectionSync, createServer } from "@wire/socketserver/poll";
 * import { strictEqual } from "node:assert";
 *
 * using server = createServer({ hostname: "127.0.0.1", port: 0 });
 * using client = createConnectionSync(server.getsockname());
 * const [connection] = await server.accept();
 * client.sendSync(new Uint8Array(5));
 * strictEqual((await connection.recv(10)).length, 5);
 * connection.close();
 * ```
 */
export function createServer(
  address: AddressLike,
  options: CreateServerOptions = {},
): Socket {
  const family = options.family ?? familyOf(address);
  const socket = new Socket(family, SOCK_STREAM);
  try {
    if (family !== AF_UNIX) socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, true);
    if (options.reusePort) socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, true);
    if (family === AF_INET6) {
      socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, !options.dualstack);
    }
    socket.bind(address);
    socket.listen(options.backlog ?? SOMAXCONN);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function familyOf(address: AddressLike): number {
  checkAddress(address);
  if ("path" in address) return AF_UNIX;
  return address.hostname?.includes(":") ? AF_INET6 : AF_INET;
}
