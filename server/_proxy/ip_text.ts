import { isIPv4, isIPv6 } from "node:net";

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
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  if (!isIPv6(text) || text.includes("%")) return undefined;
  // The last 32 bits may be written as in IPv4.
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const hex = dotted === null ? text : dotted[1] + [
    Number(dotted[2]) * 256 + Number(dotted[3]),
    Number(dotted[4]) * 256 + Number(dotted[5]),
  ].map((group) => group.toString(16)).join(":");
  const [before = "", after] = hex.split("::");
  const groupsOf = (part: string) => part === "" ? [] : part.split(":");
  const first = groupsOf(before);
  const last = groupsOf(after ?? "");
  const zeros = after === undefined ? 0 : 8 - first.length - last.length;
  const groups = [...first, ...Array<string>(zeros).fill("0"), ...last];
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  groups.forEach((group, i) => view.setUint16(i * 2, parseInt(group, 16)));
  return bytes;
}
