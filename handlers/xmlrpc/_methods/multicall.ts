import { replaceIllegal } from "../_xml/xml_characters.ts";
import type { Limits } from "../_xml/limits.ts";
import { atOnce, inTurns } from "../_xml/in_pieces.ts";
import { writeValue } from "../_xml/write_value.ts";
import { XMLRPC_FAULT_CODES, XMLRPCFault } from "../xmlrpc_fault.ts";
import type { XMLRPCStruct, XMLRPCValue } from "../xmlrpc_values.ts";
import { nextTurn } from "../../_next_turn.ts";
import { quoted, resultFault } from "./faults.ts";
import { SYSTEM_METHODS } from "./system_methods.ts";

/** `<value><array><data>` around all results, and its end. */
const AROUND = 100;
/** How long calls may go on before others have a turn, in milliseconds. */
const LONGEST_TURN = 20;

/** What a multicall needs of its dispatcher. */
export interface MulticallOptions {
  readonly limits: Limits;
  /** How many calls it may be made of. */
  readonly maxCalls: number;
  /** The fault of what a call threw, which is also reported. */
  readonly asFault: (error: unknown, method: string) => XMLRPCFault;
}

/**
 * Makes the calls of a `system.multicall`, one after the other. All that they
 * answer, faults too, is counted as it comes: many calls of little XML could
 * have answers without end.
 *
 * @param calls What was sent as calls.
 * @param dispatch Makes one.
 * @returns Of each an array with its result, or a struct of a fault.
 * @throws {XMLRPCFault} If there are too many calls.
 */
export async function callMany(
  calls: readonly XMLRPCValue[],
  dispatch: (method: string, params: XMLRPCValue[]) => unknown,
  options: MulticallOptions,
): Promise<unknown[]> {
  const { limits, maxCalls } = options;
  if (calls.length > maxCalls) {
    throw new XMLRPCFault(
      XMLRPC_FAULT_CODES.invalidParams,
      `Cannot call "${SYSTEM_METHODS.multicall.name}": it has ${calls.length} calls, and at most ${maxCalls} are made at once; make more calls of fewer, or raise maxCalls`,
    );
  }
  const refusal = refusalOf(limits);
  const refusalLength = atOnce(writeValue(refusal, limits, Infinity)).length;
  const results: unknown[] = [];
  let room = limits.maxSize - AROUND;
  let turnBegan = performance.now();
  for (const call of calls) {
    // Each of the others must at least be told that it was not made.
    const reserved = (calls.length - results.length - 1) * refusalLength;
    const [result, length] = room - reserved < refusalLength
      ? [refusal, refusalLength]
      : await callOne(call, dispatch, room - reserved, options) ??
        [refusal, refusalLength];
    results.push(result);
    room -= length;
    if (performance.now() - turnBegan > LONGEST_TURN) {
      await nextTurn();
      turnBegan = performance.now();
    }
  }
  return results;
}

/**
 * Makes one call.
 *
 * @param room How long its result may be, in characters of XML.
 * @returns An array with its result, or a struct of a fault, and how long that
 * is; nothing if not even its fault has room.
 */
async function callOne(
  call: XMLRPCValue,
  dispatch: (method: string, params: XMLRPCValue[]) => unknown,
  room: number,
  { limits, asFault }: MulticallOptions,
): Promise<[result: unknown, length: number] | undefined> {
  let method = "";
  let fault: XMLRPCFault;
  try {
    const { methodName, params } = Object(call) as Record<string, unknown>;
    if (typeof methodName !== "string" || !Array.isArray(params)) {
      throw new XMLRPCFault(
        XMLRPC_FAULT_CODES.invalidParams,
        "Cannot call: each call must be a struct of methodName, a string, and params, an array",
      );
    }
    method = methodName;
    if (method === SYSTEM_METHODS.multicall.name) {
      throw new XMLRPCFault(
        XMLRPC_FAULT_CODES.invalidRequest,
        `Cannot call ${quoted(method)}: it is inside of itself`,
      );
    }
    // In an array, as it will be.
    const result = [await dispatch(method, params)];
    return [result, await lengthOf([result], method, limits, room)];
  } catch (error) {
    fault = asFault(error, method);
  }
  const value = faultStruct(fault);
  try {
    return [value, atOnce(writeValue(value, limits, room)).length];
  } catch {
    return undefined;
  }
}

/** One result that cannot be written must not spoil those of other calls. */
async function lengthOf(
  result: unknown,
  method: string,
  limits: Limits,
  room: number,
): Promise<number> {
  try {
    return (await inTurns(writeValue(result, limits, room))).length;
  } catch (error) {
    throw resultFault(error, method);
  }
}

function refusalOf({ maxSize }: Limits): XMLRPCStruct {
  return {
    faultCode: XMLRPC_FAULT_CODES.internalError,
    faultString:
      `Cannot call: the results of all calls would be longer than maxSize, ${maxSize} characters; make more calls of fewer`,
  };
}

/** A fault as it is written. */
export function faultStruct(fault: XMLRPCFault): XMLRPCStruct {
  const { faultCode, faultString } = fault;
  return { faultCode, faultString: replaceIllegal(faultString) };
}
