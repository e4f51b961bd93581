import {
  type Handle,
  makePipeHandle,
  makeTCPHandle,
  type PipeHandle,
  type SocketName,
  type TCPHandle,
} from "./handles.ts";
import {
  ResourceConnection,
  TCPResourceConnection,
} from "./resource_connection.ts";

/** How the connections of a kind of socket are made of what was accepted. */
export interface Accepted<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
> {
  /** Makes the handle of one that is to be accepted. */
  make(): Handle;
  /**
   * Makes a connection of it, and closes it.
   *
   * @param client The handle, of one that was accepted.
   * @param addr The address of the listener.
   */
  connect(client: Handle, addr: Address): Connection;
}

/** Those of TCP. */
export const acceptedTCP: Accepted<TCPResourceConnection, Deno.NetAddr> = {
  make: () => makeTCPHandle(false),
  connect(client, addr) {
    const handle = client as TCPHandle;
    const localAddr = localAddress(handle) ?? addr;
    const name: SocketName = {};
    // One that is gone already has no peer any more.
    handle.getpeername(name);
    const rid = handle.takeStream();
    handle.close();
    return new TCPResourceConnection(rid, localAddr, netAddress(name));
  },
};

/** Those of Unix sockets. */
export const acceptedUnix: Accepted<
  ResourceConnection<Deno.UnixAddr>,
  Deno.UnixAddr
> = {
  make: () => makePipeHandle(false),
  connect(client, addr) {
    // Only a handle of TCP can be given to Deno, whatever the socket is.
    const handle = makeTCPHandle(false);
    const status = handle.open((client as PipeHandle).fdForIpc());
    client.close();
    if (status !== 0) throw new Deno.errors.ConnectionAborted("accept");
    const rid = handle.takeStream();
    handle.close();
    const remoteAddr: Deno.UnixAddr = { transport: "unix", path: "" };
    return new ResourceConnection(rid, addr, remoteAddr);
  },
};

/** The address that a socket is bound to, if it is one of TCP. */
export function localAddress(handle: TCPHandle): Deno.NetAddr | undefined {
  const name: SocketName = {};
  return handle.getsockname(name) === 0 ? netAddress(name) : undefined;
}

function netAddress({ address = "", port = 0 }: SocketName): Deno.NetAddr {
  return { transport: "tcp", hostname: address, port };
}
