import {
  ipBytes,
  isMapped,
  readIPv4,
  readIPv6,
  withoutZone,
} from "./_ip_text.ts";

/** What fails where the networks are an option of a server. */
const CREATE_SERVER = "create server";

/** How an address of IPv4 begins that is written as one of IPv6, in bits. */
const MAPPED_BITS = 96;

/** The addresses that have their first bits in common. */
interface Network {
  /** Its first address, of 4 or 16 bytes. */
  readonly first: Uint8Array;
  /** How many bits they have in common. */
  readonly bits: number;
}

/** Where the address that is looked for is written, so that nothing is allocated. */
const wanted4 = new Uint8Array(4);
const wanted6 = new Uint8Array(16);
const mappedBytes = wanted6.subarray(12);

/**
 * The bytes of a client's address, of IPv4 also where that is written as one of
 * IPv6. They are lent until the next call.
 *
 * @param hostname The address as the system writes it. Its zone is left out.
 * @returns `undefined` if it is no IP address.
 */
export function clientBytes(hostname: string): Uint8Array | undefined {
  if (!hostname.includes(":")) {
    return readIPv4(hostname, wanted4, 0) ? wanted4 : undefined;
  }
  if (!readIPv6(withoutZone(hostname), wanted6, 0)) return undefined;
  return isMapped(wanted6) ? mappedBytes : wanted6;
}

/**
 * A list of networks in CIDR (RFC 4632, section 3.1; RFC 4291, section 2.3).
 * Looking for an address takes as long as the logarithm of their number.
 */
export class Networks {
  /** In the order of their first addresses, none inside another. */
  readonly #ipv4: readonly Network[];
  readonly #ipv6: readonly Network[];

  /**
   * @param name The option that has them, for errors.
   * @param texts `"192.0.2.0/24"`, `"2001:db8::/32"`; an address without a length
   * is that address alone.
   * @param action What fails otherwise.
   * @throws {TypeError} If it is no list, or one of them is no network.
   */
  constructor(
    name: string,
    texts: readonly string[],
    action: string = CREATE_SERVER,
  ) {
    checkList(name, texts, action);
    const all = texts.map((text, i) => parse(`${name}[${i}]`, text, action));
    this.#ipv4 = outermost(all.filter(({ first }) => first.length === 4));
    this.#ipv6 = outermost(all.filter(({ first }) => first.length === 16));
  }

  /** Whether an address is in one of them: 4 or 16 bytes. */
  has(address: Uint8Array): boolean {
    const networks = address.length === 4 ? this.#ipv4 : this.#ipv6;
    let [low, high] = [0, networks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(networks[middle]!.first, address) <= 0) low = middle + 1;
      else high = middle;
    }
    const before = networks[low - 1];
    return before !== undefined && contains(before, address);
  }
}

/**
 * Checks a list of texts.
 *
 * @throws {TypeError} If it is none.
 */
export function checkList(
  name: string,
  texts: unknown,
  action: string = CREATE_SERVER,
): void {
  if (
    Array.isArray(texts) && texts.every((text) => typeof text === "string")
  ) return;
  throw new TypeError(
    `Cannot ${action}: ${name} must be a list of networks such as "192.0.2.0/24", received ${
      Deno.inspect(texts)
    }`,
  );
}

function parse(name: string, text: string, action: string): Network {
  const [, address = "", length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const first = ipBytes(address);
  const most = first === undefined ? 0 : 8 * first.length;
  const bits = length === undefined ? most : Number(length);
  if (first === undefined || bits > most) {
    throw refusal(
      action,
      name,
      text,
      'is no network; write it as "192.0.2.0/24" or "2001:db8::/32", and without a zone',
    );
  }
  const isFirst = first.every((byte, i) => (byte & ~maskOf(bits, i)) === 0);
  if (!isFirst) {
    throw refusal(
      action,
      name,
      text,
      `has more than ${bits} bits; leave out the length, or set the rest to 0`,
    );
  }
  return most === 128 ? unmapped({ first, bits }) : { first, bits };
}

function refusal(
  action: string,
  name: string,
  text: string,
  why: string,
): TypeError {
  return new TypeError(
    `Cannot ${action}: ${name}, ${JSON.stringify(text)}, ${why}`,
  );
}

/** A network of IPv4 that is written as one of IPv6, as what it is. */
function unmapped(network: Network): Network {
  const { first, bits } = network;
  return bits >= MAPPED_BITS && isMapped(first)
    ? { first: first.slice(12), bits: bits - MAPPED_BITS }
    : network;
}

/** Sorts them, and leaves out those that are inside others. */
function outermost(networks: readonly Network[]): readonly Network[] {
  const sorted = networks.toSorted((a, b) =>
    compare(a.first, b.first) || a.bits - b.bits
  );
  const kept: Network[] = [];
  for (const network of sorted) {
    const last = kept.at(-1);
    if (last === undefined || !contains(last, network.first)) {
      kept.push(network);
    }
  }
  return kept;
}

function contains({ first, bits }: Network, address: Uint8Array): boolean {
  const bytes = Math.ceil(bits / 8);
  for (let i = 0; i < bytes; i++) {
    if (((first[i]! ^ address[i]!) & maskOf(bits, i)) !== 0) return false;
  }
  return true;
}

/** Which bits of a byte are among the first so many of all bytes. */
function maskOf(bits: number, byte: number): number {
  const inside = Math.min(8, Math.max(0, bits - 8 * byte));
  return 0xff00 >> inside & 0xff;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
