/**
 * HTTP on the servers of this module: what `http.server` is to Python's
 * `socketserver`.
 *
 * | class | what it answers |
 * |---|---|
 * | {@linkcode BaseHTTPRequestHandler} | with `doGET`, `doPOST` and so on |
 * | {@linkcode FetchRequestHandler} | a `Request` with a `Response` |
 * | {@linkcode SimpleHTTPRequestHandler} | with the files of a directory |
 * | {@linkcode CGIHTTPRequestHandler} | the same, and with what CGI scripts print |
 *
 * {@linkcode serveFile} answers a `Request` with one file.
 *
 * @example A server with a fetch handler
 * ```ts
 * import { HTTPServer } from "@wire/socketserver/http";
 *
 * await using server = new HTTPServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   (request) => new Response(`You sent a ${request.method}\n`),
 * );
 * ```
 *
 * It is also a command that serves files:
 * `deno run -N -R=public jsr:@wire/socketserver/http public 8080`. It
 * takes the arguments of `python3 -m http.server`, and with `--help` it tells all.
 *
 * @module
 */

export {
  type AccessLog,
  type AccessLogFormat,
  type AccessLogFunction,
  formatAccessLog,
} from "../../handlers/http/access_log.ts";
export type { AccessLogRecord } from "../../handlers/http/access_log_record.ts";
export {
  BaseHTTPRequestHandler,
  type ProtocolVersion,
  type StatusTexts,
} from "../../handlers/http/base_http_request_handler.ts";
export {
  CGIHTTPRequestHandler,
  type CGIUser,
} from "../../handlers/http/cgi_http_request_handler.ts";
export * from "../../handlers/http/fetch_request_handler.ts";
export type {
  ForwardedClient,
  ForwardedField,
  ForwardedSettings,
} from "../../handlers/http/forwarded_settings.ts";
export type { HijackedConnection } from "../../handlers/http/hijacked_connection.ts";
export type {
  ContentCoding,
  HTTPCompression,
} from "../../handlers/http/http_compression.ts";
export * from "../../handlers/http/http_error.ts";
export type { HTTPLimits } from "../../handlers/http/http_limits.ts";
export * from "../../handlers/http/serve_file.ts";
export * from "../../handlers/http/simple_http_request_handler.ts";
export * from "./forking_http_servers.ts";
export * from "./http_server.ts";
export * from "./https_server.ts";
export * from "./threading_http_servers.ts";

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
  TLSCertificate,
  TLSOptions,
} from "../../handlers/mod.ts";
export type {
  AbortReason,
  AcceptMode,
  AdmissionOptions,
  AdmissionRate,
  BaseServer,
  ConnectionInfo,
  ConnectionState,
  ForkingOptions,
  InheritedAddress,
  InheritedTLSAddress,
  MessageSender,
  ProxyProtocolOptions,
  Recyclable,
  RecycleOptions,
  RefusalReason,
  RequestHandlerClass,
  ServerOptions,
  ServerStats,
  ShutdownOptions,
  StreamServer,
  StreamServerOptions,
  TCPAddr,
  TCPServer,
  TCPServerAddress,
  TCPServerOptions,
  ThreadingOptions,
  TLSServer,
  TLSServerAddress,
  TLSServerOptions,
  WorkersStats,
  WorkerStats,
} from "../mod.ts";

// A thread whose module this is has no command line of its own.
if (import.meta.main && !("WorkerGlobalScope" in globalThis)) {
  const { runHTTPCommand } = await import("./_command/command.ts");
  await runHTTPCommand();
}
