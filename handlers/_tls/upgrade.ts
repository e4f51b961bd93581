import { checkKeys } from "../_known_keys.ts";
import { limitTime } from "../_time_limit.ts";
import type { StreamOwner } from "../streams/_left_behind.ts";
import { BUFFERED, HAND_ON } from "../streams/_owned.ts";
import type { StreamReader } from "../streams/stream_reader.ts";
import { Credentials } from "./credentials.ts";
import type { Side } from "./side.ts";
import { HANDSHAKE_TIMEOUT, handshakeTooLong } from "./handshake.ts";
import { TLSConnection } from "./tls_connection.ts";
import { TLS_OPTION_NAMES, type TLSOptions } from "./tls_options.ts";

/** Options of {@linkcode StreamRequestHandler.startTLS}. */
export interface StartTLSOptions extends TLSOptions {
  /**
   * How long a client may take for the handshake, in milliseconds.
   *
   * @default {10000}
   */
  readonly handshakeTimeout?: number;
}

/** A connection that goes on in TLS. */
export interface Secured<Address extends Deno.Addr> {
  readonly connection: TLSConnection<Address>;
  /** Reads the encrypted bytes. */
  readonly plain: StreamReader;
}

/** What has been made of options, which are checked once. */
const known = new WeakMap<StartTLSOptions, Credentials>();

/**
 * Prepares a connection for TLS.
 *
 * What its client sent before is never taken for what it sends protected (as in
 * CVE-2011-0411): nothing may be left of it.
 *
 * @param connection Carries the encrypted bytes.
 * @param reader Reads from it, and refuses to from now on.
 * @param options As whom, and with whom.
 * @param owner The request, by its handler.
 * @returns The connection in TLS, and what reads its encrypted bytes.
 * @throws {Deno.errors.InvalidData} If bytes are unread, or a certificate or key
 * cannot be used.
 * @throws {TypeError} If an option is of another type, or lacks another.
 */
export function upgrade<Address extends Deno.Addr>(
  connection: Deno.Conn<Address>,
  reader: StreamReader,
  options: StartTLSOptions,
  owner: StreamOwner,
): Secured<Address> {
  checkNothingUnread(reader, "client");
  let credentials = known.get(options);
  if (credentials === undefined) {
    checkKeys(
      "option",
      options,
      [...TLS_OPTION_NAMES, "handshakeTimeout"],
      undefined,
      "start TLS",
    );
    credentials = new Credentials(options);
    known.set(options, credentials);
  }
  const plain = reader[HAND_ON](owner);
  return { connection: overReader(connection, plain, credentials), plain };
}

/**
 * Has TLS go on where a reader has read before.
 *
 * @param connection Carries the encrypted bytes.
 * @param reader Reads from it, and goes on doing so.
 * @param side Whose side it is.
 */
export function overReader<Address extends Deno.Addr>(
  connection: Deno.Conn<Address>,
  reader: StreamReader,
  side: Side,
): TLSConnection<Address> {
  return new TLSConnection(connection, side, {
    read: (buffer) => reader.readInto(buffer),
  });
}

/** @throws {Deno.errors.InvalidData} If something is that came without TLS. */
export function checkNothingUnread(
  reader: StreamReader,
  peer: "client" | "server",
): void {
  const unread = reader[BUFFERED];
  if (unread === 0) return;
  throw new Deno.errors.InvalidData(
    `Cannot start TLS: ${unread} bytes are unread that came without it; a ${peer} that sends something ahead of its handshake must not have it taken for protected`,
  );
}

/**
 * Does the handshake.
 *
 * @param connection What `upgrade` has prepared. It is closed where that fails in
 * time.
 * @throws {DOMException} "TimeoutError" if it takes too long.
 */
export async function secure(
  connection: TLSConnection<Deno.Addr>,
  { handshakeTimeout = HANDSHAKE_TIMEOUT }: StartTLSOptions,
): Promise<void> {
  let late: DOMException | undefined;
  const timer = limitTime(
    handshakeTimeout,
    handshakeTooLong(handshakeTimeout),
    (reason) => {
      late = reason;
      connection.close();
    },
  );
  try {
    await connection.opened();
  } catch (error) {
    throw late ?? error;
  } finally {
    clearTimeout(timer);
  }
}
