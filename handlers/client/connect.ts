import { ipBytes } from "../_ip_text.ts";
import { checkIsAddress } from "../_check_address.ts";
import { checkKeys } from "../_known_keys.ts";
import { clientCredentials } from "../_tls/client_credentials.ts";
import {
  CLIENT_TLS_OPTION_NAMES,
  type ClientTLSOptions,
} from "../_tls/client_tls_options.ts";
import { checkLimits, Limit } from "./_limit.ts";
import { handshakeRemedy, isUnresolved, phaseError } from "./_phase_error.ts";
import {
  checkTarget,
  type HostAddress,
  type PathAddress,
  type Target,
} from "./_target.ts";
import { StreamClient } from "./stream_client.ts";

export type { HostAddress, PathAddress };

/** How long connecting may take where it is not said, in milliseconds. */
const DEFAULT_TIMEOUT = 30_000;

/** How the two versions of PROXY headers begin (haproxy's proxy-protocol.txt). */
const PROXY_SIGNATURES = ["PROXY ", "\r\n\r\n\0\r\nQUIT\n"];

/** Options of {@linkcode connect}. */
export interface ConnectOptions {
  /** Speaks TLS from the start: `true`, or with whom and as whom. */
  readonly tls?: boolean | ClientTLSOptions;
  /** Ends connecting, the handshake included, with the reason it is aborted for. */
  readonly signal?: AbortSignal;
  /**
   * How long connecting may take, the handshake included, in milliseconds.
   * `Infinity` leaves it to the system, which gives up after two minutes or so,
   * and in a handshake never.
   *
   * @default {30000}
   */
  readonly timeout?: number;
  /** A PROXY header to send first, as `encodeProxyHeader()` makes it. */
  readonly proxyHeader?: Uint8Array;
}

const OPTIONS: readonly (keyof ConnectOptions)[] = [
  ...["tls", "signal", "timeout", "proxyHeader"] as const,
];

/**
 * Connects to a server over TCP.
 *
 * Of a name that has several addresses all are tried, those of IPv6 and IPv4 in
 * turn, the next 250 ms after the one before or when that has failed (Happy
 * Eyeballs, RFC 8305, as `Deno.connect` does it); the first that answers is taken.
 * Where all fail, the error is that of the last.
 *
 * Needs `--allow-net=HOST:PORT`.
 *
 * @param address Where to; `server.addr` will do.
 * @param options TLS, and how long it may take.
 * @returns The connection.
 * @throws {Deno.errors.ConnectionRefused} If nobody listens there.
 * @throws {Deno.errors.InvalidData} If the handshake fails, or the server's
 * certificate is not valid, or not for this host.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 * @throws {DOMException} "TimeoutError" if it takes longer than `timeout`.
 * @throws {RangeError} If the port or the time is out of range.
 * @throws {TypeError} If an option or a key of the address is unknown, or of
 * another type.
 * @throws {Error} Of the class that Deno has for it, if it fails otherwise. The
 * message names the step: resolving, connecting or handshake.
 *
 * @example A client of a line protocol
 * ```ts
 * import { StreamRequestHandler, TCPServer } from "@wire/socketserver";
 * import { connect } from "@wire/socketserver/client";
 * import { strictEqual } from "node:assert";
 *
 * await using server = new TCPServer({ port: 0 }, async ({ rfile, wfile }) => {
 *   for await (const line of rfile) await wfile.write(`${line}!\n`);
 * });
 * server.serveForever();
 *
 * await using client = await connect({ port: server.addr.port });
 * await client.wfile.write("hello\n");
 * strictEqual(await client.rfile.readLine(), "hello!");
 * ```
 */
export function connect(
  address: HostAddress,
  options?: ConnectOptions,
): Promise<StreamClient<Deno.NetAddr>>;
/**
 * Connects to a server over a Unix socket.
 *
 * Needs `--allow-read=PATH --allow-write=PATH --allow-net=unix:PATH`, and for a
 * name of the abstract namespace `--allow-net`.
 *
 * @param address Where to; `server.addr` will do.
 * @param options TLS, with `serverName`, and how long it may take.
 * @returns The connection.
 * @throws {Deno.errors.NotFound} If there is no socket at that path.
 */
export function connect(
  address: PathAddress,
  options?: ConnectOptions,
): Promise<StreamClient<Deno.UnixAddr>>;
export async function connect(
  address: HostAddress | PathAddress,
  options: ConnectOptions = {},
): Promise<StreamClient<Deno.NetAddr | Deno.UnixAddr>> {
  // First: whoever writes host and port as two arguments has no options.
  checkIsAddress("host", address, "connect");
  checkKeys("option", options, OPTIONS, undefined, "connect");
  const { tls = false, timeout = DEFAULT_TIMEOUT, signal, proxyHeader } =
    options;
  checkLimits({ signal, timeout }, "connect");
  checkProxyHeader(proxyHeader);
  const target = checkTarget(address, ["tcp", "unix"], "connect");
  const secured = tls === false ? undefined : checkTLS(tls, target);
  const what = `Cannot connect to ${target.text}`;
  using limit = new Limit(what, { signal, timeout });
  const connection = await open(target, limit, what);
  const client = new StreamClient(connection, target);
  try {
    limit.phase = "connecting";
    const abort = () => client.abort();
    if (proxyHeader !== undefined) {
      await limit.closing(() => client.wfile.write(proxyHeader), abort);
    }
    if (secured !== undefined) {
      limit.phase = "handshake";
      // Nothing has been read: what comes first is the server's handshake.
      await client.secure(secured, limit);
    }
    return client;
  } catch (error) {
    client.abort();
    if (limit.isEnded) throw error;
    throw phaseError(what, limit.phase, error, handshakeRemedy(error));
  }
}

function checkTLS(tls: true | ClientTLSOptions, target: Target) {
  const host = "path" in target ? undefined : target.hostname;
  const options = tls === true ? TRUE : tls;
  checkKeys(
    "TLS option",
    options,
    CLIENT_TLS_OPTION_NAMES,
    undefined,
    "connect",
  );
  return clientCredentials(options, host, "connect");
}

/** What `true` stands for, the same object each time. */
const TRUE: ClientTLSOptions = {};

function checkProxyHeader(header: unknown): void {
  if (header === undefined) return;
  if (header instanceof Uint8Array) {
    const start = String.fromCharCode(...header.subarray(0, 12));
    if (PROXY_SIGNATURES.some((begin) => start.startsWith(begin))) return;
  }
  throw new TypeError(
    `Cannot connect: proxyHeader must be the bytes that encodeProxyHeader() returns, received ${
      Deno.inspect(header, { iterableLimit: 12, strAbbreviateSize: 40 })
    }`,
  );
}

async function open(
  target: Target,
  limit: Limit,
  what: string,
): Promise<Deno.Conn<Deno.NetAddr | Deno.UnixAddr>> {
  limit.phase = "path" in target || ipBytes(target.hostname) !== undefined
    ? "connecting"
    : "resolving or connecting";
  try {
    return await ("path" in target
      // It does not wait: where the queue is full it fails (connect(2), EAGAIN).
      ? Deno.connect({ transport: "unix", path: target.path })
      : openTCP(target.hostname, target.port, limit));
  } catch (error) {
    // Why it was ended is the caller's own, or names all.
    if (limit.isEnded) throw error;
    const unresolved = isUnresolved(error);
    throw phaseError(
      what,
      unresolved ? "resolving" : "connecting",
      error,
      unresolved ? "the host name must resolve" : remedyOf(error),
    );
  }
}

async function openTCP(
  hostname: string,
  port: number,
  limit: Limit,
): Promise<Deno.TcpConn> {
  const giveUp = new AbortController();
  const { signal } = giveUp;
  let turn: ReturnType<typeof setTimeout> | undefined;
  try {
    return await limit.closing(
      () => Deno.connect({ hostname, port, signal }),
      // Deno throws away, and leaves open, a connection that is complete when its
      // signal is aborted. A turn of the event loop later none is in that state.
      () => turn = setTimeout(() => giveUp.abort(), 0),
      (late) => late.close(),
    );
  } finally {
    clearTimeout(turn);
  }
}

function remedyOf(error: unknown): string | undefined {
  if (error instanceof Deno.errors.ConnectionRefused) {
    return "nobody listens there: start the server, or correct the address";
  }
  if (error instanceof Deno.errors.NotFound) {
    return "no socket has that path: start the server, or correct the path";
  }
  if (error instanceof Deno.errors.WouldBlock) {
    return "the server's queue is full: try again";
  }
  return undefined;
}
