/**
 * The functions that are taken from libc, with their C types.
 *
 * `usize` stands for `size_t` and `nfds_t`: its full width has to be right, so
 * it is never declared narrower. A result of `ssize_t` is read as `i32`: no
 * length handed to C is above 2^31 - 1, so its low half is all there is.
 *
 * Pointers are `usize`, too, that is numbers: Deno's own pointers can only be
 * read with a grant for every library, and libc's is enough here.
 *
 * A call marked `nonblocking` runs on another thread. It takes pointers to
 * memory from `calloc` only: JavaScript's memory may be gone before it returns.
 */

/** POSIX; the same on every platform. */
export const posix = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  recvfrom: {
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"],
    result: "i32",
  },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  sendto: {
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"],
    result: "i32",
  },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  pollOnThread: {
    name: "poll",
    parameters: ["usize", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  getaddrinfo: {
    parameters: ["usize", "usize", "usize", "usize"],
    result: "i32",
  },
  getaddrinfoOnThread: {
    name: "getaddrinfo",
    parameters: ["usize", "usize", "usize", "usize"],
    result: "i32",
    nonblocking: true,
  },
  freeaddrinfo: { parameters: ["usize"], result: "void" },
  gai_strerror: { parameters: ["i32"], result: "usize" },
  inet_ntop: {
    parameters: ["i32", "buffer", "buffer", "u32"],
    result: "usize",
  },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  if_indextoname: { parameters: ["u32", "buffer"], result: "usize" },
  strerror: { parameters: ["i32"], result: "usize" },
  memcpyFrom: {
    name: "memcpy",
    parameters: ["buffer", "usize", "usize"],
    result: "usize",
  },
  memcpyTo: {
    name: "memcpy",
    parameters: ["usize", "buffer", "usize"],
    result: "usize",
  },
  addressOf: {
    name: "memcpy",
    parameters: ["buffer", "buffer", "usize"],
    result: "usize",
  },
  strncpy: { parameters: ["buffer", "usize", "usize"], result: "usize" },
  calloc: { parameters: ["usize", "usize"], result: "usize" },
  free: { parameters: ["usize"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Linux: glibc and musl alike. */
export const linux = {
  errnoLocation: {
    name: "__errno_location",
    parameters: [],
    result: "usize",
  },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  accept4: {
    parameters: ["i32", "buffer", "buffer", "i32"],
    result: "i32",
  },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  epollWaitOnThread: {
    name: "epoll_wait",
    parameters: ["i32", "usize", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  recvmmsg: {
    parameters: ["i32", "buffer", "u32", "i32", "usize"],
    result: "i32",
  },
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * macOS. `fcntl` is variadic, and on arm64 Apple passes variadic arguments on
 * the stack: six more parameters fill the registers, so that the last one goes
 * there. On x86-64 the third is the one that counts, hence it is given twice.
 */
export const darwin = {
  errnoLocation: { name: "__error", parameters: [], result: "usize" },
  fcntl: {
    parameters: [
      ...["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"] as const,
      "i32",
    ],
    result: "i32",
  },
  accept: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
