/**
 * Sockets and readiness of the system, after Python's `socket`, `select`,
 * `selectors`, `asyncore` and `asynchat`: libc's calls through FFI.
 *
 * Importing it needs no permission, the first use `--allow-ffi`.
 *
 * @module
 */

export * from "./async_chat.ts";
export * from "./constants_poll.ts";
export * from "./constants_socket.ts";
export * from "./create_connection.ts";
export * from "./create_server.ts";
export { cmsgLen, cmsgSpace } from "./_control.ts";
export { DatagramBatch, type DatagramBatchOptions } from "./datagram_batch.ts";
export { Descriptor } from "./descriptor.ts";
export type { FileDescriptorLike, HasFileno } from "./_descriptors.ts";
export * from "./dispatcher.ts";
export * from "./dispatcher_with_send.ts";
export * from "./epoll.ts";
export * from "./getaddrinfo.ts";
export * from "./interfaces.ts";
export * from "./loop.ts";
export * from "./multicast.ts";
export * from "./peer_credentials.ts";
export * from "./poll.ts";
export * from "./readiness_server.ts";
export * from "./select.ts";
export * from "./selectors.ts";
export * from "./send_fds.ts";
export * from "./socket.ts";
export * from "./socketpair.ts";
