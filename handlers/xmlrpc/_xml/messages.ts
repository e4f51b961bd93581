import { documentText } from "../_documentation/document_text.ts";
import { XMLRPC_FAULT_CODES, XMLRPCFault } from "../xmlrpc_fault.ts";
import type { XMLRPCValue } from "../xmlrpc_values.ts";
import { atOnce, type InPieces, STEPS } from "./in_pieces.ts";
import type { Limits } from "./limits.ts";
import {
  expectEnd,
  expectStart,
  readValue,
  type ValueSource,
} from "./read_value.ts";
import { writeValue } from "./write_value.ts";
import {
  escapeText,
  normalizeLineEndings,
  replaceIllegal,
} from "./xml_characters.ts";
import { invalidRequest, XMLReader } from "./xml_reader.ts";

/** A call that was read: which method, and with what. */
export interface XMLRPCCall {
  /** The name of the method. */
  readonly method: string;
  /** The parameters, in their order. */
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
export function readCall(
  data: string | Uint8Array,
  limits: Limits,
): InPieces<XMLRPCCall> {
  return readDocument(data, limits, "methodCall", function* (source) {
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
      params.push(yield* readParam(source));
      if (params.length % STEPS === 0) yield;
    }
    expectEnd(reader, "methodCall");
    return { method, params };
  });
}

/** @throws {XMLRPCFault} If it is no response. */
export function readResponse(
  data: string | Uint8Array,
  limits: Limits,
): InPieces<Response> {
  return readDocument(data, limits, "methodResponse", function* (source) {
    const { reader } = source;
    if (reader.tag() !== "start") {
      throw invalidRequest("<methodResponse> is empty");
    }
    let response: Response;
    if (reader.name === "fault") {
      expectStart(reader, "value");
      response = { fault: yield* readValue(source) };
      expectEnd(reader, "fault");
    } else {
      if (reader.name !== "params" || reader.tag() !== "start") {
        throw invalidRequest("<methodResponse> has neither value nor fault");
      }
      response = { value: yield* readParam(source) };
      expectEnd(reader, "params");
    }
    expectEnd(reader, "methodResponse");
    return response;
  });
}

/**
 * Reads the answer to a call, as its caller sees it.
 *
 * @returns The value.
 * @throws {XMLRPCFault} If the call was answered with a fault: that one.
 * @throws {SyntaxError} If it is no response.
 */
export function* readAnswer(
  data: string | Uint8Array,
  limits: Limits,
): InPieces<XMLRPCValue> {
  let response;
  try {
    response = yield* readResponse(data, limits);
  } catch (error) {
    // Only the server's faults are faults to a client.
    if (!(error instanceof XMLRPCFault)) throw error;
    throw new SyntaxError(error.message, { cause: error });
  }
  if ("value" in response) return response.value;
  throw faultIn(response.fault) ??
    new SyntaxError(
      "Cannot read XML-RPC: the fault has no faultCode and faultString",
    );
}

/** The fault that a value stands for, if it does. */
export function faultIn(value: unknown): XMLRPCFault | undefined {
  const { faultCode, faultString } = Object(value) as Record<string, unknown>;
  return typeof faultCode === "number" && (faultCode | 0) === faultCode &&
      typeof faultString === "string"
    ? new XMLRPCFault(faultCode, faultString)
    : undefined;
}

/** The text of a document that came as bytes. */
function readText(
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
    const value = atOnce(writeValue(param, limits, room));
    room -= value.length;
    return `<param>${value}</param>`;
  });
  return `${DECLARATION}<methodCall><methodName>${name}</methodName><params>${
    values.join("")
  }</params></methodCall>\n`;
}

/** Writes the answer to a call. */
export function* writeResponse(
  value: unknown,
  limits: Limits,
): InPieces<string> {
  const xml = yield* writeValue(value, limits);
  return `${DECLARATION}<methodResponse><params><param>${xml}</param></params></methodResponse>\n`;
}

/**
 * Writes the answer to a call that failed. What cannot be told is replaced: there
 * is nobody else to tell it to.
 */
export function writeFault(fault: XMLRPCFault, limits: Limits): string {
  let value: string;
  try {
    const { faultCode, faultString } = fault;
    value = atOnce(writeValue(
      { faultCode, faultString: replaceIllegal(faultString) },
      limits,
    ));
  } catch {
    value = atOnce(writeValue({
      faultCode: XMLRPC_FAULT_CODES.internalError,
      faultString: "Cannot answer: the fault is too long or cannot be written",
    }, { ...limits, maxDepth: 1, maxSize: Infinity }));
  }
  return `${DECLARATION}<methodResponse><fault>${value}</fault></methodResponse>\n`;
}

/** Reads a `<param>`, after its start tag. */
function* readParam(source: ValueSource): InPieces<XMLRPCValue> {
  const { reader } = source;
  if (reader.name !== "param") {
    throw invalidRequest(`<${reader.name}> stands where <param> should`);
  }
  expectStart(reader, "value");
  const value = yield* readValue(source);
  expectEnd(reader, "param");
  return value;
}

/** Reads a document. What takes longest of each piece is its longest text. */
function* readDocument<T>(
  data: string | Uint8Array,
  limits: Limits,
  root: string,
  read: (source: ValueSource) => InPieces<T>,
): InPieces<T> {
  const { allowNil, maxDepth, maxSize, maxValues } = limits;
  const xml = readText(data, limits);
  if (xml.length > maxSize) throw tooLong(maxSize);
  yield;
  const source = yield* normalizeLineEndings(xml);
  const reader = new XMLReader(
    source,
    ELEMENTS_AROUND + ELEMENTS_A_LEVEL * maxDepth,
    MARKUP_AROUND + ELEMENTS_A_VALUE * maxValues,
  );
  yield;
  let message: T;
  try {
    expectStart(reader, root);
    message = yield* read({ reader, allowNil, maxValues, values: 0 });
  } catch (error) {
    // Whatever else is wrong with it: not to be well-formed comes first.
    if (!isParseError(error)) yield* finish(reader);
    throw error;
  }
  yield* finish(reader);
  return message;
}

/** Reads on to the end of the document. */
function* finish(reader: XMLReader): InPieces<void> {
  for (let steps = 0; reader.next() !== "document end";) {
    if (++steps % STEPS === 0) yield;
  }
}

function isParseError(error: unknown): boolean {
  return error instanceof XMLRPCFault &&
    error.faultCode === XMLRPC_FAULT_CODES.parseError;
}
