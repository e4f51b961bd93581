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
 * Which values there are, and as what they appear: see {@linkcode XMLRPCValue}.
 *
 * @example A server that adds
 * ```ts
 * import { SimpleXMLRPCServer } from "@wire/socketserver/xmlrpc";
 *
 * await using server = new SimpleXMLRPCServer({ hostname: "127.0.0.1", port: 0 });
 * server.registerFunction((a: number, b: number) => a + b, { name: "add" });
 * ```
 *
 * @module
 */

export * from "../handlers/cgi_xmlrpc_request_handler.ts";
export * from "../handlers/doc_cgi_xmlrpc_request_handler.ts";
export * from "../handlers/doc_xmlrpc_request_handler.ts";
export * from "../handlers/multi_path_xmlrpc_request_handler.ts";
export * from "../handlers/simple_xmlrpc_request_handler.ts";
export * from "../handlers/xmlrpc_dispatcher.ts";
export * from "../handlers/xmlrpc_documentation.ts";
export * from "../handlers/xmlrpc_fault.ts";
export * from "../handlers/xmlrpc_messages.ts";
export * from "../handlers/xmlrpc_signature.ts";
export * from "../handlers/xmlrpc_values.ts";
export * from "./doc_xmlrpc_server.ts";
export * from "./forking_xmlrpc_servers.ts";
export * from "./multi_path_xmlrpc_server.ts";
export * from "./simple_xmlrpc_server.ts";
export * from "./threading_xmlrpc_servers.ts";
