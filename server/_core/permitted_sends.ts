import { addForgetful, isForgetful } from "../../handlers/_replying.ts";
import {
  isGranted,
  missingOf,
  needsOfHost,
  needsOfPath,
} from "../../handlers/_granted.ts";

/** A socket of datagrams. */
interface DatagramListener<Address extends Deno.Addr> {
  readonly addr: Address;
  receive(
    buffer: Uint8Array<ArrayBuffer>,
  ): Promise<[Uint8Array<ArrayBuffer>, Address]>;
  send(data: Uint8Array, address: Address): Promise<number>;
  close(): void;
  ref(): void;
  unref(): void;
}

/** What it takes to send to all addresses, of sockets of each kind. */
const ALL_HOSTS = ["net"] as const;
const ALL_PATHS = ["net", "read", "write"] as const;

/** How many addresses are remembered that may be sent to. */
const MOST_REMEMBERED = 1_024;

/**
 * Refuses to send where this process may not. Deno would ask in the terminal, and
 * the whole server would wait for an answer there: a client chooses the address.
 *
 * @param socket What sends.
 * @returns The socket itself where everything is permitted.
 */
export function withPermittedSends<Address extends Deno.Addr>(
  socket: DatagramListener<Address>,
): DatagramListener<Address> {
  const all = "path" in socket.addr ? ALL_PATHS : ALL_HOSTS;
  if (all.every((name) => isGranted({ name }))) return socket;
  const permitted = new Set<string>();
  const check = (address: Address): Error | undefined => {
    const needs = "path" in address
      ? needsOfPath(address.path ?? "", true)
      : needsOfHost(address as Deno.NetAddr, true);
    const { key } = needs;
    if (permitted.has(key)) return undefined;
    const refused = missingOf(needs, "send to");
    if (refused !== undefined) return refused;
    if (permitted.size === MOST_REMEMBERED) permitted.clear();
    permitted.add(key);
    return undefined;
  };
  const permitting: DatagramListener<Address> = {
    addr: socket.addr,
    receive: (buffer) => socket.receive(buffer),
    send(data, address) {
      const refused = check(address);
      return refused === undefined
        ? socket.send(data, address)
        : Promise.reject(refused);
    },
    close: () => socket.close(),
    ref: () => socket.ref(),
    unref: () => socket.unref(),
  };
  if (isForgetful(socket)) addForgetful(permitting);
  return permitting;
}
