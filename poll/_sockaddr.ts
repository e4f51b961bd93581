import { describe, integer } from "./_check.ts";
import { AF_INET, AF_INET6, AF_UNIX, SOCK_STREAM } from "./constants_socket.ts";
import { libc } from "./_libc.ts";
import { platform } from "./_platform.ts";

/**
 * C's socket addresses: `struct sockaddr_in` (ip(7)), `sockaddr_in6` (ipv6(7)),
 * `sockaddr_un` (unix(7)). macOS begins each with its length, and has the
 * family in one byte; Linux has it in two.
 */

/** Where a socket is or sends to, as Deno writes it. */
export type SocketAddress = Deno.NetAddr | Deno.UnixAddr;

/**
 * Where to bind, connect or send to. Of a network address `hostname` may be
 * left out: it is any address to bind, and this machine to connect. The
 * `transport` of Deno's addresses may be there and is not looked at; any other
 * name is refused.
 */
export type AddressLike =
  | { readonly hostname?: string; readonly port: number }
  | { readonly path: string };

/** Room for any address; `struct sockaddr_storage` has as much. */
export const ADDRESS_SIZE = 128;

const PATH_OFFSET = 2;
/** Where an IPv4 address ends, and an IPv6 one; its scope may be missing. */
const INET_SIZE = 8;
const INET6_SIZE = 24;
const SCOPE_OFFSET = 24;
/** The longest path of a Unix socket, in bytes, its end included. */
const PATH_SIZE = platform === "darwin" ? 104 : 108;

const encoder = new TextEncoder();
// A path may begin with what would be taken for a byte order mark.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function setFamily(bytes: Uint8Array, family: number, length: number): void {
  if (platform === "darwin") {
    bytes[0] = length;
    bytes[1] = family;
  } else {
    new DataView(bytes.buffer, bytes.byteOffset).setUint16(0, family, true);
  }
}

/** The family of an address that the kernel wrote; AF_UNIX of one without a name. */
export function rawFamily(bytes: Uint8Array, length: number): number {
  if (Math.min(length, bytes.length) < PATH_OFFSET) return AF_UNIX;
  return platform === "darwin" ? bytes[1]! : bytes[0]! | bytes[1]! << 8;
}

/** Four numbers with dots, as bytes; `undefined` for anything else. */
export function parseIPv4(hostname: string): number[] | undefined {
  const parts = hostname.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = parts.map((part) =>
    /^(0|[1-9]\d{0,2})$/.test(part) ? Number(part) : 256
  );
  return bytes.every((byte) => byte < 256) ? bytes : undefined;
}

/** An IPv4 address and port as C has them. */
export function encodeIPv4(
  bytes: readonly number[],
  port: number,
): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(16);
  setFamily(address, AF_INET, 16);
  setPort(address, port);
  address.set(bytes, 4);
  return address;
}

/** Writes the port of an IPv4 or IPv6 address: the same place in both. */
export function setPort(address: Uint8Array, port: number): void {
  address[2] = port >> 8;
  address[3] = port & 0xff;
}

/**
 * @throws {TypeError} If it is no integer.
 * @throws {RangeError} If it is not from 0 to 65,535.
 */
export function checkPort(port: number): number {
  return integer(port, "a port", 0, 65_535);
}

/** A Unix path, or on Linux an abstract name, which begins with NUL. */
export function encodePath(path: string): Uint8Array<ArrayBuffer> {
  if (typeof path !== "string") {
    throw new TypeError(
      `Cannot use ${describe(path)} as a path: it must be a string`,
    );
  }
  const bytes = encoder.encode(path);
  const abstract = bytes[0] === 0;
  if (abstract ? platform !== "linux" : bytes.includes(0)) {
    throw new TypeError(
      `Cannot use ${describe(path)} as a path: it has a NUL character${
        abstract ? "; only Linux has abstract names" : ""
      }`,
    );
  }
  // A path ends with NUL; an abstract name ends where the length says.
  const size = bytes.length + (abstract || bytes.length === 0 ? 0 : 1);
  if (size > PATH_SIZE) {
    throw new RangeError(
      `Cannot use ${
        describe(path)
      } as a path: it has ${bytes.length} bytes, at most ${
        abstract ? PATH_SIZE : PATH_SIZE - 1
      } fit in a socket address`,
    );
  }
  const address = new Uint8Array(PATH_OFFSET + size);
  setFamily(address, AF_UNIX, address.length);
  address.set(bytes, PATH_OFFSET);
  return address;
}

/**
 * What the kernel wrote, as Deno's address. Of a family that is none of these
 * three, and of one that is cut short, there is an empty path: what lies behind
 * the end is of another call.
 */
export function decodeAddress(
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
  type: number,
): SocketAddress {
  // The kernel tells the real length, even where the buffer was too short.
  const size = Math.min(length, bytes.length);
  const stream = type === SOCK_STREAM;
  const family = rawFamily(bytes, size);
  if (family === AF_INET && size >= INET_SIZE) {
    return {
      transport: stream ? "tcp" : "udp",
      hostname: `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`,
      port: bytes[2]! << 8 | bytes[3]!,
    };
  }
  if (family === AF_INET6 && size >= INET6_SIZE) {
    return {
      transport: stream ? "tcp" : "udp",
      hostname: formatIPv6(bytes, size),
      port: bytes[2]! << 8 | bytes[3]!,
    };
  }
  const name = bytes.subarray(
    PATH_OFFSET,
    family === AF_UNIX ? Math.max(size, PATH_OFFSET) : PATH_OFFSET,
  );
  const end = name[0] === 0 ? -1 : name.indexOf(0);
  return {
    transport: stream ? "unix" : "unixpacket",
    path: decoder.decode(end < 0 ? name : name.subarray(0, end)),
  };
}

const ipv6 = new Uint8Array(16);
const text = new Uint8Array(64);

function formatIPv6(address: Uint8Array<ArrayBuffer>, size: number): string {
  ipv6.set(address.subarray(8, 24));
  // inet_ntop(3) reads 16 bytes of `ipv6` and writes at most 64 to `text`,
  // both ours and kept.
  libc().inet_ntop(AF_INET6, ipv6, text, text.length);
  const scope = size < SCOPE_OFFSET + 4
    ? 0
    : new DataView(address.buffer, address.byteOffset)
      .getUint32(SCOPE_OFFSET, true);
  const hostname = decoder.decode(text.subarray(0, text.indexOf(0)));
  return scope === 0 ? hostname : `${hostname}%${scope}`;
}

/** An address in a message. */
export function formatAddress(address: AddressLike | SocketAddress): string {
  if ("path" in address) return describe(address.path);
  const hostname = String(address.hostname ?? "");
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${
    String(address.port)
  }`;
}
