import { byteLength, describe, INT_MAX, integer } from "./_check.ts";
import * as constants from "./constants_socket.ts";
import { systemError } from "./_errors.ts";
import type { Handle } from "./_handle.ts";
import { errno, libc } from "./_libc.ts";
import { platform } from "./_platform.ts";

/** Options of sockets: getsockopt(2) and setsockopt(2). */

/** The longest option that is passed on, in bytes. */
const OPTION_MAX = 256;

/**
 * What `getsockopt` writes for one unit of length. SO_GET_FILTER of Linux alone
 * counts its length not in bytes but in `struct sock_filter`, of 8 bytes each;
 * socket(7), net/core/filter.c.
 */
const OPTION_UNIT = 8;

/** Linux: include/uapi/asm-generic/socket.h. */
const SO_PASSPIDFD = 76;

// Written by the kernel during a synchronous call and read right after it.
const value = new Int32Array(1);
const written = new Int32Array(OPTION_MAX * OPTION_UNIT / 4);
const writtenBytes = new Uint8Array(written.buffer);
const writtenLength = new Uint32Array(1);

/** Which names' options belong to which level. */
const LEVELS: readonly [level: number, prefix: string][] = [
  [constants.SOL_SOCKET, "SO_"],
  [constants.IPPROTO_IP, "IP_"],
  [constants.IPPROTO_TCP, "TCP_"],
  [constants.IPPROTO_IPV6, "IPV6_"],
];

/** Sets an option; see {@linkcode Socket.setsockopt}. */
export function setOption(
  handle: Handle,
  level: number,
  option: number,
  set: number | boolean | string | Uint8Array,
): void {
  const action = `set ${nameOf(level, option)}`;
  const fd = handle.open(action);
  check(level, option);
  if (
    level === constants.SOL_SOCKET &&
    (option === constants.SO_RCVTIMEO || option === constants.SO_SNDTIMEO)
  ) {
    throw new Deno.errors.NotSupported(
      `Cannot ${action}: it is without effect on sockets that wait by poll(2), ` +
        "as these do, call setTimeout() instead",
    );
  }
  if (
    platform === "linux" && level === constants.SOL_SOCKET &&
    option === SO_PASSPIDFD
  ) {
    throw new Deno.errors.NotSupported(
      `Cannot ${action}, SO_PASSPIDFD: each message would bring a descriptor ` +
        "that recvmsg() closes, set SO_PASSCRED instead",
    );
  }
  let bytes: Uint8Array | Int32Array = value;
  let length = 4;
  if (typeof set === "string") set = encodeText(set, action);
  if (typeof set === "object") {
    length = integer(
      byteLength(set, action),
      "an option's length",
      0,
      OPTION_MAX,
    );
    bytes = set;
  } else {
    value[0] = integer(Number(set), "an option's value", -INT_MAX - 1, INT_MAX);
  }
  // The kernel reads `length` bytes, which `bytes` was just found to have.
  const result = libc().setsockopt(
    fd,
    level,
    option,
    bytes as Uint8Array<ArrayBuffer>,
    length,
  );
  if (result < 0) throw systemError(errno(), "setsockopt", action);
}

/** An option's value or bytes; see {@linkcode Socket.getsockopt}. */
export function getOption(
  handle: Handle,
  level: number,
  option: number,
  size: number | undefined,
): number | Uint8Array<ArrayBuffer> {
  const action = `get ${nameOf(level, option)}`;
  const fd = handle.open(action);
  check(level, option);
  if (size === undefined) return readOption(fd, level, option, action);
  const length = fill(
    fd,
    level,
    option,
    integer(size, "an option's length", 1, OPTION_MAX),
    action,
  );
  return writtenBytes.slice(0, Math.min(length, size));
}

/** An option that is an integer. */
export function readOption(
  fd: number,
  level: number,
  option: number,
  action: string,
): number {
  fill(fd, level, option, 4, action);
  return written[0]!;
}

/**
 * Has the kernel write an option into `writtenBytes`.
 *
 * @param size The length to tell it, at most OPTION_MAX.
 * @returns The length that it tells.
 */
function fill(
  fd: number,
  level: number,
  option: number,
  size: number,
  action: string,
): number {
  // Some options read what is there first, and not all write all they tell of:
  // what another call has left must be neither.
  writtenBytes.fill(0);
  writtenLength[0] = size;
  // The kernel writes at most `size` units of at most OPTION_UNIT bytes; the
  // buffer, ours and kept, has room for OPTION_MAX of them.
  if (libc().getsockopt(fd, level, option, written, writtenLength) < 0) {
    throw systemError(errno(), "getsockopt", action);
  }
  return writtenLength[0];
}

/** A name as C has it, its end included. */
function encodeText(text: string, action: string): Uint8Array {
  if (text.includes("\0")) {
    throw new TypeError(
      `Cannot ${action} to ${describe(text)}: a name has no NUL character`,
    );
  }
  return new TextEncoder().encode(`${text}\0`);
}

function check(level: number, option: number): void {
  integer(level, "an option's level", 0, INT_MAX);
  integer(option, "an option", 0, INT_MAX);
}

/** An option as an error message shows it. */
function nameOf(level: number, option: number): string {
  const prefix = LEVELS.find(([number]) => number === level)?.[1];
  const name = prefix &&
    Object.entries(constants).find(([name, number]) =>
      name.startsWith(prefix) && number === option
    )?.[0];
  return name ?? `option ${String(option)} of level ${String(level)}`;
}
