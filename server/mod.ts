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

export * from "./admission_options.ts";
export * from "./base_server.ts";
export * from "./datagram_server.ts";
export * from "./decode_proxy_header.ts";
export * from "./encode_proxy_header.ts";
export * from "./forking_mixin.ts";
export * from "./forking_servers.ts";
export * from "./handler_lost_error.ts";
export * from "./inherited_sockets.ts";
export * from "./message_sender.ts";
export * from "./proxy_protocol_options.ts";
export * from "./recyclable.ts";
export * from "./restart.ts";
export * from "./run.ts";
export * from "./sd_notify.ts";
export * from "./sd_watchdog.ts";
export * from "./server_events.ts";
export * from "./server_options.ts";
export * from "./server_stats.ts";
export * from "./stream_server.ts";
export * from "./tcp_server.ts";
export * from "./threading_mixin.ts";
export * from "./threading_servers.ts";
export * from "./tls_server.ts";
export * from "./udp_server.ts";
export * from "./unix_datagram_server.ts";
export * from "./unix_stream_server.ts";
