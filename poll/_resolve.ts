import { describe, usize } from "./_check.ts";
import { AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM } from "./constants_socket.ts";
import { libc } from "./_libc.ts";
import { checkOptions } from "./_options.ts";
import { Memory, readText } from "./_memory.ts";
import { platform } from "./_platform.ts";
import {
  type AddressLike,
  checkPort,
  encodeIPv4,
  encodePath,
  parseIPv4,
  setPort,
} from "./_sockaddr.ts";
import type { Deadline } from "./_timeout.ts";

/**
 * Names to addresses, by getaddrinfo(3): /etc/hosts and all else that the
 * system is set to ask, as `Deno.connect` does.
 */

/** An address as C has it. */
export type RawAddress = Uint8Array<ArrayBuffer>;

/** What an address is for: without a hostname, any to bind, this machine to connect. */
export type Purpose = "bind" | "connect";

interface Query {
  readonly family: number;
  readonly type: number;
  readonly hostname: string;
  readonly port: number;
}

// struct addrinfo: four ints, then the length and two pointers, which Linux
// and macOS have in another order; netdb.h of glibc, musl and xnu.
const ADDRINFO_SIZE = 48;
const ADDRESS_LENGTH = 16;
const ADDRESS = platform === "darwin" ? 32 : 24;
const NEXT = 40;
const AI_NUMERICHOST = 0x4;

/** Where the pointer to the answer and the name are in the memory of a query. */
const ANSWER = BigInt(ADDRINFO_SIZE);
const NAME = ANSWER + 8n;

/** AF_UNSPEC: any family. */
const ANY_FAMILY = 0;

/** The longest name that DNS has; RFC 1035, 2.3.4. */
const NAME_MAX = 255;

const NETWORK = ["hostname", "port"];
const UNIX = ["path"];

/**
 * @throws {TypeError} If it is no address at all, or has what does not belong to
 * it: a hostname that is misspelt would mean every one.
 */
export function checkAddress(address: AddressLike): void {
  if (typeof address !== "object" || address === null) {
    throw new TypeError(
      `Cannot use ${
        describe(address)
      } as an address: it must be { hostname, port } or { path }`,
    );
  }
  const unix = "path" in address;
  for (const name in address) {
    // Deno's addresses have it, and the socket knows better.
    if (name === "transport") continue;
    if (unix ? name === "path" : name === "hostname" || name === "port") {
      continue;
    }
    checkOptions({ [name]: true }, unix ? UNIX : NETWORK, "use an address");
  }
}

/**
 * The family to look an address up in.
 *
 * @throws {TypeError} If it is no address at all.
 */
export function familyOf(address: AddressLike): number {
  checkAddress(address);
  return "path" in address ? AF_UNIX : ANY_FAMILY;
}

/**
 * What an address is without asking anybody: `undefined` where there is a name
 * to resolve.
 *
 * @throws {TypeError} If it is not an address of this family.
 */
function known(
  address: AddressLike,
  family: number,
  type: number,
  purpose: Purpose,
): RawAddress | Query {
  checkAddress(address);
  if (family === AF_UNIX) {
    if (!("path" in address)) {
      throw new TypeError(
        "Cannot use a network address with a Unix socket: give { path }",
      );
    }
    return encodePath(address.path);
  }
  if ("path" in address) {
    throw new TypeError(
      "Cannot use a path with a network socket: give { hostname, port }",
    );
  }
  const port = checkPort(address.port);
  const any = purpose === "bind";
  const hostname = address.hostname ??
    (family === AF_INET6 ? any ? "::" : "::1" : any ? "0.0.0.0" : "127.0.0.1");
  if (
    typeof hostname !== "string" || hostname === "" || hostname.includes("\0")
  ) {
    throw new TypeError(
      `Cannot use ${
        describe(hostname)
      } as a hostname: it must be a name or an IP address`,
    );
  }
  const ipv4 = family === AF_INET6 ? undefined : parseIPv4(hostname);
  if (ipv4 !== undefined) return encodeIPv4(ipv4, port);
  return { family, type, hostname, port };
}

/** The addresses of `address`, waiting for the resolver. At least one. */
export function resolveSync(
  address: AddressLike,
  family: number,
  type: number,
  purpose: Purpose,
): RawAddress[] {
  const found = known(address, family, type, purpose);
  if (found instanceof Uint8Array) return [found];
  return numeric(found) ?? lookUpSync(found, 0);
}

/** The addresses of `address`, of whatever families they are. */
export function encodeAddresses(address: AddressLike): RawAddress[] {
  return resolveSync(address, familyOf(address), SOCK_DGRAM, "connect");
}

/** The addresses of `address`; a name is resolved on another thread. */
export async function resolve(
  address: AddressLike,
  family: number,
  type: number,
  purpose: Purpose,
): Promise<RawAddress[]> {
  const found = known(address, family, type, purpose);
  if (found instanceof Uint8Array) return [found];
  return numeric(found) ?? await lookUp(found);
}

/** Waits for a lookup, which goes on in its thread when time is up. */
export async function within<T>(
  lookup: Promise<T>,
  deadline: Deadline,
  signal: AbortSignal | undefined,
  expired: () => Error,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expire = () => {
    if (deadline.passed) reject(expired());
    else timer = setTimeout(expire, deadline.left);
  };
  const abort = () => reject(signal?.reason);
  if (deadline.left >= 0) expire();
  signal?.addEventListener("abort", abort);
  try {
    return await Promise.race([lookup, promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** An IPv6 address needs no resolver. */
function numeric(query: Query): RawAddress[] | undefined {
  if (!query.hostname.includes(":")) return undefined;
  return lookUpSync(query, AI_NUMERICHOST);
}

function lookUpSync(query: Query, flags: number): RawAddress[] {
  const memory = prepare(query, flags);
  try {
    const { address } = memory;
    // All three are in `memory`, which lives until the answer is copied.
    const code = libc().getaddrinfo(
      address + NAME,
      0n,
      address,
      address + ANSWER,
    );
    return take(query, code, memory);
  } finally {
    memory.free();
  }
}

async function lookUp(query: Query): Promise<RawAddress[]> {
  const memory = prepare(query, 0);
  try {
    const { address } = memory;
    // The thread has `memory` alone until the promise settles, then it is ours.
    const code = await libc().getaddrinfoOnThread(
      address + NAME,
      0n,
      address,
      address + ANSWER,
    );
    return take(query, code, memory);
  } finally {
    memory.free();
  }
}

/** The query in C's memory: the hints, room for the answer, the name. */
function prepare(query: Query, flags: number): Memory {
  const name = new TextEncoder().encode(query.hostname);
  if (name.length > NAME_MAX) {
    throw new RangeError(
      `Cannot resolve ${
        describe(query.hostname)
      }: it is longer than ${NAME_MAX} bytes`,
    );
  }
  const bytes = new Uint8Array(Number(NAME) + name.length + 1);
  const hints = new DataView(bytes.buffer);
  hints.setInt32(0, flags, true);
  hints.setInt32(4, query.family, true);
  hints.setInt32(8, query.type, true);
  bytes.set(name, Number(NAME));
  const memory = new Memory(bytes.length);
  memory.write(bytes);
  return memory;
}

function take(query: Query, code: number, memory: Memory): RawAddress[] {
  if (code !== 0) {
    throw Object.assign(
      new Deno.errors.NotFound(
        `Cannot resolve ${describe(query.hostname)}: ${explain(code)}`,
      ),
      { code: "ENOTFOUND" },
    );
  }
  const answer = new Uint8Array(Number(NAME));
  memory.read(answer);
  const first = new DataView(answer.buffer).getBigUint64(Number(ANSWER), true);
  const found: RawAddress[] = [];
  const bytes = new Uint8Array(ADDRINFO_SIZE);
  const info = new DataView(bytes.buffer);
  for (let at = first; at !== 0n; at = info.getBigUint64(NEXT, true)) {
    // A list of libc's, valid until freeaddrinfo(3): `struct addrinfo`, and in
    // it the length and the place of an address.
    libc().memcpyFrom(bytes, at, usize(ADDRINFO_SIZE));
    const family = info.getInt32(4, true);
    if (family !== AF_INET && family !== AF_INET6) continue;
    const address = new Uint8Array(info.getUint32(ADDRESS_LENGTH, true));
    libc().memcpyFrom(
      address,
      info.getBigUint64(ADDRESS, true),
      usize(address.length),
    );
    setPort(address, query.port);
    found.push(address);
  }
  libc().freeaddrinfo(first);
  return found;
}

function explain(code: number): string {
  return readText(libc().gai_strerror(code)).toLowerCase() || `error ${code}`;
}
