import { checkKeys } from "../_known_keys.ts";

/**
 * The codes of Dan Libby's "Specification for Fault Code Interoperability",
 * version 20010516, which XML-RPC servers share. An application's own codes
 * belong outside of -32768 to -32000.
 */
export const XMLRPC_FAULT_CODES = {
  /** What was sent is not well-formed, or more than the reader accepts. */
  parseError: -32700,
  /** The document's encoding is not known here. */
  unsupportedEncoding: -32701,
  /** A byte of the document does not belong to its encoding. */
  invalidCharacter: -32702,
  /** The document is well-formed XML and no call of XML-RPC. */
  invalidRequest: -32600,
  /** No such method. */
  methodNotFound: -32601,
  /** The method takes other parameters. */
  invalidParams: -32602,
  /** The result cannot be sent. */
  internalError: -32603,
  /** The method threw something that is no fault. */
  applicationError: -32500,
} as const;

/**
 * A fault of XML-RPC: the answer to a call that failed. A method that throws
 * one decides what its caller is told.
 *
 * @example A method that refuses
 * ```ts
 * import { XMLRPCFault } from "@wire/socketserver/xmlrpc";
 *
 * function divide(a: number, b: number): number {
 *   if (b === 0) throw new XMLRPCFault(1, "Cannot divide by 0");
 *   return a / b;
 * }
 * ```
 */
export class XMLRPCFault extends Error {
  /** Says to programs what went wrong; a 32-bit integer. */
  readonly faultCode: number;
  /** Says it to people. */
  readonly faultString: string;

  /**
   * Constructs a new instance.
   *
   * @param faultCode A 32-bit integer.
   * @param faultString What went wrong.
   * @param options The cause, which is not sent.
   * @throws {RangeError} If `faultCode` is not a 32-bit integer.
   * @throws {TypeError} If an option has an unknown name.
   */
  constructor(
    faultCode: number,
    faultString: string,
    options: ErrorOptions = {},
  ) {
    if ((faultCode | 0) !== faultCode) {
      throw new RangeError(
        `Cannot create fault: the code must be a 32-bit integer, received ${faultCode}`,
      );
    }
    checkKeys("option", options, ["cause"], undefined, "create fault");
    super(faultString, options);
    this.name = "XMLRPCFault";
    this.faultCode = faultCode;
    this.faultString = faultString;
  }
}
