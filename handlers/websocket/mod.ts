/**
 * WebSockets (RFC 6455) over the servers of this module: TCP, TLS and Unix sockets,
 * on the event loop, in threads and in processes.
 *
 * {@linkcode upgradeWebSocket} makes a {@linkcode ServerWebSocket} of a request. It
 * is an `EventTarget` like a browser's `WebSocket`, and gives its messages to a loop
 * as well. Compression (permessage-deflate, RFC 7692) is an option.
 *
 * @example A chat
 * ```ts
 * import { HTTPServer } from "@wire/socketserver/http";
 * import { type ServerWebSocket, upgradeWebSocket } from "@wire/socketserver/websocket";
 *
 * const members = new Set<ServerWebSocket>();
 *
 * await using server = new HTTPServer({ hostname: "127.0.0.1", port: 0 }, (request) => {
 *   const { socket, response } = upgradeWebSocket(request, { idleTimeout: 30_000 });
 *   socket.onopen = () => members.add(socket);
 *   socket.onclose = () => members.delete(socket);
 *   socket.onmessage = ({ data }) => {
 *     for (const member of members) member.send(data as string);
 *   };
 *   return response;
 * });
 * ```
 *
 * @module
 */

export type {
  ServerWebSocket,
  ServerWebSocketEventMap,
  ServerWebSocketListener,
  WebSocketEnd,
  WebSocketMessage,
} from "./server_web_socket.ts";
export type {
  DeflateOptions,
  UpgradeWebSocketOptions,
} from "./upgrade_options.ts";
export * from "./upgrade_web_socket.ts";

// Named in the signatures of this entry, whose pages lead to them here.
export type {
  BaseRequestHandler,
  FrameOptions,
  FrameReadOptions,
  PieceOptions,
  ProxyAddress,
  ProxyHeader,
  ProxySSL,
  ProxyTLV,
  ProxyTLVs,
  ReadOptions,
  RequestServer,
  StreamReader,
  StreamWriter,
} from "../mod.ts";
export type { BaseHTTPRequestHandler } from "../http/base_http_request_handler.ts";
export type { ForwardedClient } from "../http/forwarded_settings.ts";
export type { HijackedConnection } from "../http/hijacked_connection.ts";
