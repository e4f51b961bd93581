/**
 * `struct epoll_event` (epoll_ctl(2)): the events in 32 bits, then 64 of the
 * caller's, whose lower half is the descriptor here. It is packed on x86-64
 * (12 bytes), and aligned elsewhere (16).
 */

/** Its size in 32-bit words. */
export const WORDS: number = Deno.build.arch === "x86_64" ? 3 : 4;

/** The word that has the descriptor; the events are in word 0. */
export const FD_WORD: number = WORDS - 2;

export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;

/** EPOLL_CLOEXEC, EFD_CLOEXEC: O_CLOEXEC of include/uapi/asm-generic/fcntl.h. */
export const CLOEXEC = 0o2000000;

/** EFD_NONBLOCK: O_NONBLOCK of the same. */
export const EFD_NONBLOCK = 0o4000;
