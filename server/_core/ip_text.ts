import { isIPv4, isIPv6 } from "node:net";

const DOT = 0x2e;
const ZERO = 0x30;

/** How IPv6 writes an address of IPv4 (RFC 4291, section 2.5.5.2). */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** The text of an address of IPv4 that is written as one of IPv6, if it is one. */
export function mappedIPv4(text: string): string | undefined {
  return MAPPED.exec(text)?.[1];
}

/** The text of an IPv4 address of 4 bytes. */
export function ipv4Text(bytes: Uint8Array): string {
  return bytes.join(".");
}

/** The text of an IPv6 address of 16 bytes, as RFC 5952 has it. */
export function ipv6Text(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isMapped = view.getUint32(0) === 0 && view.getUint32(4) === 0 &&
    view.getUint32(8) === 0xffff;
  // Section 5: such an address is better known by its last part.
  if (isMapped) return `::ffff:${ipv4Text(bytes.subarray(12))}`;
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(i * 2));
  const { at, length } = longestZeros(groups);
  const text = (part: readonly number[]) =>
    part.map((group) => group.toString(16)).join(":");
  return length < 2
    ? text(groups)
    : `${text(groups.slice(0, at))}::${text(groups.slice(at + length))}`;
}

/** Where the first of the longest runs of zeros is. */
function longestZeros(
  groups: readonly number[],
): { at: number; length: number } {
  let longest = { at: 0, length: 0 };
  for (let at = 0; at < groups.length; at++) {
    let length = 0;
    while (groups[at + length] === 0) length++;
    if (length > longest.length) longest = { at, length };
  }
  return longest;
}

/**
 * The bytes of an IP address, 4 or 16.
 *
 * @returns `undefined` if it is none, or has a zone, which is another machine's.
 */
export function ipBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (isIPv4(text)) {
    const bytes = new Uint8Array(4);
    writeIPv4(text, bytes, 0);
    return bytes;
  }
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const bytes = new Uint8Array(16);
  writeIPv6(text, bytes, 0);
  return bytes;
}

/**
 * Writes the 4 bytes of an IPv4 address, without an allocation.
 *
 * @param text The address, which is one.
 */
export function writeIPv4(text: string, target: Uint8Array, at: number): void {
  let number = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      target[at++] = number;
      number = 0;
    } else number = number * 10 + code - ZERO;
  }
  target[at] = number;
}

/**
 * Writes the 16 bytes of an IPv6 address (RFC 4291, section 2.2).
 *
 * @param text The address, which is one. Its zone is left out.
 */
export function writeIPv6(text: string, target: Uint8Array, at: number): void {
  const [before, after] = text.replace(/%.*$/, "").split("::");
  const parts = (part: string | undefined) =>
    part === undefined || part === ""
      ? []
      : part.split(":").flatMap((group) =>
        group.includes(".") ? partsOfIPv4(group) : [parseInt(group, 16)]
      );
  const head = parts(before);
  const tail = parts(after);
  const zeros = Array(Math.max(0, 8 - head.length - tail.length)).fill(0);
  for (const part of [...head, ...zeros, ...tail].slice(0, 8)) {
    target[at++] = part >> 8;
    target[at++] = part;
  }
}

/** The last 32 bits may be written as in IPv4. */
function partsOfIPv4(text: string): number[] {
  const bytes = new Uint8Array(4);
  writeIPv4(text, bytes, 0);
  return [bytes[0]! << 8 | bytes[1]!, bytes[2]! << 8 | bytes[3]!];
}
