import { ask, askSync, type Question, type RawInfo } from "./_addrinfo.ts";
import { describe, INT_MAX, integer } from "./_check.ts";
import * as constants from "./constants_socket.ts";
import { checkOptions, checkSignal, type WaitOptions } from "./_options.ts";
import { checkHostname, isName, within } from "./_resolve.ts";
import { checkPort, decodeAddress, type SocketAddress } from "./_sockaddr.ts";
import { Deadline } from "./_timeout.ts";

/** Options of {@linkcode getaddrinfoSync}. */
export interface GetaddrinfoSyncOptions {
  /**
   * `AF_INET` or `AF_INET6`; 0 for both.
   *
   * @default {0}
   */
  readonly family?: number;
  /**
   * `SOCK_STREAM` or `SOCK_DGRAM`; 0 for all, which lists each address for each.
   *
   * @default {0}
   */
  readonly type?: number;
  /**
   * As `IPPROTO_TCP`; 0 for all.
   *
   * @default {0}
   */
  readonly protocol?: number;
  /**
   * As `AI_PASSIVE`.
   *
   * @default {0}
   */
  readonly flags?: number;
}

/** Options of {@linkcode getaddrinfo}. */
export interface GetaddrinfoOptions
  extends GetaddrinfoSyncOptions, WaitOptions {}

/** An address that was found; {@linkcode getaddrinfo}. */
export interface AddressInfo {
  /** `AF_INET` or `AF_INET6`. */
  readonly family: number;
  /** As `SOCK_STREAM`. */
  readonly type: number;
  /** As `IPPROTO_TCP`. */
  readonly protocol: number;
  /** The name's canonical form, of the first with `AI_CANONNAME`; else empty. */
  readonly canonicalName: string;
  /** The address, for `connect`, `bind` and `sendTo`. */
  readonly address: SocketAddress;
}

const ACTION = "resolve a name";
const SYNC_OPTIONS = ["family", "type", "protocol", "flags"];
const OPTIONS = [...SYNC_OPTIONS, "signal"];

const FLAGS = Object.entries(constants)
  .filter(([name]) => name.startsWith("AI_"));
const KNOWN_FLAGS = FLAGS.reduce((all, [, flag]) => all | flag, 0);

/**
 * The addresses of a name, as Python's `socket.getaddrinfo`; getaddrinfo(3):
 * `/etc/hosts`, DNS and all else that the system is set to ask. It waits on
 * another thread, where it goes on after an abort, and what it finds is dropped.
 *
 * @param hostname A name or an IP address, of at most 255 bytes; `null` for this
 * machine, or with `AI_PASSIVE` any address of it.
 * @param service A port, or its name as in `/etc/services`; `null` for none,
 * which is port 0.
 * @param options See {@linkcode GetaddrinfoOptions}.
 * @returns The addresses, best first; at least one.
 * @throws {TypeError} If both are `null`, a name is none that could be asked for,
 * or there is another option or flag.
 * @throws {RangeError} If a name is too long, or a port is not from 0 to 65,535.
 * @throws {Deno.errors.NotFound} If there is no such name or service, with code
 * `ENOTFOUND`, `EAI_SERVICE`, or where nobody could tell, `EAI_AGAIN`.
 * @throws {Error} With the code of getaddrinfo(3), as `EAI_FAMILY`, if such
 * addresses are not supported.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 *
 * @example
 * ```ts
 * import { getaddrinfo, SOCK_STREAM } from "@wire/socketserver/poll";
 * import { deepStrictEqual } from "node:assert";
 *
 * const [first] = await getaddrinfo("127.0.0.1", 80, { type: SOCK_STREAM });
 * deepStrictEqual(first!.address, {
 *   transport: "tcp",
 *   hostname: "127.0.0.1",
 *   port: 80,
 * });
 * ```
 */
export async function getaddrinfo(
  hostname: string | null,
  service: number | string | null,
  options: GetaddrinfoOptions = {},
): Promise<AddressInfo[]> {
  checkOptions(options, OPTIONS, ACTION);
  const signal = checkSignal(options.signal, ACTION);
  const question = toQuestion(hostname, service, options);
  signal?.throwIfAborted();
  const found = await within(
    ask(question),
    new Deadline(-1),
    signal,
    () => new Error(`Cannot ${ACTION} in time`),
  );
  return found.map(toInfo);
}

/**
 * The addresses of a name, blocking until they are found; see
 * {@linkcode getaddrinfo}.
 *
 * @param hostname A name or an IP address, of at most 255 bytes; `null` for this
 * machine, or with `AI_PASSIVE` any address of it.
 * @param service A port, or its name; `null` for none.
 * @param options See {@linkcode GetaddrinfoSyncOptions}.
 * @returns The addresses, best first; at least one.
 * @throws {TypeError} If both are `null`, a name is none that could be asked for,
 * or there is another option or flag.
 * @throws {RangeError} If a name is too long, or a port is not from 0 to 65,535.
 * @throws {Deno.errors.NotFound} If there is no such name or service.
 * @throws {Error} With the code of getaddrinfo(3), as `EAI_FAMILY`, if such
 * addresses are not supported.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 */
export function getaddrinfoSync(
  hostname: string | null,
  service: number | string | null,
  options: GetaddrinfoSyncOptions = {},
): AddressInfo[] {
  checkOptions(options, SYNC_OPTIONS, ACTION);
  return askSync(toQuestion(hostname, service, options)).map(toInfo);
}

function toQuestion(
  hostname: string | null,
  service: number | string | null,
  options: GetaddrinfoSyncOptions,
): Question {
  const { family = 0, type = 0, protocol = 0, flags = 0 } = options;
  if (hostname !== null) checkHostname(hostname);
  if (hostname === null && service === null) {
    throw new TypeError(
      `Cannot ${ACTION}: both the hostname and the service are null, give one`,
    );
  }
  integer(flags, "flags", 0, INT_MAX);
  if ((flags & ~KNOWN_FLAGS) !== 0) {
    throw new TypeError(
      `Cannot ${ACTION} with flag 0x${(flags & ~KNOWN_FLAGS).toString(16)}: ` +
        `this call takes ${FLAGS.map(([name]) => name).join(", ")}`,
    );
  }
  return {
    hostname,
    service: service === null ? null : serviceText(service),
    family: integer(family, "an address family", 0, 0xffff),
    type: integer(type, "a socket type", 0, 0xf),
    protocol: integer(protocol, "a protocol", 0, INT_MAX),
    flags,
  };
}

function serviceText(service: number | string): string {
  if (typeof service === "number") return String(checkPort(service));
  if (typeof service === "string" && isName(service)) return service;
  throw new TypeError(
    `Cannot use ${
      describe(service)
    } as a service: it must be a port, or a service's name`,
  );
}

function toInfo(info: RawInfo): AddressInfo {
  const { address, ...rest } = info;
  return {
    ...rest,
    address: decodeAddress(address, address.length, info.type),
  };
}
