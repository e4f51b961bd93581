import { checkKeys } from "../handlers/_known_keys.ts";
import { crc32c } from "./_proxy/crc32c.ts";
import { encodeTLVs, joined, tlv } from "./_proxy/encode_tlvs.ts";
import {
  ADDRESS_SIZE,
  COMMAND,
  FAMILY,
  PROTOCOL,
  SIGNATURE_V2,
  VERSION,
} from "./_proxy/header_v2.ts";
import { ipBytes, ipv4Text, ipv6Text } from "../handlers/_ip_text.ts";
import { CHECKSUM_SIZE, TYPE } from "./_proxy/tlvs.ts";
import type { ProxyAddress, ProxyTLVs } from "../handlers/proxy_header.ts";

/** What {@linkcode encodeProxyHeader} is to say. */
export interface ProxyHeaderOptions {
  /**
   * 1 for the line of text, 2 for the binary header.
   *
   * @default {2}
   */
  readonly version?: 1 | 2;
  /**
   * `"LOCAL"` where the sender speaks for itself, as in a health check. Version 1
   * says `UNKNOWN` then.
   *
   * @default {"PROXY"}
   */
  readonly command?: "PROXY" | "LOCAL";
  /** The client. Without it and `destination`, nobody is told of. */
  readonly source?: ProxyAddress;
  /** Where the client has connected to. It is of the same kind as `source`. */
  readonly destination?: ProxyAddress;
  /** What is said besides, in version 2. */
  readonly tlvs?: ProxyTLVs;
  /**
   * Whether version 2 carries a CRC32c of the header, which receivers check.
   *
   * @default {false}
   */
  readonly checksum?: boolean;
}

const NAMES = [
  ...["version", "command", "source", "destination"],
  ...["tlvs", "checksum"],
];

/** The longest header of version 2, in bytes: the length of the rest has 16 bits. */
const LONGEST_REST = 0xffff;

const TRANSPORTS: readonly string[] = ["tcp", "udp", "unix", "unixpacket"];

const encoder = new TextEncoder();

/**
 * Makes a header of the PROXY protocol (haproxy's proxy-protocol.txt), by which
 * one who forwards a connection tells whose it is. It is sent before all else, and
 * once.
 *
 * @param options What it is to say.
 * @returns The bytes.
 * @throws {RangeError} If a port, or the length of something, is out of range.
 * @throws {TypeError} If an address is none, the two are of different kinds, or
 * version 1 cannot say something: it has addresses of TCP alone, and no TLVs.
 *
 * @example Forwarding a connection
 * ```ts
 * import { encodeProxyHeader } from "@wire/socketserver";
 * import { strictEqual } from "node:assert";
 *
 * const header = encodeProxyHeader({
 *   version: 1,
 *   source: { transport: "tcp", hostname: "192.0.2.1", port: 56324 },
 *   destination: { transport: "tcp", hostname: "192.0.2.2", port: 443 },
 * });
 * strictEqual(
 *   new TextDecoder().decode(header),
 *   "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n",
 * );
 * ```
 */
export function encodeProxyHeader(
  options: ProxyHeaderOptions,
): Uint8Array<ArrayBuffer> {
  checkKeys("option", options, NAMES, undefined, "encode a PROXY header");
  const { version = 2, command = "PROXY", source, destination } = options;
  if (version !== 1 && version !== 2) {
    throw cannot(`version must be 1 or 2, received ${Deno.inspect(version)}`);
  }
  if (command !== "PROXY" && command !== "LOCAL") {
    throw cannot(
      `command must be "PROXY" or "LOCAL", received ${Deno.inspect(command)}`,
    );
  }
  if ((source === undefined) !== (destination === undefined)) {
    throw cannot("source and destination must be given together");
  }
  const ends = command === "LOCAL" || source === undefined ||
      destination === undefined
    ? undefined
    : endsOf(source, destination);
  return version === 1 ? encodeV1(ends, options) : encodeV2(ends, options);
}

/** The two ends of a connection, as bytes and as text. */
interface Ends {
  readonly family: keyof typeof ADDRESS_SIZE;
  readonly isStream: boolean;
  readonly addresses: readonly Uint8Array[];
  readonly ports: readonly number[];
  readonly texts: readonly string[];
}

function endsOf(source: ProxyAddress, destination: ProxyAddress): Ends {
  const both = [source, destination];
  if (source.transport !== destination.transport) {
    throw cannot(
      `source is of ${source.transport} and destination of ${destination.transport}; they must be of the same`,
    );
  }
  if (!TRANSPORTS.includes(source.transport)) {
    throw cannot(
      `a header has no addresses of ${
        Deno.inspect(source.transport)
      }; known are ${TRANSPORTS.join(", ")}`,
    );
  }
  const isStream = source.transport === "tcp" || source.transport === "unix";
  if (source.transport === "unix" || source.transport === "unixpacket") {
    const paths = both.map((address) => (address as Deno.UnixAddr).path ?? "");
    return {
      ...{ family: "UNIX", isStream, ports: [], texts: paths },
      addresses: paths.map(pathBytes),
    };
  }
  const hosts = both as Deno.NetAddr[];
  const addresses = hosts.map(({ hostname }) => hostBytes(hostname));
  if (addresses[0]!.length !== addresses[1]!.length) {
    throw cannot(
      `${hosts[0]!.hostname} and ${
        hosts[1]!.hostname
      } are of different families; write an IPv4 address as ::ffff:192.0.2.1`,
    );
  }
  return {
    family: addresses[0]!.length === ADDRESS_SIZE.INET ? "INET" : "INET6",
    ...{ isStream, addresses },
    ports: hosts.map(({ port }) => checkedPort(port)),
    // The longest line has room for the shortest form (RFC 5952), and not for others.
    texts: addresses.map((bytes) =>
      bytes.length === ADDRESS_SIZE.INET ? ipv4Text(bytes) : ipv6Text(bytes)
    ),
  };
}

function encodeV1(
  ends: Ends | undefined,
  { tlvs = {}, checksum = false }: ProxyHeaderOptions,
): Uint8Array<ArrayBuffer> {
  if (checksum || Object.keys(tlvs).length > 0) {
    throw cannot("version 1 has no TLVs; use version 2");
  }
  if (ends === undefined) return encoder.encode("PROXY UNKNOWN\r\n");
  const { family, isStream, texts, ports } = ends;
  if (family === "UNIX" || !isStream) {
    throw cannot("version 1 has addresses of TCP alone; use version 2");
  }
  const name = family === "INET" ? "TCP4" : "TCP6";
  return encoder.encode(
    `PROXY ${name} ${texts.join(" ")} ${ports.join(" ")}\r\n`,
  );
}

function encodeV2(
  ends: Ends | undefined,
  options: ProxyHeaderOptions,
): Uint8Array<ArrayBuffer> {
  const { command = "PROXY", tlvs = {}, checksum = false } = options;
  const addresses = ends === undefined ? [] : [
    ...ends.addresses,
    ...ends.ports.map((port) => Uint8Array.of(port >> 8, port & 0xff)),
  ];
  if (ends === undefined && (checksum || Object.keys(tlvs).length > 0)) {
    throw cannot(
      "TLVs, a checksum among them, need addresses before them: give source and destination",
    );
  }
  const said = encodeTLVs(tlvs);
  const sum = checksum
    ? tlv(TYPE.CRC32C, new Uint8Array(CHECKSUM_SIZE))
    : new Uint8Array();
  const rest = joined([...addresses, said, sum]);
  if (rest.length > LONGEST_REST) {
    throw new RangeError(
      `Cannot encode a PROXY header: it has ${rest.length} bytes behind its head and may have ${LONGEST_REST}`,
    );
  }
  const how = ends === undefined ? 0 : FAMILY[ends.family] << 4 |
    (ends.isStream ? PROTOCOL.STREAM : PROTOCOL.DGRAM);
  const head = Uint8Array.of(
    VERSION | COMMAND[command],
    how,
    rest.length >> 8,
    rest.length & 0xff,
  );
  const header = joined([SIGNATURE_V2, head, rest]);
  if (sum.length > 0) {
    const from = header.length - CHECKSUM_SIZE;
    const value = crc32c(header, { from, to: header.length });
    new DataView(header.buffer).setUint32(from, value);
  }
  return header;
}

function hostBytes(hostname: string): Uint8Array {
  const bytes = ipBytes(hostname);
  if (bytes !== undefined) return bytes;
  throw cannot(
    `${
      Deno.inspect(hostname)
    } is no IP address; resolve names, and leave out zones`,
  );
}

function pathBytes(path: string): Uint8Array {
  const bytes = encoder.encode(path);
  if (bytes.length > ADDRESS_SIZE.UNIX) {
    throw new RangeError(
      `Cannot encode a PROXY header: a path has ${bytes.length} bytes and may have ${ADDRESS_SIZE.UNIX}`,
    );
  }
  return joined([bytes, new Uint8Array(ADDRESS_SIZE.UNIX - bytes.length)]);
}

function checkedPort(port: number): number {
  if (Number.isInteger(port) && port >= 0 && port <= 0xffff) return port;
  throw new RangeError(
    `Cannot encode a PROXY header: a port must be an integer from 0 to 65535, received ${
      Deno.inspect(port)
    }`,
  );
}

function cannot(why: string): TypeError {
  return new TypeError(`Cannot encode a PROXY header: ${why}`);
}
