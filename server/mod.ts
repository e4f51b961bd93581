/**
 * Servers: what accepts requests and hands them to handlers.
 *
 *     BaseServer                      lifecycle and hooks of every server
 *     ├── StreamServer                connections, and how they end
 *     │   ├── TCPServer
 *     │   ├── TLSServer
 *     │   └── UnixStreamServer
 *     └── DatagramServer              datagrams
 *         ├── UDPServer
 *         └── UnixDatagramServer
 *
 * {@linkcode ThreadingMixIn} and {@linkcode ForkingMixIn} make of any of the five
 * a class whose handlers run in threads or processes: `ThreadingTCPServer`,
 * `ForkingUDPServer` and the like are ready-made.
 *
 * The steps of a request are methods to override, in this order: `getRequest`,
 * `verifyRequest`, `processRequest`, `finishRequest` (the handler runs),
 * `shutdownRequest`, `closeRequest`; `handleError` is told what one of them threw.
 * The options `verify` and `onError` do what `verifyRequest` and `handleError` do,
 * without a subclass.
 *
 * @module
 */

export * from "./_own_exports.ts";

// Named in the signatures of this entry, whose pages lead to them here.
export type {
  BaseRequestHandler,
  DatagramRequest,
  DatagramRequestHandler,
  DatagramSocket,
  FrameOptions,
  FrameReadOptions,
  PeerCertificate,
  PieceOptions,
  ProxyAddress,
  ProxyHeader,
  ProxySSL,
  ProxyTLV,
  ProxyTLVs,
  ReadOptions,
  RequestServer,
  StartTLSOptions,
  StreamReader,
  StreamRequestHandler,
  StreamWriter,
  TLSCertificate,
  TLSInfo,
  TLSOptions,
} from "../handlers/mod.ts";
