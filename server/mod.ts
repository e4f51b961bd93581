/**
 * Servers: what accepts requests and hands them to handlers.
 *
 *     BaseServer                      the steps of a request, the lifecycle
 *       StreamServer                  connections: closing them well, idle ones
 *         TCPServer
 *         TLSServer
 *         UnixStreamServer
 *       DatagramServer                datagrams: one buffer for all
 *         UDPServer
 *         UnixDatagramServer
 *
 * @module
 */

export * from "./base_server.ts";
export * from "./datagram_server.ts";
export * from "./forking_mixin.ts";
export * from "./forking_servers.ts";
export * from "./handler_lost_error.ts";
export * from "./server_options.ts";
export * from "./stream_server.ts";
export * from "./tcp_server.ts";
export * from "./threading_mixin.ts";
export * from "./threading_servers.ts";
export * from "./tls_server.ts";
export * from "./udp_server.ts";
export * from "./unix_datagram_server.ts";
export * from "./unix_stream_server.ts";
