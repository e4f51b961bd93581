import { addForgetful, isForgetful } from "../../handlers/_replying.ts";
import { notBytes } from "../../handlers/_not_bytes.ts";
import { BYTES_OUT } from "../../handlers/_traffic.ts";

/** A socket that sends datagrams. */
interface Sending {
  send(data: Uint8Array, address: Deno.Addr): Promise<number>;
}

/**
 * Has a socket count what it is given to send, whoever does that: handlers have the
 * socket itself.
 *
 * @param socket The socket, which is changed.
 * @param counters Where it is counted.
 */
export function countSends<Socket>(
  socket: Socket,
  counters: Float64Array,
): Socket {
  const sending = socket as Sending;
  const forgets = isForgetful(sending);
  const { send } = sending;
  sending.send = (data, address) => {
    if (!(data instanceof Uint8Array)) {
      return Promise.reject(notBytes("send", data));
    }
    counters[BYTES_OUT]! += data.length;
    return send.call(sending, data, address);
  };
  if (forgets) addForgetful(sending);
  return socket;
}
