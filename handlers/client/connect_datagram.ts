import { checkIsAddress } from "../_check_address.ts";
import { checkKeys } from "../_known_keys.ts";
import { addressesOf } from "./_addresses_of.ts";
import { checkLimits, Limit } from "./_limit.ts";
import { phaseError } from "./_phase_error.ts";
import { checkTarget, type HostAddress, type PathAddress } from "./_target.ts";
import { DatagramClient } from "./datagram_client.ts";

const DEFAULT_TIMEOUT = 30_000;
const DEFAULT_MAX_REQUESTS = 64;
/** More than any datagram of UDP has. */
const DEFAULT_MAX_SIZE = 64 * 1024;

/** Options of {@linkcode connectDatagram}. */
export interface ConnectDatagramOptions {
  /** Ends resolving the name, with the reason it is aborted for. */
  readonly signal?: AbortSignal;
  /**
   * How long resolving the name may take, in milliseconds.
   *
   * @default {30000}
   */
  readonly timeout?: number;
  /**
   * How many requests may wait for their answers at once. Each has a socket for
   * each of its attempts.
   *
   * @default {64}
   */
  readonly maxRequests?: number;
  /**
   * How large an answer may be, in bytes.
   *
   * @default {65536}
   */
  readonly maxSize?: number;
  /**
   * The folder for the sockets that answers come to, of a server with a path. The
   * default are names of Linux's abstract namespace. The name of each socket is a new
   * one, so either takes `--allow-net` without a path, of the client and of a server
   * of this module; a folder takes `--allow-read` and `--allow-write` of it besides.
   */
  readonly folder?: string;
}

const OPTIONS: readonly (keyof ConnectDatagramOptions)[] = [
  ...["signal", "timeout", "maxRequests", "maxSize", "folder"] as const,
];

/**
 * Makes a client of a server of datagrams. Nothing is sent, and nobody need be
 * there.
 *
 * Needs `--unstable-net`. Over UDP it needs `--allow-net=HOST:PORT,OWN:0`, where
 * `OWN` is what answers come to: `127.0.0.1` or `[::1]` where the server is there,
 * else `0.0.0.0` or `[::]`. A name takes permission for all its ports, and for the
 * port at its addresses. Over Unix sockets it needs the permissions for the path
 * that `connect` needs, `--allow-net` without a path, and `--allow-read` and
 * `--allow-write` of `folder`.
 *
 * @param address Where the server is; `server.addr` will do.
 * @param options What answers may take, and where they come to.
 * @returns The client.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 * @throws {Deno.errors.NotSupported} Without `--unstable-net`.
 * @throws {DOMException} "TimeoutError" if resolving takes longer than `timeout`.
 * @throws {RangeError} If the port or an option is out of range.
 * @throws {TypeError} If an option or a key of the address is unknown, or of
 * another type.
 * @throws {Error} If the name does not resolve.
 *
 * @example Asking for the time
 * ```ts
 * import { UDPServer } from "@wire/socketserver";
 * import { connectDatagram } from "@wire/socketserver/client";
 *
 * await using server = new UDPServer({ hostname: "127.0.0.1", port: 0 }, ({ wfile }) => {
 *   wfile.write(new Date().toISOString());
 * });
 * server.serveForever();
 *
 * await using client = await connectDatagram(server.addr);
 * const answer = await client.request("", { timeout: 1_000, attempts: 3 });
 * console.log(new TextDecoder().decode(answer));
 * ```
 */
export async function connectDatagram(
  address: HostAddress | PathAddress,
  options: ConnectDatagramOptions = {},
): Promise<DatagramClient> {
  const action = "connect";
  // First: whoever writes host and port as two arguments has no options.
  checkIsAddress("host", address, action);
  checkKeys("option", options, OPTIONS, undefined, action);
  const {
    signal,
    timeout = DEFAULT_TIMEOUT,
    maxRequests = DEFAULT_MAX_REQUESTS,
    maxSize = DEFAULT_MAX_SIZE,
    folder,
  } = options;
  checkLimits({ signal, timeout }, action);
  checkCount("maxRequests", maxRequests);
  checkCount("maxSize", maxSize);
  checkFolder(folder);
  if (Deno.listenDatagram === undefined) {
    throw new Deno.errors.NotSupported(
      'Cannot connect: Deno.listenDatagram is unstable, run again with the --unstable-net flag, or have "unstable": ["net"] in deno.json',
    );
  }
  const target = checkTarget(address, ["udp", "unixpacket"], action);
  const settings = { text: target.text, maxRequests, maxSize, folder };
  if ("path" in target) return new DatagramClient([target], settings);
  const what = `Cannot connect to ${target.text}`;
  using limit = new Limit(what, { signal, timeout });
  limit.phase = "resolving";
  const { hostname, port } = target;
  try {
    const hosts = await addressesOf(hostname, port, limit);
    return new DatagramClient(
      hosts.map((hostname) => ({ hostname, port })),
      settings,
    );
  } catch (error) {
    if (limit.isEnded || error instanceof Deno.errors.NotCapable) throw error;
    throw phaseError(what, limit.phase, error, "the host name must resolve");
  }
}

function checkCount(name: string, value: unknown): void {
  if (Number.isInteger(value) && value as number > 0) return;
  throw new RangeError(
    `Cannot connect: ${name} must be a positive integer, received ${
      Deno.inspect(value)
    }`,
  );
}

function checkFolder(folder: unknown): void {
  if (folder === undefined || typeof folder === "string") return;
  throw new TypeError(
    `Cannot connect: folder must be a path, received ${Deno.inspect(folder)}`,
  );
}
