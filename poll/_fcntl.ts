import { systemError } from "./_errors.ts";
import { errno, libc } from "./_libc.ts";
import { pick, platform } from "./_platform.ts";

// Linux: include/uapi/linux/fcntl.h and asm-generic/fcntl.h; macOS:
// bsd/sys/fcntl.h of xnu.
const F_GETFL = 3;
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = pick(1030, 67);
const F_GETFD = 1;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const O_NONBLOCK = pick(0o4000, 0x0004);

/** To be added to a new socket's type: SOCK_NONBLOCK and SOCK_CLOEXEC, Linux's. */
export const NEW_SOCKET = pick(0o4000 | 0o2000000, 0);

/** What those two flags do, where they do not exist. */
export function prepareNewSocket(fd: number): void {
  if (platform === "linux") return;
  libc().fcntl(fd, F_SETFD, FD_CLOEXEC);
  setNonBlocking(fd, true, "make a socket");
}

/** Whether calls on a descriptor fail with EAGAIN where they would wait. */
export function setNonBlocking(
  fd: number,
  nonBlocking: boolean,
  action: string,
): void {
  const { fcntl } = libc();
  // Integers only; nothing is kept.
  const flags = fcntl(fd, F_GETFL, 0);
  if (flags < 0) throw systemError(errno(), "fcntl", action);
  const wanted = nonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted !== flags && fcntl(fd, F_SETFL, wanted) < 0) {
    throw systemError(errno(), "fcntl", action);
  }
}

/** A second number for what a descriptor stands for; the caller owns it. */
export function duplicate(fd: number, action: string): number {
  const copy = libc().fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw systemError(errno(), "fcntl", action);
  return copy;
}

/** @throws {Deno.errors.BadResource} If a number is no open descriptor. */
export function checkOpen(fd: number, action: string): void {
  if (libc().fcntl(fd, F_GETFD, 0) < 0) {
    throw systemError(errno(), "fcntl", action);
  }
}
