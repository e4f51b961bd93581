import { AF_UNIX, SOCK_STREAM } from "./constants_socket.ts";
import { checkOptions, checkSignal, type WaitOptions } from "./_options.ts";
import {
  familyOf,
  type RawAddress,
  resolve,
  resolveSync,
  within,
} from "./_resolve.ts";
import { timedOut } from "./_errors.ts";
import { decodeAddress, formatAddress, rawFamily } from "./_sockaddr.ts";
import { Deadline, milliseconds } from "./_timeout.ts";
import { type AddressLike, Socket, type SocketAddress } from "./socket.ts";

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
  const wait = signal === undefined ? {} : { signal };
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
  const failures = new Failures();
  for (const raw of found) {
    const attempt = new Attempt(raw);
    try {
      const remote = attempt.prepare(timeout, source);
      await attempt.socket!.connect(remote, wait);
      return attempt.socket!;
    } catch (error) {
      attempt.socket?.close();
      signal?.throwIfAborted();
      failures.add(error, attempt);
    }
  }
  throw failures.worst;
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
  const failures = new Failures();
  for (const raw of resolveSync(address, family, SOCK_STREAM, "connect")) {
    const attempt = new Attempt(raw);
    try {
      const remote = attempt.prepare(timeout, source);
      attempt.socket!.connectSync(remote);
      return attempt.socket!;
    } catch (error) {
      attempt.socket?.close();
      failures.add(error, attempt);
    }
  }
  throw failures.worst;
}

/** Connecting to one address. */
class Attempt {
  readonly #raw: RawAddress;
  socket: Socket | undefined;
  /** Whether all is done that comes before connecting. */
  prepared = false;

  constructor(raw: RawAddress) {
    this.#raw = raw;
  }

  /** @returns The address as Deno has it. */
  prepare(timeout: number, source: AddressLike | undefined): SocketAddress {
    const raw = this.#raw;
    // A system without IPv6 refuses this already.
    this.socket = new Socket(rawFamily(raw, raw.length));
    this.socket.setTimeout(timeout < 0 ? null : timeout);
    // A name may have no address of this family.
    if (source !== undefined) this.socket.bind(source);
    this.prepared = true;
    return decodeAddress(raw, raw.length, SOCK_STREAM);
  }
}

/** Why no address would do. */
class Failures {
  #connecting: unknown;
  #preparing: unknown;

  add(error: unknown, { prepared }: Attempt): void {
    if (prepared) this.#connecting = error;
    else this.#preparing = error;
  }

  /** That an address has the wrong family tells less than that nobody answered. */
  get worst(): unknown {
    return this.#connecting ?? this.#preparing;
  }
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
