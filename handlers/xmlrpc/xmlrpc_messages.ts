/**
 * Calls and responses of XML-RPC, to and from XML: for clients and servers that
 * have their own way of carrying them.
 *
 * @module
 */

import { atOnce } from "./_xml/in_pieces.ts";
import { onlyLimitsOf } from "./_xml/limits.ts";
import {
  readAnswer,
  readCall,
  writeCall,
  writeFault,
  writeResponse,
  type XMLRPCCall,
} from "./_xml/messages.ts";
import { XMLRPCFault } from "./xmlrpc_fault.ts";
import type { XMLRPCOptions, XMLRPCValue } from "./xmlrpc_values.ts";

export type { XMLRPCCall };

/**
 * Writes a call, for who carries it some other way than `XMLRPCClient` does.
 *
 * @example A call in a message of one's own
 * ```ts
 * import { encodeXMLRPCCall } from "@wire/socketserver/xmlrpc";
 * import { match } from "node:assert";
 *
 * match(encodeXMLRPCCall("add", [2, 3]), /<methodName>add<\/methodName>/);
 * ```
 *
 * @param method The name of the method.
 * @param params What to call it with.
 * @param options How values may be written.
 * @returns The XML, to be sent as UTF-8.
 * @throws {TypeError} If a value has no form in XML-RPC.
 * @throws {RangeError} If a number or date is out of range, or a value too deep
 * or too long.
 */
export function encodeXMLRPCCall(
  method: string,
  params: readonly unknown[],
  options?: XMLRPCOptions,
): string {
  return writeCall(method, params, onlyLimitsOf(options, "write XML-RPC"));
}

/**
 * Writes the answer to a call.
 *
 * @example An answer, there and back
 * ```ts
 * import { decodeXMLRPCResponse, encodeXMLRPCResponse } from "@wire/socketserver/xmlrpc";
 * import { deepStrictEqual } from "node:assert";
 *
 * const xml = encodeXMLRPCResponse({ sum: 5, exact: true });
 * deepStrictEqual(decodeXMLRPCResponse(xml), { sum: 5, exact: true });
 * ```
 *
 * @param result The value, or the {@linkcode XMLRPCFault}.
 * @param options How values may be written.
 * @returns The XML, to be sent as UTF-8.
 * @throws {TypeError} If a value has no form in XML-RPC.
 * @throws {RangeError} If a number or date is out of range, or a value too deep
 * or too long.
 */
export function encodeXMLRPCResponse(
  result: unknown,
  options?: XMLRPCOptions,
): string {
  const limits = onlyLimitsOf(options, "write XML-RPC");
  return result instanceof XMLRPCFault
    ? writeFault(result, limits)
    : atOnce(writeResponse(result, limits));
}

/**
 * Reads a call.
 *
 * @example A call, there and back
 * ```ts
 * import { decodeXMLRPCCall, encodeXMLRPCCall } from "@wire/socketserver/xmlrpc";
 * import { deepStrictEqual } from "node:assert";
 *
 * const xml = encodeXMLRPCCall("add", [2, 3]);
 * deepStrictEqual(decodeXMLRPCCall(xml), { method: "add", params: [2, 3] });
 * ```
 *
 * @param xml The XML: text, or bytes in the encoding that they declare.
 * @param options How values may be read.
 * @returns The method's name and the parameters.
 * @throws {XMLRPCFault} If it is no call; with the code to answer it with.
 */
export function decodeXMLRPCCall(
  xml: string | Uint8Array,
  options?: XMLRPCOptions,
): XMLRPCCall {
  const limits = onlyLimitsOf(options, "read XML-RPC");
  return atOnce(readCall(xml, limits));
}

/**
 * Reads the answer to a call.
 *
 * @example A fault
 * ```ts
 * import { decodeXMLRPCResponse, encodeXMLRPCResponse, XMLRPCFault } from "@wire/socketserver/xmlrpc";
 * import { throws } from "node:assert";
 *
 * const xml = encodeXMLRPCResponse(new XMLRPCFault(4, "Too many parameters"));
 * throws(() => decodeXMLRPCResponse(xml), { faultCode: 4 });
 * ```
 *
 * @param xml The XML: text, or bytes in the encoding that they declare.
 * @param options How values may be read.
 * @returns The value.
 * @throws {XMLRPCFault} If the call was answered with a fault: that one.
 * @throws {SyntaxError} If it is no response.
 */
export function decodeXMLRPCResponse(
  xml: string | Uint8Array,
  options?: XMLRPCOptions,
): XMLRPCValue {
  const limits = onlyLimitsOf(options, "read XML-RPC");
  return atOnce(readAnswer(xml, limits));
}
