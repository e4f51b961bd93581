import { isIPv4, isIPv6 } from "node:net";
import type { ProxyHeader } from "../../handlers/proxy_header.ts";
import { ipBytes, ipv6Text } from "../_core/ip_text.ts";
import { malformed } from "./malformed.ts";

/** How each begins, in text. */
export const SIGNATURE_V1: Uint8Array = new TextEncoder().encode("PROXY ");

/** The longest line, its ending included, in bytes. */
const LONGEST_LINE = 107;

const CR = 0x0d;
const LF = 0x0a;
const LARGEST_PORT = 65_535;

/** Printable characters alone: the line goes into errors and logs. */
const PRINTABLE = /^[ -~]*$/;
const KNOWN = /^PROXY (TCP4|TCP6) ([^ ]+) ([^ ]+) (\d{1,5}) (\d{1,5})$/;

const decoder = new TextDecoder("latin1");

/**
 * Reads a line of version 1 that begins with `SIGNATURE_V1`.
 *
 * @param bytes What has come.
 * @returns The header and its length; `undefined` if more has to come.
 * @throws {Deno.errors.InvalidData} If it breaks the protocol.
 */
export function readV1(
  bytes: Uint8Array,
): { readonly header: ProxyHeader; readonly length: number } | undefined {
  const end = bytes.indexOf(LF);
  if (end < 0 && bytes.length < LONGEST_LINE) return undefined;
  if (end < 0 || end >= LONGEST_LINE) {
    throw malformed(`its line is longer than ${LONGEST_LINE} bytes`);
  }
  if (bytes[end - 1] !== CR) throw malformed("its line does not end in CRLF");
  const line = decoder.decode(bytes.subarray(0, end - 1));
  return { header: parseLine(line), length: end + 1 };
}

function parseLine(line: string): ProxyHeader {
  if (!PRINTABLE.test(line)) {
    throw malformed("its line has characters that are not printable");
  }
  // Whatever follows that word is to be ignored.
  if (/^PROXY UNKNOWN( |$)/.test(line)) {
    return {
      ...{ version: 1, command: "PROXY", tlvs: {} },
      ...{ source: undefined, destination: undefined },
    };
  }
  const [, family, source, destination, from, to] = KNOWN.exec(line) ?? [];
  const isAddress = family === "TCP4" ? isIPv4 : isPlainIPv6;
  if (
    source === undefined || destination === undefined || !isAddress(source) ||
    !isAddress(destination) || !isPort(from) || !isPort(to)
  ) throw malformed(`${JSON.stringify(line)} is no line of version 1`);
  return {
    ...{ version: 1, command: "PROXY", tlvs: {} },
    source: addressOf(source, from!),
    destination: addressOf(destination, to!),
  };
}

function addressOf(hostname: string, port: string): Deno.NetAddr {
  return {
    transport: "tcp",
    // One address of IPv6 can be written in many ways, and is told in one.
    hostname: hostname.includes(":") ? ipv6Text(ipBytes(hostname)!) : hostname,
    port: Number(port),
  };
}

/** Whether it has no zone: that is a number of another machine's. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes("%");
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && /^(0|[1-9]\d*)$/.test(text) &&
    Number(text) <= LARGEST_PORT;
}
