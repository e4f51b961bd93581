/** The name of {@linkcode Replying}'s method. */
export const REPLY: unique symbol = Symbol("reply");

/**
 * A socket that sees to it itself that the last datagram of a request is sent,
 * and tells the server if it is not.
 */
interface Replying {
  [REPLY](data: Uint8Array, address: Deno.Addr): void;
}

/** A socket that may be one, as far as it is used here. */
interface Sending extends Partial<Replying> {
  send(data: Uint8Array, address: Deno.Addr): Promise<unknown>;
}

/** Sends the last datagram of a request, and waits for it where need be. */
export function reply(
  socket: Sending,
  data: Uint8Array,
  address: Deno.Addr,
): void | Promise<unknown> {
  return socket[REPLY] === undefined
    ? socket.send(data, address)
    : socket[REPLY](data, address);
}
