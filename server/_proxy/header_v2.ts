import type { ProxyAddress, ProxyHeader } from "../../handlers/proxy_header.ts";
import { crc32c } from "./crc32c.ts";
import { ipv4Text, ipv6Text } from "../../handlers/_ip_text.ts";
import { malformed } from "./malformed.ts";
import { CHECKSUM_SIZE, readTLVs } from "./tlvs.ts";

/** How each begins. */
// deno-fmt-ignore
export const SIGNATURE_V2: Uint8Array = Uint8Array.of(
  0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
);

/** What comes before the addresses, in bytes. */
export const HEAD_SIZE = 16;
/** The version, in the upper half of the byte behind the signature. */
export const VERSION = 0x20;
export const COMMAND = { LOCAL: 0x0, PROXY: 0x1 } as const;
export const FAMILY = {
  UNSPEC: 0x0,
  INET: 0x1,
  INET6: 0x2,
  UNIX: 0x3,
} as const;
export const PROTOCOL = { UNSPEC: 0x0, STREAM: 0x1, DGRAM: 0x2 } as const;
/** How long the address of a family is, its port not included, in bytes. */
export const ADDRESS_SIZE = { INET: 4, INET6: 16, UNIX: 108 } as const;
export const PORT_SIZE = 2;

const decoder = new TextDecoder();

/** How long a header of version 2 says that it is, once its head has come. */
export function lengthOfV2(bytes: Uint8Array): number {
  return HEAD_SIZE + bytes[14]! * 256 + bytes[15]!;
}

/**
 * Reads a header of version 2 that begins with `SIGNATURE_V2`.
 *
 * @param bytes What has come.
 * @param maxLength The longest that is taken, in bytes.
 * @returns The header and its length; `undefined` if more has to come.
 * @throws {Deno.errors.InvalidData} If it breaks the protocol, or is longer.
 */
export function readV2(
  bytes: Uint8Array,
  maxLength: number,
): { readonly header: ProxyHeader; readonly length: number } | undefined {
  if (bytes.length < HEAD_SIZE) return undefined;
  const [kind, how] = [bytes[12]!, bytes[13]!];
  const length = lengthOfV2(bytes);
  if ((kind & 0xf0) !== VERSION) {
    throw malformed(`its version is ${kind >> 4}; 1 and 2 are known`);
  }
  const command = kind & 0x0f;
  if (command !== COMMAND.LOCAL && command !== COMMAND.PROXY) {
    throw malformed(`its command is ${command}; LOCAL is 0, PROXY is 1`);
  }
  if (length > maxLength) {
    throw malformed(`it has ${length} bytes; maxLength allows ${maxLength}`);
  }
  if (bytes.length < length) return undefined;
  const whole = bytes.subarray(0, length);
  const header = command === COMMAND.LOCAL
    // All the rest of it is to be thrown away.
    ? {
      ...{ version: 2, command: "LOCAL", tlvs: {} } as const,
      ...{ source: undefined, destination: undefined },
    }
    : readProxied(whole, how);
  return { header, length };
}

function readProxied(whole: Uint8Array, how: number): ProxyHeader {
  const { source, destination, size } = readAddresses(whole, how);
  const { tlvs, checksumAt } = size === undefined
    ? readAnyTLVs(whole)
    : readTLVs(whole, HEAD_SIZE + size);
  if (checksumAt !== undefined) checkSum(whole, checksumAt);
  return { version: 2, command: "PROXY", source, destination, tlvs };
}

/**
 * Reads what is behind the head where no family is said, if it is TLVs as a whole.
 * HAProxy puts no address there (its PP2_ADDR_LEN_UNSPEC is 0). Others may: nobody
 * says how long that is, and the protocol has it ignored. So what is no TLVs is no
 * fault, and where it is TLVs, a checksum among them is verified.
 */
function readAnyTLVs(whole: Uint8Array): ReturnType<typeof readTLVs> {
  try {
    return readTLVs(whole, HEAD_SIZE);
  } catch {
    return { tlvs: {}, checksumAt: undefined };
  }
}

interface Addresses {
  readonly source: ProxyAddress | undefined;
  readonly destination: ProxyAddress | undefined;
  /** How many bytes they take, if that is known. */
  readonly size: number | undefined;
}

function readAddresses(whole: Uint8Array, how: number): Addresses {
  const family = how >> 4;
  const protocol = how & 0x0f;
  if (protocol > PROTOCOL.DGRAM || family > FAMILY.UNIX) {
    throw malformed(`0x${how.toString(16)} is no family and protocol`);
  }
  const unknown = { source: undefined, destination: undefined };
  if (family === FAMILY.UNSPEC) return { ...unknown, size: undefined };
  const there = whole.length - HEAD_SIZE;
  const size = sizeOfTwo(family);
  if (there < size) {
    throw malformed(`it has ${there} bytes for addresses of ${size}`);
  }
  // Where the protocol is not said, the addresses are to be ignored.
  if (protocol === PROTOCOL.UNSPEC) return { ...unknown, size };
  const isStream = protocol === PROTOCOL.STREAM;
  return {
    source: readAddress(whole, family, isStream, 0),
    destination: readAddress(whole, family, isStream, 1),
    size,
  };
}

/** How long two addresses of a family are, their ports included, in bytes. */
function sizeOfTwo(family: number): number {
  if (family === FAMILY.UNIX) return 2 * ADDRESS_SIZE.UNIX;
  return 2 * (ipSize(family) + PORT_SIZE);
}

function ipSize(family: number): number {
  return family === FAMILY.INET ? ADDRESS_SIZE.INET : ADDRESS_SIZE.INET6;
}

/** Reads the first or the second address; the ports are behind both. */
function readAddress(
  whole: Uint8Array,
  family: number,
  isStream: boolean,
  index: 0 | 1,
): ProxyAddress {
  if (family === FAMILY.UNIX) {
    const transport = isStream ? "unix" : "unixpacket";
    const at = HEAD_SIZE + index * ADDRESS_SIZE.UNIX;
    const path = unixPath(whole.subarray(at, at + ADDRESS_SIZE.UNIX));
    return { transport, path };
  }
  const transport = isStream ? "tcp" : "udp";
  const size = ipSize(family);
  const at = HEAD_SIZE + index * size;
  const hostname = family === FAMILY.INET
    ? ipv4Text(whole, at)
    : ipv6Text(whole.subarray(at, at + size));
  const portAt = HEAD_SIZE + 2 * size + index * PORT_SIZE;
  const port = whole[portAt]! * 256 + whole[portAt + 1]!;
  return { transport, hostname, port };
}

/** A path ends at its first zero, unless it begins with one: unix(7). */
function unixPath(bytes: Uint8Array): string {
  const end = bytes.indexOf(0, 1);
  const path = decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
  return path === "\0" ? "" : path;
}

function checkSum(whole: Uint8Array, at: number): void {
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const sum = crc32c(whole, { from: at, to: at + CHECKSUM_SIZE });
  if (view.getUint32(at) === sum) return;
  throw malformed("its checksum is wrong");
}
