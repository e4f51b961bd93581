/**
 * Request handlers: what one request does, apart from the server that accepts it.
 *
 * | class | its request |
 * |---|---|
 * | {@linkcode BaseRequestHandler} | whatever the server accepted, untouched |
 * | {@linkcode StreamRequestHandler} | a connection, with `rfile` and `wfile` |
 * | {@linkcode DatagramRequestHandler} | one datagram and the reply to it |
 *
 * @module
 */

export {
  BaseRequestHandler,
  type RequestServer,
  type Unsent,
} from "./base_request_handler.ts";
export * from "./datagram_request_handler.ts";
export type { PieceOptions, ReadOptions } from "./streams/read_options.ts";
export * from "./streams/stream_errors.ts";
export * from "./streams/stream_reader.ts";
export * from "./stream_request_handler.ts";
export * from "./streams/stream_writer.ts";
