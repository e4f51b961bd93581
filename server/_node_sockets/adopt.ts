import { isGranted } from "../../handlers/_granted.ts";
import { describeAddress } from "../../handlers/_describe_address.ts";
import type { StreamListener } from "../stream_server.ts";
import { acceptedTCP, acceptedUnix, localAddress } from "./accepted.ts";
import { noteServing } from "./handover.ts";
import { type Handle, makePipeHandle, makeTCPHandle } from "./handles.ts";
import { NodeListener } from "./node_listener.ts";
import { errorName } from "./system_error.ts";

/** A listening socket that this process was started with. */
export interface InheritedAddress {
  /** The number of its descriptor; 3 is the first after the standard ones. */
  readonly fd: number;
}

/** Whether an address is that of a socket that is there already. */
export function isInherited(address: object): address is InheritedAddress {
  return typeof address === "object" && address !== null && "fd" in address;
}

/**
 * Listens on an inherited socket of TCP.
 *
 * @throws {Deno.errors.BadResource} If the number is no descriptor.
 * @throws {Deno.errors.NotCapable} If the net permission for its address is missing.
 * @throws {RangeError} If the number cannot be that of a descriptor.
 * @throws {TypeError} If it is no socket of TCP that can listen.
 */
export function adoptTCP(
  { fd }: InheritedAddress,
  backlog: number | undefined,
): StreamListener<Deno.TcpConn, Deno.NetAddr> {
  checkDescriptor(fd);
  const handle = makeTCPHandle(true);
  open(handle, fd, "of TCP");
  const addr = localAddress(handle);
  if (addr === undefined) {
    handle.close();
    throw notListening(fd, "of TCP");
  }
  const host = addr.hostname.includes(":")
    ? `[${addr.hostname}]`
    : addr.hostname;
  checkPermission(handle, fd, `${host}:${addr.port}`, describeAddress(addr));
  return new NodeListener(
    handle,
    addr,
    acceptedTCP,
    backlog,
    () => noteServing(fd),
  );
}

/**
 * Listens on an inherited Unix socket. Its path is not known.
 *
 * @throws {Deno.errors.BadResource} If the number is no descriptor.
 * @throws {Deno.errors.NotCapable} If the net permission for all addresses is
 * missing.
 * @throws {RangeError} If the number cannot be that of a descriptor.
 * @throws {TypeError} If it is no Unix socket that listens.
 */
export function adoptUnix(
  { fd }: InheritedAddress,
): StreamListener<Deno.UnixConn, Deno.UnixAddr> {
  checkDescriptor(fd);
  const handle = makePipeHandle(true);
  open(handle, fd, "of a Unix path");
  // Nothing says which path it is, so no permission for one can be enough.
  checkPermission(handle, fd, undefined, "a Unix socket of any path");
  try {
    return new NodeListener(
      handle,
      { transport: "unix", path: "" },
      acceptedUnix,
      undefined,
      () => noteServing(fd),
    );
  } catch (error) {
    throw notListening(fd, "of a Unix path", (error as Error).message);
  }
}

function checkDescriptor(fd: number): void {
  if (Deno.build.os === "windows") {
    throw new Deno.errors.NotSupported(
      "Cannot listen on fd: Windows has no descriptors to inherit",
    );
  }
  if (Number.isInteger(fd) && fd >= 0 && fd < 2 ** 31) return;
  throw new RangeError(
    `Cannot listen on fd: it must be the number of a descriptor, received ${
      Deno.inspect(fd)
    }`,
  );
}

function open(handle: Handle, fd: number, kind: string): void {
  const status = handle.open(fd);
  if (status === 0) return;
  handle.close();
  const name = errorName(status);
  if (name === "EBADF") {
    throw new Deno.errors.BadResource(
      `Cannot listen on fd ${fd}: this process has no such descriptor; start it with the socket, as systemd does`,
    );
  }
  if (name === "EEXIST") {
    throw new Deno.errors.Busy(
      `Cannot listen on fd ${fd}: something in this process uses it already`,
    );
  }
  throw notListening(fd, kind, name);
}

function notListening(fd: number, kind: string, name?: string): TypeError {
  return new TypeError(
    `Cannot listen on fd ${fd}: it is no listening socket ${kind}${
      name === undefined ? "" : ` (${name})`
    }`,
  );
}

/** Deno asks for no permission to use what was inherited, so this does. */
function checkPermission(
  handle: Handle,
  fd: number,
  host: string | undefined,
  where: string,
): void {
  const all = { name: "net" } as const;
  if (isGranted(host === undefined ? all : { ...all, host })) return;
  handle.close();
  throw new Deno.errors.NotCapable(
    `Cannot listen on fd ${fd}, ${where}: the net permission is missing, run again with the --allow-net${
      host === undefined ? "" : `=${host}`
    } flag`,
  );
}
