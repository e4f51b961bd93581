import { ask, askSync, type RawAddress, type RawInfo } from "./_addrinfo.ts";
import { describe } from "./_check.ts";
import {
  AF_INET6,
  AF_UNIX,
  AI_NUMERICHOST,
  SOCK_DGRAM,
} from "./constants_socket.ts";
import { checkOptions } from "./_options.ts";
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

export type { RawAddress };

/** What an address is for: without a hostname, any to bind, this machine to connect. */
export type Purpose = "bind" | "connect";

interface Query {
  readonly family: number;
  readonly type: number;
  readonly hostname: string;
  readonly port: number;
}

/** AF_UNSPEC: any family. */
const ANY_FAMILY = 0;

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
  checkHostname(hostname);
  const ipv4 = family === AF_INET6 ? undefined : parseIPv4(hostname);
  if (ipv4 !== undefined) return encodeIPv4(ipv4, port);
  return { family, type, hostname, port };
}

/** @throws {TypeError} If it is no name that could be looked up. */
export function checkHostname(hostname: string): void {
  if (typeof hostname === "string" && isName(hostname)) return;
  throw new TypeError(
    `Cannot use ${
      describe(hostname)
    } as a hostname: it must be a name or an IP address`,
  );
}

/**
 * Whether the resolver would be asked for this very text: C's ends at a NUL, and
 * what is half a character would become another one.
 */
export function isName(text: string): boolean {
  return text !== "" && !text.includes("\0") && text.isWellFormed();
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
  return withPort(query, askSync({ ...query, ...HINTS, flags }));
}

async function lookUp(query: Query): Promise<RawAddress[]> {
  return withPort(query, await ask({ ...query, ...HINTS, flags: 0 }));
}

/** The port is known, so no service is asked for. */
const HINTS = { protocol: 0, service: null };

function withPort({ port }: Query, infos: readonly RawInfo[]): RawAddress[] {
  for (const { address } of infos) setPort(address, port);
  return infos.map(({ address }) => address);
}
