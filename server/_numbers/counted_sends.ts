import { addForgetful, isForgetful } from "../../handlers/_replying.ts";
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
    // What is no data is the socket's to refuse.
    counters[BYTES_OUT]! += data?.length ?? 0;
    return send.call(sending, data, address);
  };
  if (forgets) addForgetful(sending);
  return socket;
}
