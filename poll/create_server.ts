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
import { checkBoolean, checkOptions } from "./_options.ts";
import { checkAddress } from "./_resolve.ts";
import { formatAddress, parseIPv4 } from "./_sockaddr.ts";
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
   * Takes IPv6 and IPv4 connections with one IPv6 socket, as Python's
   * `dualstack_ipv6`. The family is `AF_INET6` then; without `hostname` it
   * listens on every address, `"::"`.
   *
   * @default {false}
   */
  readonly dualstack?: boolean;
}

const ACTION = "create a server";
const OPTIONS = ["family", "backlog", "reusePort", "dualstack"];

/**
 * A socket that listens, as Python's `socket.create_server`. A network address
 * that old connections still hold can be taken again at once.
 *
 * @param address Where to listen; port 0 for a free one.
 * @param options See {@linkcode CreateServerOptions}.
 * @returns The socket, to be closed.
 * @throws {TypeError} If there is another option, or `dualstack` or `reusePort`
 * with an address that cannot have it.
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
  checkOptions(options, OPTIONS, ACTION);
  const reusePort = checkBoolean(options.reusePort, "reusePort", ACTION);
  const dualstack = checkBoolean(options.dualstack, "dualstack", ACTION);
  checkAddress(address);
  const family = options.family ?? familyOf(address, dualstack);
  if (dualstack && family !== AF_INET6) {
    throw refused(address, "dualstack", "an IPv6 address, as { port: 80 }");
  }
  if (reusePort && family === AF_UNIX) {
    throw refused(address, "reusePort", "a port");
  }
  const socket = new Socket(family, SOCK_STREAM);
  try {
    if (family !== AF_UNIX) socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, true);
    if (reusePort) socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, true);
    if (family === AF_INET6) {
      socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, !dualstack);
    }
    socket.bind(address);
    socket.listen(options.backlog ?? SOMAXCONN);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** What the address looks like; with `dualstack` a name is one of IPv6. */
function familyOf(address: AddressLike, dualstack: boolean): number {
  if ("path" in address) return AF_UNIX;
  const { hostname } = address;
  if (typeof hostname === "string") {
    if (hostname.includes(":")) return AF_INET6;
    if (parseIPv4(hostname) !== undefined) return AF_INET;
  }
  return dualstack ? AF_INET6 : AF_INET;
}

function refused(
  address: AddressLike,
  option: string,
  needed: string,
): TypeError {
  return new TypeError(
    `Cannot ${ACTION} on ${
      formatAddress(address)
    } with the option "${option}": it needs ${needed}`,
  );
}
