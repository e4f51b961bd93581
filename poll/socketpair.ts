import { AF_UNIX, SOCK_STREAM } from "./constants_socket.ts";
import { integer } from "./_check.ts";
import { systemError } from "./_errors.ts";
import { NEW_SOCKET, prepareNewSocket } from "./_fcntl.ts";
import { errno, libc } from "./_libc.ts";
import { Socket } from "./socket.ts";

const pair = new Int32Array(2);

/**
 * Two sockets connected to each other; socketpair(2).
 *
 * @param family The address family. Default: `AF_UNIX`, the only one there is.
 * @param type The type. Default: `SOCK_STREAM`.
 * @param protocol The protocol. Default: 0.
 * @returns The two sockets, each to be closed.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 * @throws {Error} With code `EMFILE` when there are no descriptors left.
 *
 * @example
 * ```ts
 * import { socketpair } from "@wire/socketserver/poll";
 * import { strictEqual } from "node:assert";
 *
 * const [one, other] = socketpair();
 * using _one = one, _other = other;
 * one.sendSync(new Uint8Array(3));
 * strictEqual(other.recvSync(10).length, 3);
 * ```
 */
export function socketpair(
  family: number = AF_UNIX,
  type: number = SOCK_STREAM,
  protocol: number = 0,
): [Socket, Socket] {
  integer(family, "an address family", 0, 0xffff);
  integer(type, "a socket type", 0, 0xf);
  integer(protocol, "a protocol", 0, 0x7fff_ffff);
  // The kernel writes two descriptors of 4 bytes, ours and kept.
  if (libc().socketpair(family, type | NEW_SOCKET, protocol, pair) < 0) {
    throw systemError(errno(), "socketpair", "make a pair of sockets");
  }
  const [one, other] = [pair[0]!, pair[1]!];
  prepareNewSocket(one);
  prepareNewSocket(other);
  return [Socket.fromFd(one), Socket.fromFd(other)];
}
