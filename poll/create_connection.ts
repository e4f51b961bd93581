import { connectToAny, connectToAnySync } from "./_connect_to_any.ts";
import { AF_UNIX, SOCK_STREAM } from "./constants_socket.ts";
import { timedOut } from "./_errors.ts";
import { checkOptions, checkSignal, type WaitOptions } from "./_options.ts";
import { familyOf, resolve, resolveSync, within } from "./_resolve.ts";
import { formatAddress } from "./_sockaddr.ts";
import type { AddressLike, Socket } from "./socket.ts";
import { Deadline, milliseconds } from "./_timeout.ts";

/** Options of {@linkcode createConnectionSync}. */
export interface CreateConnectionSyncOptions {
  /**
   * The socket's timeout, `setTimeout`; it counts for each address anew.
   *
   * @default {null}
   */
  readonly timeout?: number | null;
  /**
   * Where to connect from. Of a name's addresses those that do not fit it are
   * passed over.
   */
  readonly sourceAddress?: AddressLike;
}

/** Options of {@linkcode createConnection}. */
export interface CreateConnectionOptions
  extends CreateConnectionSyncOptions, WaitOptions {}

const ACTION = "create a connection";
const SYNC_OPTIONS = ["timeout", "sourceAddress"];
const OPTIONS = [...SYNC_OPTIONS, "signal"];

/**
 * Connects, as Python's `socket.create_connection`: a name is resolved on
 * another thread, and each of its addresses tried until one answers.
 *
 * @param address Where to. Without `hostname`: this machine.
 * @param options See {@linkcode CreateConnectionOptions}.
 * @returns The connection, to be closed.
 * @throws {TypeError} If there is another option, or one that does not fit.
 * @throws {Deno.errors.ConnectionRefused} If nothing listens there.
 * @throws {Deno.errors.NotFound} If there is no such name or path.
 * @throws {Deno.errors.TimedOut} If the timeout passed.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 */
export async function createConnection(
  address: AddressLike,
  options: CreateConnectionOptions = {},
): Promise<Socket> {
  checkOptions(options, OPTIONS, ACTION);
  const signal = checkSignal(options.signal, ACTION);
  signal?.throwIfAborted();
  const family = familyOf(address);
  const source = checkSource(options.sourceAddress, family);
  const timeout = checkTimeout(options.timeout);
  const found = await within(
    resolve(address, family, SOCK_STREAM, "connect"),
    new Deadline(timeout === 0 ? -1 : timeout),
    signal,
    () => timedOut(`connect to ${formatAddress(address)}`, timeout),
  );
  return await connectToAny(found, timeout, source, signal);
}

/**
 * Connects, blocking until it is done, as Python's `socket.create_connection`:
 * each address of a name is tried until one answers.
 *
 * @param address Where to. Without `hostname`: this machine.
 * @param options See {@linkcode CreateConnectionSyncOptions}.
 * @returns The connection, to be closed.
 * @throws {TypeError} If there is another option, or one that does not fit.
 * @throws {Deno.errors.ConnectionRefused} If nothing listens there.
 * @throws {Deno.errors.NotFound} If there is no such name or path.
 * @throws {Deno.errors.TimedOut} If the timeout passed.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 */
export function createConnectionSync(
  address: AddressLike,
  options: CreateConnectionSyncOptions = {},
): Socket {
  checkOptions(options, SYNC_OPTIONS, ACTION);
  const family = familyOf(address);
  const source = checkSource(options.sourceAddress, family);
  const timeout = checkTimeout(options.timeout);
  const found = resolveSync(address, family, SOCK_STREAM, "connect");
  return connectToAnySync(found, timeout, source);
}

/** @throws {TypeError} If no address of this family can be connected from there. */
function checkSource(
  source: AddressLike | undefined,
  family: number,
): AddressLike | undefined {
  if (source === undefined) return undefined;
  const unix = familyOf(source) === AF_UNIX;
  if (unix === (family === AF_UNIX)) return source;
  throw new TypeError(
    `Cannot ${ACTION} from ${formatAddress(source)}: the option ` +
      `"sourceAddress" must be ${
        unix ? "{ hostname, port }" : "{ path }"
      } as the address is`,
  );
}

function checkTimeout(timeout: number | null | undefined): number {
  if (typeof timeout === "number" && timeout < 0) {
    throw new RangeError(
      `Cannot ${ACTION} within ${timeout} ms: a timeout must not be negative`,
    );
  }
  return milliseconds(timeout);
}
