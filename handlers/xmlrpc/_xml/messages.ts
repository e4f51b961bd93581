import { XMLRPC_FAULT_CODES, XMLRPCFault } from "../xmlrpc_fault.ts";
import type { XMLRPCValue } from "../xmlrpc_values.ts";
import type { Limits } from "./limits.ts";
import { expectEnd, expectStart, readValue } from "./read_value.ts";
import { writeValue } from "./write_value.ts";
import { escapeText, replaceIllegal } from "./xml_characters.ts";
import { invalidRequest, XMLReader } from "./xml_reader.ts";

/** A call: which method, and with what. */
export interface Call {
  readonly method: string;
  readonly params: XMLRPCValue[];
}

/** An answer: its value, or the fault. */
export type Response =
  | { readonly value: XMLRPCValue }
  | { readonly fault: XMLRPCValue };

const DECLARATION = '<?xml version="1.0"?>\n';
/** `<value>`, `<array>` and `<data>`, or `<value>`, `<struct>` and `<member>`. */
const ELEMENTS_A_LEVEL = 3;
/** `<methodCall>`, `<params>`, `<param>`, and around a scalar `<value><int>`. */
const ELEMENTS_AROUND = 5;

/** @throws {XMLRPCFault} If it is no call. */
export function readCall(xml: string, limits: Limits): Call {
  return readDocument(xml, limits, "methodCall", (reader) => {
    expectStart(reader, "methodName");
    const method = reader.content();
    if (method === "") throw invalidRequest("<methodName> is empty");
    const params: XMLRPCValue[] = [];
    if (reader.tag() === "end") return { method, params };
    if (reader.name !== "params") {
      throw invalidRequest(`<${reader.name}> stands where <params> should`);
    }
    while (reader.tag() === "start") {
      params.push(readParam(reader, limits));
    }
    expectEnd(reader, "methodCall");
    return { method, params };
  });
}

/** @throws {XMLRPCFault} If it is no response. */
export function readResponse(xml: string, limits: Limits): Response {
  return readDocument(xml, limits, "methodResponse", (reader) => {
    if (reader.tag() !== "start") {
      throw invalidRequest("<methodResponse> is empty");
    }
    let response: Response;
    if (reader.name === "fault") {
      expectStart(reader, "value");
      response = { fault: readValue(reader, limits) };
      expectEnd(reader, "fault");
    } else {
      if (reader.name !== "params" || reader.tag() !== "start") {
        throw invalidRequest("<methodResponse> has neither value nor fault");
      }
      response = { value: readParam(reader, limits) };
      expectEnd(reader, "params");
    }
    expectEnd(reader, "methodResponse");
    return response;
  });
}

/** Writes a call. */
export function writeCall(
  method: string,
  params: readonly unknown[],
  limits: Limits,
): string {
  const values = params
    .map((param) => `<param>${writeValue(param, limits)}</param>`).join("");
  return `${DECLARATION}<methodCall><methodName>${
    escapeText(method)
  }</methodName><params>${values}</params></methodCall>\n`;
}

/** Writes the answer to a call. */
export function writeResponse(value: unknown, limits: Limits): string {
  return `${DECLARATION}<methodResponse><params><param>${
    writeValue(value, limits)
  }</param></params></methodResponse>\n`;
}

/** Writes the answer to a call that failed. */
export function writeFault(fault: XMLRPCFault, limits: Limits): string {
  const { faultCode, faultString } = fault;
  const value = { faultCode, faultString: replaceIllegal(faultString) };
  return `${DECLARATION}<methodResponse><fault>${
    writeValue(value, limits)
  }</fault></methodResponse>\n`;
}

/** Reads a `<param>`, after its start tag. */
function readParam(reader: XMLReader, limits: Limits): XMLRPCValue {
  if (reader.name !== "param") {
    throw invalidRequest(`<${reader.name}> stands where <param> should`);
  }
  expectStart(reader, "value");
  const value = readValue(reader, limits);
  expectEnd(reader, "param");
  return value;
}

function readDocument<T>(
  xml: string,
  limits: Limits,
  root: string,
  read: (reader: XMLReader) => T,
): T {
  const reader = new XMLReader(
    xml,
    ELEMENTS_AROUND + ELEMENTS_A_LEVEL * limits.maxDepth,
  );
  let message: T;
  try {
    expectStart(reader, root);
    message = read(reader);
  } catch (error) {
    // Whatever else is wrong with it: not to be well-formed comes first.
    if (!isParseError(error)) reader.finish();
    throw error;
  }
  reader.finish();
  return message;
}

function isParseError(error: unknown): boolean {
  return error instanceof XMLRPCFault &&
    error.faultCode === XMLRPC_FAULT_CODES.parseError;
}
