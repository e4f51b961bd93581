/**
 * The servers of XML-RPC with `ThreadingMixIn` mixed in. Their handler class
 * must be exported and have `moduleUrl` and a `dispatcher`.
 *
 * @module
 */

import type { Recyclable } from "../recyclable.ts";
import { DocXMLRPCServer } from "./doc_xmlrpc_server.ts";
import { SimpleXMLRPCServer } from "./simple_xmlrpc_server.ts";
import { type Threading, ThreadingMixIn } from "../threading_mixin.ts";

/** A {@linkcode SimpleXMLRPCServer} whose handlers run in threads. */
export const ThreadingSimpleXMLRPCServer: Threading<typeof SimpleXMLRPCServer> =
  ThreadingMixIn(SimpleXMLRPCServer);
/** An instance of the class of the same name. */
export type ThreadingSimpleXMLRPCServer = SimpleXMLRPCServer & Recyclable;

/** A {@linkcode DocXMLRPCServer} whose handlers run in threads. */
export const ThreadingDocXMLRPCServer: Threading<typeof DocXMLRPCServer> =
  ThreadingMixIn(DocXMLRPCServer);
/** An instance of the class of the same name. */
export type ThreadingDocXMLRPCServer = DocXMLRPCServer & Recyclable;
