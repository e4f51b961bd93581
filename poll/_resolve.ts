import { describe } from "./_check.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "./constants_socket.ts";
import { libc } from "./_libc.ts";
import { Memory } from "./_memory.ts";
import { platform } from "./_platform.ts";
import {
  type AddressLike,
  checkPort,
  encodeIPv4,
  encodePath,
  parseIPv4,
  setPort,
} from "./_sockaddr.ts";

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
const ANSWER = ADDRINFO_SIZE;
const NAME = ANSWER + 8;

/** The longest name that DNS has; RFC 1035, 2.3.4. */
const NAME_MAX = 255;

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
  if (typeof address !== "object" || address === null) {
    throw new TypeError(
      `Cannot use ${
        describe(address)
      } as an address: it must be { hostname, port } or { path }`,
    );
  }
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

/** An IPv6 address needs no resolver. */
function numeric(query: Query): RawAddress[] | undefined {
  if (!query.hostname.includes(":")) return undefined;
  return lookUpSync(query, AI_NUMERICHOST);
}

function lookUpSync(query: Query, flags: number): RawAddress[] {
  const memory = prepare(query, flags);
  try {
    const { name, hints, answer } = pointers(memory);
    // All three are in `memory`, which lives until the answer is copied.
    return take(query, libc().getaddrinfo(name, null, hints, answer), memory);
  } finally {
    memory.free();
  }
}

async function lookUp(query: Query): Promise<RawAddress[]> {
  const memory = prepare(query, 0);
  try {
    const { name, hints, answer } = pointers(memory);
    // The thread has `memory` alone until the promise settles, then it is ours.
    const code = await libc().getaddrinfoOnThread(name, null, hints, answer);
    return take(query, code, memory);
  } finally {
    memory.free();
  }
}

function prepare(query: Query, flags: number): Memory {
  const name = new TextEncoder().encode(query.hostname);
  if (name.length > NAME_MAX) {
    throw new RangeError(
      `Cannot resolve ${
        describe(query.hostname)
      }: it is longer than ${NAME_MAX} bytes`,
    );
  }
  const memory = new Memory(NAME + name.length + 1);
  const hints = new DataView(memory.bytes.buffer);
  hints.setInt32(0, flags, true);
  hints.setInt32(4, query.family, true);
  hints.setInt32(8, query.type, true);
  memory.bytes.set(name, NAME);
  return memory;
}

function pointers(memory: Memory): Record<
  "name" | "hints" | "answer",
  Deno.PointerValue
> {
  return {
    hints: memory.pointer,
    answer: Deno.UnsafePointer.offset(memory.pointer, ANSWER),
    name: Deno.UnsafePointer.offset(memory.pointer, NAME),
  };
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
  const first = new Deno.UnsafePointerView(memory.pointer).getPointer(ANSWER);
  const found: RawAddress[] = [];
  // A list of libc's, valid until freeaddrinfo; every address is copied before.
  for (let at = first; at !== null;) {
    const info = new Deno.UnsafePointerView(at);
    const family = info.getInt32(4);
    const address = info.getPointer(ADDRESS);
    if (address !== null && (family === AF_INET || family === AF_INET6)) {
      const bytes = new Uint8Array(info.getUint32(ADDRESS_LENGTH));
      new Deno.UnsafePointerView(address).copyInto(bytes);
      setPort(bytes, query.port);
      found.push(bytes);
    }
    at = info.getPointer(NEXT);
  }
  libc().freeaddrinfo(first);
  return found;
}

function explain(code: number): string {
  const text = libc().gai_strerror(code);
  return text === null
    ? `error ${code}`
    : new Deno.UnsafePointerView(text).getCString().toLowerCase();
}
