import { SOCK_STREAM } from "./constants_socket.ts";
import type { RawAddress } from "./_resolve.ts";
import {
  type AddressLike,
  decodeAddress,
  rawFamily,
  type SocketAddress,
} from "./_sockaddr.ts";
import { Socket } from "./socket.ts";

/**
 * Connects to the first of several addresses that answers. One that cannot be
 * tried, as it does not fit where to connect from, is passed over like one that
 * does not answer.
 */
export async function connectToAny(
  found: readonly RawAddress[],
  timeout: number,
  source: AddressLike | undefined,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  const wait = signal === undefined ? {} : { signal };
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

/** As {@linkcode connectToAny}, and blocks. */
export function connectToAnySync(
  found: readonly RawAddress[],
  timeout: number,
  source: AddressLike | undefined,
): Socket {
  const failures = new Failures();
  for (const raw of found) {
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
