/**
 * The servers of XML-RPC with `ForkingMixIn` mixed in. Their handler class
 * must be exported and have `moduleUrl` and a `dispatcher`.
 *
 * @module
 */

import type { Recyclable } from "../recyclable.ts";
import { DocXMLRPCServer } from "./doc_xmlrpc_server.ts";
import { SimpleXMLRPCServer } from "./simple_xmlrpc_server.ts";
import { type Forking, ForkingMixIn } from "../forking_mixin.ts";

/** A {@linkcode SimpleXMLRPCServer} whose handlers run in processes. */
export const ForkingSimpleXMLRPCServer: Forking<typeof SimpleXMLRPCServer> =
  ForkingMixIn(SimpleXMLRPCServer);
/** An instance of the class of the same name. */
export type ForkingSimpleXMLRPCServer = SimpleXMLRPCServer & Recyclable;

/** A {@linkcode DocXMLRPCServer} whose handlers run in processes. */
export const ForkingDocXMLRPCServer: Forking<typeof DocXMLRPCServer> =
  ForkingMixIn(DocXMLRPCServer);
/** An instance of the class of the same name. */
export type ForkingDocXMLRPCServer = DocXMLRPCServer & Recyclable;
