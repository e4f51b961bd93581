/** The name of {@linkcode Replying}'s method. */
export const REPLY: unique symbol = Symbol("reply");

/**
 * A socket that sees to it itself that the last datagram of a request is sent,
 * and tells the server if it is not. It copies the bytes at once.
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

/** Sockets that keep no bytes of what they have sent, each with its `send`. */
const forgetful = new WeakMap<object, unknown>();

/** Says that a socket keeps no bytes: when its `send` has settled, they are free. */
export function addForgetful(socket: Sending): void {
  forgetful.set(socket, socket.send);
}

/**
 * Whether a socket keeps no bytes, so that their memory can be used again. Others
 * may put them into a queue by whoever wrote them, also in place of a `send` that
 * keeps none, and send them when the memory holds another client's.
 */
export function isForgetful(socket: Sending): boolean {
  return socket[REPLY] !== undefined || forgetful.get(socket) === socket.send;
}
