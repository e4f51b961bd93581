import { documentText } from "../_documentation/document_text.ts";
import { XMLRPC_FAULT_CODES, XMLRPCFault } from "../xmlrpc_fault.ts";
import type { XMLRPCValue } from "../xmlrpc_values.ts";
import type { Limits } from "./limits.ts";
import {
  expectEnd,
  expectStart,
  readValue,
  type ValueSource,
} from "./read_value.ts";
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
/** What a document of few values may have: comments, attributes. */
const MARKUP_AROUND = 1_000;
/** `<member>`, `<name>`, `<value>` and `<int>`; or `<param>` and `<value>`. */
const ELEMENTS_A_VALUE = 4;

/** @throws {XMLRPCFault} If it is no call. */
export function readCall(xml: string, limits: Limits): Call {
  return readDocument(xml, limits, "methodCall", (source) => {
    const { reader } = source;
    expectStart(reader, "methodName");
    const method = reader.content();
    if (method === "") throw invalidRequest("<methodName> is empty");
    const params: XMLRPCValue[] = [];
    if (reader.tag() === "end") return { method, params };
    if (reader.name !== "params") {
      throw invalidRequest(`<${reader.name}> stands where <params> should`);
    }
    while (reader.tag() === "start") {
      params.push(readParam(source));
    }
    expectEnd(reader, "methodCall");
    return { method, params };
  });
}

/** @throws {XMLRPCFault} If it is no response. */
export function readResponse(xml: string, limits: Limits): Response {
  return readDocument(xml, limits, "methodResponse", (source) => {
    const { reader } = source;
    if (reader.tag() !== "start") {
      throw invalidRequest("<methodResponse> is empty");
    }
    let response: Response;
    if (reader.name === "fault") {
      expectStart(reader, "value");
      response = { fault: readValue(source) };
      expectEnd(reader, "fault");
    } else {
      if (reader.name !== "params" || reader.tag() !== "start") {
        throw invalidRequest("<methodResponse> has neither value nor fault");
      }
      response = { value: readParam(source) };
      expectEnd(reader, "params");
    }
    expectEnd(reader, "methodResponse");
    return response;
  });
}

/** The text of a document that came as bytes. */
export function readText(
  data: string | Uint8Array,
  { maxSize }: Limits,
): string {
  if (typeof data === "string") return data;
  if (data.length > maxSize) throw tooLong(maxSize);
  return documentText(data);
}

function tooLong(maxSize: number): XMLRPCFault {
  return new XMLRPCFault(
    XMLRPC_FAULT_CODES.parseError,
    `Cannot read XML: it is longer than maxSize, ${maxSize}`,
  );
}

/** Writes a call. */
export function writeCall(
  method: string,
  params: readonly unknown[],
  limits: Limits,
): string {
  let room = limits.maxSize;
  const name = escapeText(method, room);
  room -= name.length;
  const values = params.map((param) => {
    const value = writeValue(param, limits, room);
    room -= value.length;
    return `<param>${value}</param>`;
  });
  return `${DECLARATION}<methodCall><methodName>${name}</methodName><params>${
    values.join("")
  }</params></methodCall>\n`;
}

/** Writes the answer to a call. */
export function writeResponse(value: unknown, limits: Limits): string {
  return `${DECLARATION}<methodResponse><params><param>${
    writeValue(value, limits)
  }</param></params></methodResponse>\n`;
}

/**
 * Writes the answer to a call that failed. What cannot be told is replaced: there
 * is nobody else to tell it to.
 */
export function writeFault(fault: XMLRPCFault, limits: Limits): string {
  let value: string;
  try {
    const { faultCode, faultString } = fault;
    value = writeValue(
      { faultCode, faultString: replaceIllegal(faultString) },
      limits,
    );
  } catch {
    value = writeValue({
      faultCode: XMLRPC_FAULT_CODES.internalError,
      faultString: "Cannot answer: the fault is too long or cannot be written",
    }, { ...limits, maxDepth: 1, maxSize: Infinity });
  }
  return `${DECLARATION}<methodResponse><fault>${value}</fault></methodResponse>\n`;
}

/** Reads a `<param>`, after its start tag. */
function readParam(source: ValueSource): XMLRPCValue {
  const { reader } = source;
  if (reader.name !== "param") {
    throw invalidRequest(`<${reader.name}> stands where <param> should`);
  }
  expectStart(reader, "value");
  const value = readValue(source);
  expectEnd(reader, "param");
  return value;
}

function readDocument<T>(
  xml: string,
  limits: Limits,
  root: string,
  read: (source: ValueSource) => T,
): T {
  const { allowNil, maxDepth, maxSize, maxValues } = limits;
  if (xml.length > maxSize) throw tooLong(maxSize);
  const reader = new XMLReader(
    xml,
    ELEMENTS_AROUND + ELEMENTS_A_LEVEL * maxDepth,
    MARKUP_AROUND + ELEMENTS_A_VALUE * maxValues,
  );
  let message: T;
  try {
    expectStart(reader, root);
    message = read({ reader, allowNil, maxValues, values: 0 });
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
