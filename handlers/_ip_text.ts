const DOT = 0x2e;
const COLON = 0x3a;
const ZERO = 0x30;

/** How many bytes an address of IPv6 has. */
const IPV6_SIZE = 16;

/** How IPv6 writes an address of IPv4 (RFC 4291, section 2.5.5.2). */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** The text of an address of IPv4 that is written as one of IPv6, if it is one. */
export function mappedIPv4(text: string): string | undefined {
  return MAPPED.exec(text)?.[1];
}

/** An address of IPv6 without its zone (RFC 4007, section 11), if it has one. */
export function withoutZone(text: string): string {
  const end = text.indexOf("%");
  return end < 0 ? text : text.slice(0, end);
}

/**
 * The text of an IPv4 address of 4 bytes.
 *
 * @param at Where they begin.
 */
export function ipv4Text(bytes: Uint8Array, at = 0): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** The text of an IPv6 address of 16 bytes, as RFC 5952 has it. */
export function ipv6Text(bytes: Uint8Array): string {
  // Section 5: such an address is better known by its last part.
  if (isMapped(bytes)) return `::ffff:${ipv4Text(bytes, 12)}`;
  // Where the first of the longest runs of zeros is, and how long.
  let at = 8;
  let length = 1;
  for (let i = 0, run = 0; i < 8; i++) {
    run = groupOf(bytes, i) === 0 ? run + 1 : 0;
    if (run <= length) continue;
    length = run;
    at = i + 1 - run;
  }
  let text = "";
  for (let i = 0; i < 8; i++) {
    if (i === at) {
      text += "::";
      i += length - 1;
    } else {
      const separator = i === 0 || i === at + length ? "" : ":";
      text += separator + groupOf(bytes, i).toString(16);
    }
  }
  return text;
}

function groupOf(bytes: Uint8Array, i: number): number {
  return bytes[2 * i]! << 8 | bytes[2 * i + 1]!;
}

/** Whether 16 bytes are those of an address of IPv4, written as one of IPv6. */
export function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/**
 * The bytes of an IP address, 4 or 16.
 *
 * @returns `undefined` if it is none, or has a zone, which is another machine's.
 */
export function ipBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(text.includes(":") ? IPV6_SIZE : 4);
  const isAddress = bytes.length === 4
    ? readIPv4(text, bytes, 0)
    : readIPv6(text, bytes, 0);
  return isAddress ? bytes : undefined;
}

/**
 * Reads an IPv4 address in its one form: four numbers without leading zeros.
 *
 * @param text The address, from `from` on.
 * @param target Gets its 4 bytes, from `at` on; some of them if it is none.
 * @returns Whether it is one.
 */
export function readIPv4(
  text: string,
  target: Uint8Array,
  at: number,
  from = 0,
): boolean {
  const end = at + 4;
  let number = -1;
  for (let i = from; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (number < 0 || at === end) return false;
      target[at++] = number;
      number = -1;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || number === 0) return false;
    number = number < 0 ? digit : number * 10 + digit;
    if (number > 255) return false;
  }
  return at === end;
}

/**
 * Reads an IPv6 address (RFC 4291, section 2.2), without a zone.
 *
 * @param text The address.
 * @param target Gets its 16 bytes, from `at` on; some of them if it is none.
 * @returns Whether it is one.
 */
export function readIPv6(
  text: string,
  target: Uint8Array,
  at: number,
): boolean {
  const end = at + IPV6_SIZE;
  let next = at;
  /** Where `::` stands for zeros, if it has come. */
  let gap = text.startsWith("::") ? at : -1;
  let i = gap < 0 ? 0 : 2;
  while (i < text.length) {
    const start = i;
    let group = 0;
    for (let digit; (digit = digitOf(text.charCodeAt(i))) >= 0; i++) {
      if (i - start === 4) return false;
      group = group << 4 | digit;
    }
    if (text.charCodeAt(i) === DOT) {
      // The last 32 bits may be written as in IPv4.
      if (end - next < 4 || !readIPv4(text, target, next, start)) return false;
      next += 4;
      break;
    }
    if (i === start || next === end) return false;
    target[next++] = group >> 8;
    target[next++] = group & 0xff;
    if (i === text.length) break;
    if (text.charCodeAt(i++) !== COLON) return false;
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return false;
      gap = next;
      i++;
    } else if (i === text.length) return false;
  }
  if (gap < 0) return next === end;
  // It stands for one group at least.
  if (next === end) return false;
  const behind = end - (next - gap);
  target.copyWithin(behind, gap, next);
  target.fill(0, gap, behind);
  return true;
}

/** The value of a hexadecimal digit, or -1; also of the code of no character. */
function digitOf(code: number): number {
  if (code >= ZERO && code <= 0x39) return code - ZERO;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
