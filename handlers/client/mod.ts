/**
 * Clients, for the servers of this module and all others: TCP, TLS and Unix sockets
 * by {@linkcode connect}, UDP and Unix datagrams by {@linkcode connectDatagram}.
 *
 * A client reads and writes as a handler does: `rfile` is a {@linkcode StreamReader},
 * `wfile` a {@linkcode StreamWriter}. Connecting, handshakes and requests take a
 * `timeout` and a `signal`, which end them and give everything back.
 *
 * @module
 */

export type { ClientTLSOptions } from "../_tls/client_tls_options.ts";
export type {
  ClientStartTLSOptions,
  CloseOptions,
  StreamClient,
} from "./stream_client.ts";
export * from "./connect.ts";
export type { DatagramClient, RequestOptions } from "./datagram_client.ts";
export * from "./connect_datagram.ts";

// Named in the signatures of this entry, whose pages lead to them here.
export type {
  FrameOptions,
  FrameReadOptions,
  PeerCertificate,
  PieceOptions,
  ReadOptions,
  StreamReader,
  StreamWriter,
  TLSInfo,
} from "../mod.ts";
