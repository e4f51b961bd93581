/**
 * What `server/` has of its own. `server/mod.ts` adds the types of handlers that this
 * names; the module's `mod.ts` has those from `handlers/`, and has them once.
 *
 * @module
 */

export * from "./admission_options.ts";
export * from "./base_server.ts";
export * from "./datagram_server.ts";
export * from "./decode_proxy_header.ts";
export * from "./encode_proxy_header.ts";
export * from "./forking_mixin.ts";
export * from "./forking_options.ts";
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
export * from "./threading_options.ts";
export * from "./threading_servers.ts";
export * from "./tls_server.ts";
export * from "./udp_server.ts";
export * from "./unix_datagram_server.ts";
export * from "./unix_stream_server.ts";
