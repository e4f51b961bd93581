/**
 * XML-RPC: functions that are called over HTTP, with their parameters and
 * results as XML.
 *
 *     HTTPServer
 *       SimpleXMLRPCServer                  has functions to call
 *         DocXMLRPCServer                   and a documentation page
 *       MultiPathXMLRPCServer               has several dispatchers
 *
 *     XMLRPCDispatcher                      knows the functions and calls them
 *       CGIXMLRPCRequestHandler             one call through CGI
 *         DocCGIXMLRPCRequestHandler        and a documentation page
 *
 *     BaseHTTPRequestHandler
 *       SimpleXMLRPCRequestHandler          answers calls that come by POST
 *         DocXMLRPCRequestHandler           and GET with the documentation
 *         MultiPathXMLRPCRequestHandler     at each path of several dispatchers
 *
 *     XMLRPCClient                          calls methods of a server by name
 *       ServerProxy                         a server as an object, typed
 *       MultiCall                           several calls in one
 *
 * Which types there are, and what they are here: see {@linkcode XMLRPCValue}.
 *
 * Characters that XML cannot have (U+0000 to U+001F but tab, LF and CR, U+FFFE,
 * U+FFFF, lone surrogates) are refused both ways: such data is a `Uint8Array`.
 *
 * Faults have the codes of {@linkcode XMLRPC_FAULT_CODES}. What is not
 * well-formed is -32700, and so are document type declarations, entities but
 * XML's five, and more than `maxDepth` arrays and structs inside one another.
 * Comments, processing instructions and CDATA sections are well-formed XML
 * without such a declaration, and are read.
 *
 * What a call may cost is bounded. By default a document has at most 4 MiB, as
 * it comes and as it is decompressed (`limits.maxBodySize` of the handler,
 * `maxSize` of the dispatcher), 100,000 values (`maxValues`), and a multicall
 * 1,000 calls (`maxCalls`); an answer has 4 MiB at most, those to a multicall
 * together. A call of 64 KiB or more also waits where others hold too much
 * (`callLimits`, see {@linkcode XMLRPCCallLimits}). Reading and writing XML does
 * not wait for anything: with these limits it takes some tenths of a second at
 * most, and whoever raises them lets a single call hold up others on the same
 * thread for as much longer.
 *
 * Functions in threads and processes are registered with the handler class, in
 * its module, which is what travels there:
 *
 * ```ts
 * import { SimpleXMLRPCRequestHandler, ThreadingSimpleXMLRPCServer, XMLRPCDispatcher } from "@wire/socketserver/xmlrpc";
 *
 * export class Calculator extends SimpleXMLRPCRequestHandler {
 *   static override readonly moduleUrl: string = import.meta.url;
 *   static override readonly dispatcher: XMLRPCDispatcher = new XMLRPCDispatcher();
 *   static {
 *     this.dispatcher.registerFunction((a: number, b: number) => a + b, { name: "add" });
 *   }
 * }
 *
 * if (import.meta.main) {
 *   const server = new ThreadingSimpleXMLRPCServer({ port: 8000 }, Calculator);
 *   await server.serveForever();
 * }
 * ```
 *
 * @example A server that adds
 * ```ts
 * import { SimpleXMLRPCServer } from "@wire/socketserver/xmlrpc";
 *
 * await using server = new SimpleXMLRPCServer({ hostname: "127.0.0.1", port: 0 });
 * server.registerFunction((a: number, b: number) => a + b, { name: "add" });
 * ```
 *
 * @example A client of it
 * ```ts
 * import { ServerProxy } from "@wire/socketserver/xmlrpc";
 *
 * async function add(url: string): Promise<number> {
 *   using server = new ServerProxy<{ add(a: number, b: number): number }>(url);
 *   return await server.add(2, 3);
 * }
 * ```
 *
 * @module
 */

export * from "../../handlers/xmlrpc/cgi_xmlrpc_request_handler.ts";
export * from "../../handlers/xmlrpc/client/any_xmlrpc_methods.ts";
export * from "../../handlers/xmlrpc/client/multi_call.ts";
export * from "../../handlers/xmlrpc/client/server_proxy.ts";
export * from "../../handlers/xmlrpc/client/xmlrpc_client.ts";
export * from "../../handlers/xmlrpc/client/xmlrpc_client_options.ts";
export * from "../../handlers/xmlrpc/client/xmlrpc_protocol_error.ts";
export * from "../../handlers/xmlrpc/doc_cgi_xmlrpc_request_handler.ts";
export * from "../../handlers/xmlrpc/doc_xmlrpc_request_handler.ts";
export * from "../../handlers/xmlrpc/multi_path_xmlrpc_request_handler.ts";
export * from "../../handlers/xmlrpc/simple_xmlrpc_request_handler.ts";
export type { XMLRPCCallLimits } from "../../handlers/xmlrpc/xmlrpc_call_limits.ts";
export * from "../../handlers/xmlrpc/xmlrpc_dispatcher.ts";
export * from "../../handlers/xmlrpc/xmlrpc_documentation.ts";
export * from "../../handlers/xmlrpc/xmlrpc_fault.ts";
export * from "../../handlers/xmlrpc/xmlrpc_messages.ts";
export * from "../../handlers/xmlrpc/xmlrpc_signature.ts";
export * from "../../handlers/xmlrpc/xmlrpc_values.ts";
export * from "./doc_xmlrpc_server.ts";
export * from "./forking_xmlrpc_servers.ts";
export * from "./multi_path_xmlrpc_server.ts";
export * from "./simple_xmlrpc_server.ts";
export * from "./threading_xmlrpc_servers.ts";

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
  ReadSource,
  RequestServer,
  StreamReader,
  StreamWriter,
  WriteSink,
} from "../../handlers/mod.ts";
export type {
  BaseHTTPRequestHandler,
  ForwardedClient,
  HijackedConnection,
  HTTPLimits,
  HTTPServer,
} from "../http/mod.ts";
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
  WorkersStats,
  WorkerStats,
} from "../mod.ts";
