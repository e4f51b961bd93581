import type { RequestHandlerClass } from "../server_options.ts";

/** A handler class, as servers of XML-RPC take it. */
export type XMLRPCHandlerClass = RequestHandlerClass<
  Deno.TcpConn,
  Deno.NetAddr
>;

/**
 * What a constructor was given whose handler may be left out.
 *
 * @param second The handler class, or the options.
 * @param third The options, if the second is the handler class.
 * @param Default The handler class where none is given.
 */
export function handlerAndOptions<Options>(
  second: XMLRPCHandlerClass | Options | undefined,
  third: Options | undefined,
  Default: XMLRPCHandlerClass,
): [XMLRPCHandlerClass, Options] {
  return typeof second === "function"
    ? [second as XMLRPCHandlerClass, third ?? {} as Options]
    : [Default, (second ?? third ?? {}) as Options];
}
