import { integer } from "./_check.ts";
import { cmsgLen, cmsgSpace, DESCRIPTORS_MAX } from "./_control.ts";
import type { FileDescriptorLike } from "./_descriptors.ts";
import { type ReceivedMessage, withFewerFds } from "./_message.ts";
import type { WaitOptions } from "./_options.ts";
import type { AddressLike } from "./_sockaddr.ts";
import type { Socket } from "./socket.ts";

/**
 * Sends duplicates of descriptors over a Unix socket, as Python's
 * `socket.send_fds`; `SCM_RIGHTS` of unix(7). Whoever receives them has the same
 * files and connections, whatever process that is. They stay open here, and must
 * until it is done. Linux only.
 *
 * @param socket A Unix socket.
 * @param buffers Bytes to send with them; a stream needs at least one.
 * @param fds The descriptors, from 1 to 253.
 * @param flags As `MSG_DONTWAIT`. Default: 0.
 * @param remote Where to send it, of a socket that is not connected.
 * @param options See {@linkcode WaitOptions}.
 * @returns How many bytes were sent; of a stream maybe fewer than there are. The
 * descriptors went with the first.
 * @throws {TypeError} If it is no Unix socket, or nothing is sent over a stream.
 * @throws {RangeError} If there are none, or too many.
 * @throws {Deno.errors.BadResource} If one is closed, or the socket, also
 * meanwhile.
 * @throws {Deno.errors.BrokenPipe} If the connection has ended.
 * @throws {Error} With code `ETOOMANYREFS` if too many are under way.
 * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
 * @throws {Deno.errors.NotSupported} On any other system than Linux.
 *
 * @example
 * ```ts
 * import { recvFds, sendFds, Socket, socketpair } from "@wire/socketserver/poll";
 * import { strictEqual } from "node:assert";
 *
 * const [ours, theirs] = socketpair();
 * using _ours = ours, _theirs = theirs;
 * const [near, far] = socketpair();
 * await sendFds(ours, [new Uint8Array(1)], [far]);
 * far.close();
 *
 * using message = await recvFds(theirs, 1, 1);
 * using received = Socket.fromFd(message.fds[0]!);
 * received.sendSync(new Uint8Array(5));
 * strictEqual(near.recvSync(10).length, 5);
 * near.close();
 * ```
 */
export async function sendFds(
  socket: Socket,
  buffers: Iterable<Uint8Array>,
  fds: Iterable<FileDescriptorLike>,
  flags: number = 0,
  remote?: AddressLike,
  options?: WaitOptions,
): Promise<number> {
  return await socket.sendmsg(buffers, [{ fds }], flags, remote, options);
}

/**
 * Sends duplicates of descriptors, blocking until they are sent; see
 * {@linkcode sendFds}.
 *
 * @param socket A Unix socket.
 * @param buffers Bytes to send with them; a stream needs at least one.
 * @param fds The descriptors, from 1 to 253.
 * @param flags As `MSG_DONTWAIT`. Default: 0.
 * @param remote Where to send it, of a socket that is not connected.
 * @returns How many bytes were sent.
 * @throws {TypeError} If it is no Unix socket, or nothing is sent over a stream.
 * @throws {RangeError} If there are none, or too many.
 * @throws {Deno.errors.BadResource} If one is closed, or the socket.
 * @throws {Deno.errors.BrokenPipe} If the connection has ended.
 * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
 * block.
 * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
 * @throws {Deno.errors.NotSupported} On any other system than Linux.
 */
export function sendFdsSync(
  socket: Socket,
  buffers: Iterable<Uint8Array>,
  fds: Iterable<FileDescriptorLike>,
  flags: number = 0,
  remote?: AddressLike,
): number {
  return socket.sendmsgSync(buffers, [{ fds }], flags, remote);
}

/**
 * Receives descriptors over a Unix socket, as Python's `socket.recv_fds`. Those
 * beyond `maxFds` are closed, and `MSG_CTRUNC` is among the message's flags. All
 * are closed on exec. Linux only.
 *
 * @param socket A Unix socket.
 * @param size How many bytes to receive at most.
 * @param maxFds How many descriptors to receive at most, from 0 to 253.
 * @param flags As `MSG_PEEK`, with which descriptors are duplicated each time.
 * Default: 0.
 * @param options See {@linkcode WaitOptions}.
 * @returns The message; its `fds` are the caller's to close.
 * @throws {RangeError} If a number is out of its range.
 * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
 * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
 * @throws {Deno.errors.BadResource} If the socket is closed, also meanwhile.
 * @throws {Deno.errors.NotSupported} On any other system than Linux.
 */
export async function recvFds(
  socket: Socket,
  size: number,
  maxFds: number,
  flags: number = 0,
  options?: WaitOptions,
): Promise<ReceivedMessage> {
  const room = roomFor(maxFds);
  return withFewerFds(await socket.recvmsg(size, room, flags, options), maxFds);
}

/**
 * Receives descriptors, blocking until some bytes come; see {@linkcode recvFds}.
 *
 * @param socket A Unix socket.
 * @param size How many bytes to receive at most.
 * @param maxFds How many descriptors to receive at most, from 0 to 253.
 * @param flags As `MSG_PEEK`. Default: 0.
 * @returns The message; its `fds` are the caller's to close.
 * @throws {RangeError} If a number is out of its range.
 * @throws {Deno.errors.ConnectionReset} If the peer broke the connection.
 * @throws {Deno.errors.WouldBlock} If it would wait and the socket does not
 * block.
 * @throws {Deno.errors.TimedOut} If the socket's timeout passed.
 * @throws {Deno.errors.BadResource} If the socket is closed.
 * @throws {Deno.errors.NotSupported} On any other system than Linux.
 */
export function recvFdsSync(
  socket: Socket,
  size: number,
  maxFds: number,
  flags: number = 0,
): ReceivedMessage {
  const room = roomFor(maxFds);
  return withFewerFds(socket.recvmsgSync(size, room, flags), maxFds);
}

/** `struct ucred` of unix(7). */
const UCRED_SIZE = 12;

/**
 * How many bytes so many descriptors need. Where the socket has `SO_PASSCRED`,
 * the kernel puts the sender's credentials first, which must not take their room.
 */
function roomFor(maxFds: number): number {
  integer(maxFds, "a number of descriptors", 0, DESCRIPTORS_MAX);
  return maxFds === 0 ? 0 : cmsgSpace(UCRED_SIZE) + cmsgLen(4 * maxFds);
}
