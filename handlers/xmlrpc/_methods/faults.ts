import { inspectBounded } from "../../_inspect_bounded.ts";
import { XMLRPC_FAULT_CODES, XMLRPCFault } from "../xmlrpc_fault.ts";

/** How much of a name or a message that somebody sent is repeated. */
const LONGEST_DETAIL = 200;

/**
 * The fault that a client is told of an error.
 *
 * @param error What was thrown: anything.
 */
export function faultOf(error: unknown): XMLRPCFault {
  if (isFault(error)) return error;
  return new XMLRPCFault(
    XMLRPC_FAULT_CODES.applicationError,
    describe(error),
  );
}

/** Whether what was thrown says itself what a client is told. */
export function isFault(error: unknown): error is XMLRPCFault {
  try {
    return error instanceof XMLRPCFault;
  } catch {
    // To ask a proxy runs code that may throw.
    return false;
  }
}

/** A name as it is quoted in a fault: it may have been sent to be long. */
export function quoted(name: string): string {
  return `"${
    name.length > LONGEST_DETAIL ? `${name.slice(0, LONGEST_DETAIL)}…` : name
  }"`;
}

export function methodNotFound(method: string): XMLRPCFault {
  return new XMLRPCFault(
    XMLRPC_FAULT_CODES.methodNotFound,
    `Cannot call ${quoted(method)}: there is no such method`,
  );
}

/** The fault of a result that cannot be written. */
export function resultFault(error: unknown, method: string): XMLRPCFault {
  return new XMLRPCFault(
    XMLRPC_FAULT_CODES.internalError,
    `Cannot answer ${quoted(method)}: ${describe(error, false)}`,
    { cause: error },
  );
}

/** What was thrown need not be an error, and may throw itself when it is read. */
function describe(error: unknown, withName = true): string {
  try {
    if (!(error instanceof Error)) return inspectBounded(error);
    return withName ? `${error.name}: ${error.message}` : `${error.message}`;
  } catch {
    return "Error: it cannot be described";
  }
}
