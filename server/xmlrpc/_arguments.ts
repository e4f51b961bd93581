import {
  completeCallLimits,
  type XMLRPCCallLimits,
} from "../../handlers/xmlrpc/xmlrpc_call_limits.ts";
import { withSeam } from "../_core/seam.ts";
import type { RequestHandlerClass } from "../server_options.ts";

/** A handler class, as servers of XML-RPC take it. */
export type XMLRPCHandlerClass = RequestHandlerClass<
  Deno.TcpConn,
  Deno.NetAddr
>;

/** A handler class that limits what calls may cost. */
interface CallLimited {
  readonly callLimits: Partial<XMLRPCCallLimits>;
}

/** The names of the options that servers of XML-RPC add to others'. */
const OPTION_NAMES = [
  ...["logRequests", "documentation", "onFault", "maxCalls"],
  ...["allowNil", "maxDepth", "maxSize", "maxValues"],
];

/**
 * What a constructor was given whose handler may be left out.
 *
 * @param second The handler class, or the options.
 * @param third The options, if the second is the handler class.
 * @param Default The handler class where none is given.
 * @throws {RangeError} If a limit of the handler class is out of range.
 * @throws {TypeError} If it has an unknown name.
 */
export function handlerAndOptions<Options extends object>(
  second: XMLRPCHandlerClass | Options | undefined,
  third: Options | undefined,
  Default: XMLRPCHandlerClass,
): [XMLRPCHandlerClass, Options] {
  const [handler, options]: [XMLRPCHandlerClass, Options] =
    typeof second === "function"
      ? [second as XMLRPCHandlerClass, third ?? {} as Options]
      : [Default, (second ?? third ?? {}) as Options];
  // Not with its first request, which nobody might see fail.
  completeCallLimits((handler as Partial<CallLimited>).callLimits);
  return [handler, withSeam(options, { optionNames: OPTION_NAMES })];
}
