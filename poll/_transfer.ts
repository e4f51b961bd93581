import { byteLength, integer, part, usize } from "./_check.ts";
import { MSG_DONTWAIT, MSG_NOSIGNAL } from "./constants_socket.ts";
import type { Handle } from "./_handle.ts";
import { libc } from "./_libc.ts";
import type { RawAddress } from "./_resolve.ts";
import { ADDRESS_SIZE } from "./_sockaddr.ts";

/**
 * One attempt each to receive or send: the call itself, which returns at once.
 * Where it fails, `errno` tells why, as long as nothing else has been called. A
 * closed socket has the descriptor -1, which the kernel refuses.
 */

/**
 * Where the kernel writes an address, to be read right after the call. Its
 * memory is its own, which V8 does not move: `struct msghdr` points there.
 */
export const address: Uint8Array<ArrayBuffer> = new Uint8Array(
  new ArrayBuffer(ADDRESS_SIZE),
);

/** How long that address is. */
export const addressLength = new Uint32Array(1);

/** recv(2) into a buffer, all of it or as many bytes as `nbytes` says. */
export function tryRecv(
  handle: Handle,
  buffer: Uint8Array,
  nbytes: number,
  flags: number,
): number {
  let length = byteLength(buffer, "receive");
  if (nbytes !== 0) length = integer(nbytes, "a size", 0, length);
  // The kernel writes at most `length` bytes, which the buffer has now.
  return libc().recv(
    handle.fd,
    buffer as Uint8Array<ArrayBuffer>,
    usize(length),
    flags | MSG_DONTWAIT,
  );
}

/** recvfrom(2) into a buffer of this module, the sender into `address`. */
export function tryRecvFrom(
  handle: Handle,
  buffer: Uint8Array<ArrayBuffer>,
  flags: number,
): number {
  addressLength[0] = ADDRESS_SIZE;
  // The kernel writes at most as many bytes as the buffer has, and at most
  // ADDRESS_SIZE to the address; all three are ours and kept.
  return libc().recvfrom(
    handle.fd,
    buffer,
    usize(buffer.length),
    flags | MSG_DONTWAIT,
    address,
    addressLength,
  );
}

/** send(2). */
export function trySend(
  handle: Handle,
  data: Uint8Array,
  flags: number,
): number {
  const length = byteLength(data, "send");
  // The kernel reads `length` bytes, which the buffer has now.
  return libc().send(
    handle.fd,
    data as Uint8Array<ArrayBuffer>,
    usize(length),
    flags | MSG_DONTWAIT | MSG_NOSIGNAL,
  );
}

/** send(2) of what is left of `total` bytes. */
export function trySendRest(
  handle: Handle,
  data: Uint8Array,
  sent: number,
  total: number,
  flags: number,
): number {
  if (byteLength(data, "send") < total) {
    throw new TypeError(
      "Cannot send: the buffer was shortened before all was sent",
    );
  }
  return trySend(handle, part(data, sent, total), flags);
}

/** sendto(2). */
export function trySendTo(
  handle: Handle,
  data: Uint8Array,
  remote: RawAddress,
  flags: number,
): number {
  const length = byteLength(data, "send");
  // The kernel reads `length` bytes, which the buffer has now, and the address.
  return libc().sendto(
    handle.fd,
    data as Uint8Array<ArrayBuffer>,
    usize(length),
    flags | MSG_DONTWAIT | MSG_NOSIGNAL,
    remote,
    remote.length,
  );
}
