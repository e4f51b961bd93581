import { checkKeys } from "../../handlers/_known_keys.ts";
import { listenAt } from "../_core/listen_at.ts";
import { listenBacklog } from "../_core/options.ts";
import type { TCPListener } from "../_core/seam.ts";
import type { StreamListener } from "../stream_server.ts";
import { adoptTCP, type InheritedAddress, isInherited } from "./adopt.ts";
import { makeTCPHandle, REUSE_PORT } from "./handles.ts";
import { acceptedTCP, localAddress } from "./accepted.ts";
import { mayMap, UnmappedListener } from "./unmapped_listener.ts";
import { NodeListener } from "./node_listener.ts";
import { systemError } from "./system_error.ts";

/** An address of TCP to listen at. */
interface TCPAddress {
  readonly hostname?: string;
  readonly port: number;
  readonly reusePort?: boolean;
  readonly inheritable?: boolean;
}

/** The options of a server that are about how it listens. */
interface ListenOptions {
  readonly backlog?: number;
  readonly rawAddresses?: boolean;
}

/** The names of those options. */
export const LISTEN_OPTION_NAMES: readonly string[] = Object.keys(
  {
    backlog: true,
    rawAddresses: true,
  } satisfies Record<keyof ListenOptions, true>,
);

/**
 * Listens on a host and port, or on a socket that is there already.
 *
 * @param address Where.
 * @param more The keys that such an address may have beside its own.
 * @param options How.
 * @param ready Called before the socket is opened; what it throws prevents that.
 * @param listen Opens the socket where it is Deno's.
 */
export function listenTCP(
  address: TCPAddress | InheritedAddress,
  more: readonly string[],
  { backlog, rawAddresses = false }: ListenOptions,
  ready: () => void = () => {},
  listen: (options: Deno.TcpListenOptions) => TCPListener = Deno.listen,
): StreamListener<Deno.TcpConn, Deno.NetAddr> {
  const { tcpBacklog } = listenBacklog(backlog);
  const listener = isInherited(address)
    ? adopt(address, more, tcpBacklog, ready)
    : listenAt("tcp", address, ["reusePort", "inheritable", ...more], () => {
      ready();
      return open(address, tcpBacklog, listen);
    });
  return rawAddresses || !mayMap(listener)
    ? listener
    : new UnmappedListener(listener);
}

function adopt(
  address: InheritedAddress,
  more: readonly string[],
  backlog: number | undefined,
  ready: () => void,
): StreamListener<Deno.TcpConn, Deno.NetAddr> {
  // What `inheritedSockets()` lists has a name, and may be given as it is.
  checkKeys("address key", address, ["fd", "name", ...more]);
  ready();
  return adoptTCP(address, backlog);
}

function open(
  {
    hostname = "0.0.0.0",
    port,
    reusePort = false,
    inheritable = false,
  }: TCPAddress,
  backlog: number | undefined,
  listen: (options: Deno.TcpListenOptions) => TCPListener,
): StreamListener<Deno.TcpConn, Deno.NetAddr> {
  // Deno ends the process where its flag is missing, which nobody can catch. It
  // defines this function only where the flag is given.
  const isShared = reusePort && Deno.listenDatagram === undefined;
  if (isShared || inheritable) return bind(hostname, port, reusePort, backlog);
  return listen({
    ...{ hostname, port, reusePort },
    ...backlog === undefined ? {} : { tcpBacklog: backlog },
  });
}

/**
 * Listens by a handle, which can be handed to another process.
 *
 * @param isShared Whether others may listen at the address too (`SO_REUSEPORT`).
 */
function bind(
  hostname: string,
  port: number,
  isShared: boolean,
  backlog: number | undefined,
): StreamListener<Deno.TcpConn, Deno.NetAddr> {
  const handle = makeTCPHandle(true);
  const flags = isShared ? REUSE_PORT : 0;
  const status = hostname.includes(":")
    ? handle.bind6(hostname, port, flags)
    : handle.bindWithFlags(hostname, port, flags);
  const addr = status === 0 ? localAddress(handle) : undefined;
  if (addr !== undefined) {
    return new NodeListener(handle, addr, acceptedTCP, backlog);
  }
  handle.close();
  // It has no other word for a name that it cannot look up.
  if (status === -1) throw new Error("failed to lookup address information");
  throw systemError(status);
}
