import { AF_UNIX, SO_PEERCRED, SOL_SOCKET } from "./constants_socket.ts";
import { linuxLibc } from "./_libc.ts";
import type { Socket } from "./socket.ts";

/** Who is at the other end of a Unix socket; {@linkcode peerCredentials}. */
export interface PeerCredentials {
  /** The process, as this one numbers them; 0 if it cannot see that one. */
  readonly pid: number;
  /** The user that it ran as. */
  readonly uid: number;
  /** The group that it ran as. */
  readonly gid: number;
}

const ACTION = "tell who the peer is";

/** `struct ucred` of unix(7): three 32-bit integers. */
const UCRED_SIZE = 12;

/** What the kernel tells of a user where there is no peer: (uid_t)-1. */
const NOBODY = 0xffff_ffff;

/**
 * Who is at the other end of a Unix socket, as the kernel noted it when that end
 * connected, listened or was made by `socketpair`; `SO_PEERCRED` of unix(7). It
 * cannot be forged. Linux only.
 *
 * @param socket A connected Unix socket.
 * @returns The process, its user and its group.
 * @throws {TypeError} If it is no Unix socket.
 * @throws {Deno.errors.NotConnected} If nobody is at the other end.
 * @throws {Deno.errors.NotSupported} On any other system than Linux.
 * @throws {Deno.errors.BadResource} If the socket is closed.
 *
 * @example
 * ```ts
 * import { peerCredentials, socketpair } from "@wire/socketserver/poll";
 * import { strictEqual } from "node:assert";
 *
 * const [ours, theirs] = socketpair();
 * using _ours = ours, _theirs = theirs;
 * strictEqual(peerCredentials(ours).pid, Deno.pid);
 * ```
 */
export function peerCredentials(socket: Socket): PeerCredentials {
  linuxLibc(ACTION);
  if (socket.family !== AF_UNIX) {
    throw new TypeError(
      `Cannot ${ACTION}: only Unix sockets know, getpeername() tells an address`,
    );
  }
  const bytes = socket.getsockopt(SOL_SOCKET, SO_PEERCRED, UCRED_SIZE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const credentials = {
    pid: view.getInt32(0, true),
    uid: view.getUint32(4, true),
    gid: view.getUint32(8, true),
  };
  if (credentials.pid === 0 && credentials.uid === NOBODY) {
    throw Object.assign(
      new Deno.errors.NotConnected(
        `Cannot ${ACTION}: the socket is not connected`,
      ),
      { code: "ENOTCONN" },
    );
  }
  return credentials;
}
