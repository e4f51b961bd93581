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
  const [family, protocol] = [how >> 4, how & 0x0f];
  if (protocol > PROTOCOL.DGRAM || family > FAMILY.UNIX) {
    throw malformed(`0x${how.toString(16)} is no family and protocol`);
  }
  const isStream = protocol === PROTOCOL.STREAM;
  const of = (size: number, portSize: number, read: AddressReader) => {
    const needed = 2 * (size + portSize);
    if (whole.length < HEAD_SIZE + needed) {
      throw malformed(
        `it has ${whole.length - HEAD_SIZE} bytes for addresses of ${needed}`,
      );
    }
    const portsAt = HEAD_SIZE + 2 * size;
    const address = (i: number) =>
      read(
        whole.subarray(HEAD_SIZE + i * size, HEAD_SIZE + (i + 1) * size),
        whole[portsAt + i * portSize]! * 256 +
          whole[portsAt + i * portSize + 1]!,
      );
    // Where the protocol is not said, the addresses are to be ignored.
    return protocol === PROTOCOL.UNSPEC
      ? { source: undefined, destination: undefined, size: needed }
      : { source: address(0), destination: address(1), size: needed };
  };
  const transport = isStream ? "tcp" : "udp";
  switch (family) {
    case FAMILY.INET:
      return of(ADDRESS_SIZE.INET, PORT_SIZE, (bytes, port) => ({
        ...{ transport, hostname: ipv4Text(bytes), port },
      }));
    case FAMILY.INET6:
      return of(ADDRESS_SIZE.INET6, PORT_SIZE, (bytes, port) => ({
        ...{ transport, hostname: ipv6Text(bytes), port },
      }));
    case FAMILY.UNIX:
      return of(ADDRESS_SIZE.UNIX, 0, (bytes) => ({
        transport: isStream ? "unix" : "unixpacket",
        path: unixPath(bytes),
      }));
    default:
      return { source: undefined, destination: undefined, size: undefined };
  }
}

type AddressReader = (bytes: Uint8Array, port: number) => ProxyAddress;

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
