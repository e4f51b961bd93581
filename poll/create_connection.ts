import { AF_INET, AF_INET6, SOCK_STREAM } from "./constants_socket.ts";
import {
  ANY_FAMILY,
  familyOf,
  type RawAddress,
  resolve,
  resolveSync,
  within,
} from "./_resolve.ts";
import { timedOut } from "./_errors.ts";
import { decodeAddress, formatAddress } from "./_sockaddr.ts";
import { Deadline, milliseconds } from "./_timeout.ts";
import {
  type AddressLike,
  Socket,
  type SocketAddress,
  type WaitOptions,
} from "./socket.ts";

/** Options of {@linkcode createConnectionSync}. */
export interface CreateConnectionSyncOptions {
  /**
   * The socket's timeout, `setTimeout`; it counts for each address anew.
   *
   * @default {null}
   */
  readonly timeout?: number | null;
  /** Where to connect from. */
  readonly sourceAddress?: AddressLike;
}

/** Options of {@linkcode createConnection}. */
export interface CreateConnectionOptions
  extends CreateConnectionSyncOptions, WaitOptions {}

/**
 * Connects, as Python's `socket.create_connection`: a name is resolved on
 * another thread, and each of its addresses tried until one answers.
 *
 * @param address Where to. Without `hostname`: this machine.
 * @param options See {@linkcode CreateConnectionOptions}.
 * @returns The connection, to be closed.
 * @throws {Deno.errors.ConnectionRefused} If nothing listens there.
 * @throws {Deno.errors.NotFound} If there is no such name or path.
 * @throws {Deno.errors.TimedOut} If the timeout passed.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 */
export async function createConnection(
  address: AddressLike,
  options: CreateConnectionOptions = {},
): Promise<Socket> {
  const { signal } = options;
  const wait = signal === undefined ? {} : { signal };
  let failure: unknown;
  signal?.throwIfAborted();
  const family = familyOf(address);
  const timeout = milliseconds(options.timeout);
  const found = await within(
    resolve(address, family, SOCK_STREAM, "connect"),
    new Deadline(timeout === 0 ? -1 : timeout),
    signal,
    () => timedOut(`connect to ${formatAddress(address)}`, timeout),
  );
  for (const raw of found) {
    const [socket, remote] = prepare(raw, family, options);
    try {
      await socket.connect(remote, wait);
      return socket;
    } catch (error) {
      socket[Symbol.dispose]();
      signal?.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

/**
 * Connects, blocking until it is done, as Python's `socket.create_connection`:
 * each address of a name is tried until one answers.
 *
 * @param address Where to. Without `hostname`: this machine.
 * @param options See {@linkcode CreateConnectionSyncOptions}.
 * @returns The connection, to be closed.
 * @throws {Deno.errors.ConnectionRefused} If nothing listens there.
 * @throws {Deno.errors.NotFound} If there is no such name or path.
 * @throws {Deno.errors.TimedOut} If the timeout passed.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 */
export function createConnectionSync(
  address: AddressLike,
  options: CreateConnectionSyncOptions = {},
): Socket {
  let failure: unknown;
  const family = familyOf(address);
  for (const raw of resolveSync(address, family, SOCK_STREAM, "connect")) {
    const [socket, remote] = prepare(raw, family, options);
    try {
      socket.connectSync(remote);
      return socket;
    } catch (error) {
      socket.close();
      failure = error;
    }
  }
  throw failure;
}

/** A socket for one address, and that address as Deno has it. */
function prepare(
  raw: RawAddress,
  family: number,
  options: CreateConnectionSyncOptions,
): [Socket, SocketAddress] {
  const remote = decodeAddress(raw, raw.length, SOCK_STREAM);
  const socket = new Socket(
    family !== ANY_FAMILY
      ? family
      : "hostname" in remote && remote.hostname.includes(":")
      ? AF_INET6
      : AF_INET,
  );
  try {
    socket.setTimeout(options.timeout ?? null);
    if (options.sourceAddress !== undefined) socket.bind(options.sourceAddress);
    return [socket, remote];
  } catch (error) {
    socket.close();
    throw error;
  }
}
