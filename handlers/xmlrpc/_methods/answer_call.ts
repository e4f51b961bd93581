import { inspectBounded } from "../../_inspect_bounded.ts";
import { limitsOf } from "../_xml/limits.ts";
import { writeFault } from "../_xml/messages.ts";
import type { XMLRPCDispatch, XMLRPCDispatcher } from "../xmlrpc_dispatcher.ts";
import { faultOf } from "./faults.ts";

/**
 * Answers a call with what a dispatcher makes of it. A dispatcher of somebody
 * else's may throw where it should answer with a fault; its caller gets one all
 * the same.
 *
 * @param dispatcher The dispatcher.
 * @param data The call.
 * @param report Told of what the dispatcher threw.
 * @param dispatch What calls the method.
 * @returns A promise of the answer as XML.
 */
export async function answerCall(
  dispatcher: XMLRPCDispatcher,
  data: Uint8Array,
  report: (message: string) => void,
  dispatch?: XMLRPCDispatch,
): Promise<string> {
  let error: unknown;
  try {
    const xml: unknown = await dispatcher.marshaledDispatch(data, dispatch);
    if (typeof xml === "string") return xml;
    error = new TypeError(
      `marshaledDispatch() must return a string, received ${
        inspectBounded(xml)
      }`,
    );
  } catch (thrown) {
    error = thrown;
  }
  const fault = faultOf(error);
  report(`The dispatcher failed: ${fault.faultString}`);
  return writeFault(fault, limitsOf());
}
