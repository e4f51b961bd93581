/**
 * Request handlers: what one request does, apart from the server that accepts it.
 *
 *     BaseRequestHandler              request, clientAddress, server, signal
 *     ├── StreamRequestHandler        a connection: rfile, wfile
 *     └── DatagramRequestHandler      one datagram: packet, rfile, wfile, socket
 *
 * A server makes an instance for each request, and calls `setup()`, `handle()`
 * and `finish()`, the last always. Each may return a promise. `onShutdown()` is
 * called when the server begins to shut down meanwhile.
 *
 * `rfile` is a {@linkcode StreamReader}: `read()` gives what is there and `null` at
 * the end, `readAll()` everything, `readLine()`, `readFrame()`, `readExactly(n)` and
 * `readUntil(separator)` a piece. `wfile` is a {@linkcode StreamWriter}: awaiting
 * `write()` holds a handler back where its client reads slowly.
 *
 * A handler that is to run in a thread or process is exported by its module, and
 * says where that is:
 * `static override readonly moduleUrl: string = import.meta.url`.
 *
 * @module
 */

export * from "./base_request_handler.ts";
export type { PeerCertificate, TLSInfo } from "./_tls/tls_info.ts";
export type { StartTLSOptions } from "./_tls/upgrade.ts";
export type { TLSCertificate, TLSOptions } from "./_tls/tls_options.ts";
export type { Unsent } from "./_unsent.ts";
export * from "./proxy_header.ts";
export * from "./datagram_request_handler.ts";
export type {
  FrameOptions,
  FrameReadOptions,
} from "./streams/frame_options.ts";
export type { PieceOptions, ReadOptions } from "./streams/read_options.ts";
export * from "./streams/stream_errors.ts";
export * from "./streams/stream_reader.ts";
export * from "./stream_request_handler.ts";
export * from "./streams/stream_writer.ts";
