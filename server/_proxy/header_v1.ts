import type { ProxyHeader } from "../../handlers/proxy_header.ts";
import { ipv6Text, readIPv4, readIPv6 } from "../../handlers/_ip_text.ts";
import { malformed } from "./malformed.ts";

/** How each begins, in text. */
export const SIGNATURE_V1: Uint8Array = new TextEncoder().encode("PROXY ");

/** The longest line, its ending included, in bytes. */
const LONGEST_LINE = 107;

const CR = 0x0d;
const LF = 0x0a;
const LARGEST_PORT = 65_535;

/** Whatever follows that word is to be ignored. */
const UNKNOWN = /^PROXY UNKNOWN(?: |$)/;
/** Printable characters alone: the line goes into errors and logs. */
const PRINTABLE = /^[ -~]*$/;
const KNOWN = /^PROXY (TCP4|TCP6) ([^ ]+) ([^ ]+) (\d{1,5}) (\d{1,5})$/;

// What is no UTF-8 is not printable either.
const decoder = new TextDecoder();

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
  const found = KNOWN.exec(line);
  if (found !== null) {
    const isIPv6 = found[1] === "TCP6";
    const source = addressOf(isIPv6, found[2]!, found[4]!);
    const destination = addressOf(isIPv6, found[3]!, found[5]!);
    if (source !== undefined && destination !== undefined) {
      return { version: 1, command: "PROXY", source, destination, tlvs: {} };
    }
  }
  if (UNKNOWN.test(line)) {
    return {
      ...{ version: 1, command: "PROXY", tlvs: {} },
      ...{ source: undefined, destination: undefined },
    };
  }
  if (!PRINTABLE.test(line)) {
    throw malformed("its line has characters that are not printable");
  }
  throw malformed(`${JSON.stringify(line)} is no line of version 1`);
}

/** Where an address is read that is written in one of many ways. */
const ipv6 = new Uint8Array(16);
const ipv4 = new Uint8Array(4);

function addressOf(
  isIPv6: boolean,
  text: string,
  port: string,
): Deno.NetAddr | undefined {
  // A zone would be a number of another machine's, and is none of an address.
  const isAddress = isIPv6 ? readIPv6(text, ipv6, 0) : readIPv4(text, ipv4, 0);
  if (!isAddress || !isPort(port)) return undefined;
  const hostname = isIPv6 ? ipv6Text(ipv6) : text;
  return { transport: "tcp", hostname, port: Number(port) };
}

/** Whether up to five digits are a port: they have no zero before them. */
function isPort(digits: string): boolean {
  return (digits === "0" || !digits.startsWith("0")) &&
    Number(digits) <= LARGEST_PORT;
}
