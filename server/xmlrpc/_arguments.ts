import { SimpleXMLRPCRequestHandler } from "../../handlers/xmlrpc/simple_xmlrpc_request_handler.ts";
import type { XMLRPCDispatcherOptions } from "../../handlers/xmlrpc/xmlrpc_dispatcher.ts";
import { withSeam } from "../_core/seam.ts";
import type { RequestHandlerClass } from "../server_options.ts";

/** A handler class, as servers of XML-RPC take it. */
export type XMLRPCHandlerClass = RequestHandlerClass<
  Deno.TcpConn,
  Deno.NetAddr
>;

/** The names of the options of a dispatcher. */
export const DISPATCHER_OPTIONS: readonly string[] = Object.keys(
  {
    allowNil: true,
    maxDepth: true,
    maxSize: true,
    maxValues: true,
    onFault: true,
    maxCalls: true,
  } satisfies Record<keyof XMLRPCDispatcherOptions, true>,
);

/** Those of a server's options that are its dispatcher's. */
export function dispatcherOptions(
  options: XMLRPCDispatcherOptions,
): XMLRPCDispatcherOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([name]) =>
      DISPATCHER_OPTIONS.includes(name)
    ),
  );
}

/**
 * What a constructor was given whose handler may be left out.
 *
 * @param second The handler class, or the options.
 * @param third The options, if the second is the handler class.
 * @param Default The handler class where none is given.
 * @param optionNames The options that this server adds to others'.
 * @throws {TypeError} If the handler is no class for calls of XML-RPC.
 */
export function handlerAndOptions<Options extends object>(
  second: XMLRPCHandlerClass | Options | undefined,
  third: Options | undefined,
  Default: XMLRPCHandlerClass,
  optionNames: readonly string[],
): [XMLRPCHandlerClass, Options] {
  const [handler, options]: [XMLRPCHandlerClass, Options] =
    typeof second === "function"
      ? [second as XMLRPCHandlerClass, third ?? {} as Options]
      : [Default, (second ?? third ?? {}) as Options];
  if (
    handler !== SimpleXMLRPCRequestHandler as XMLRPCHandlerClass &&
    !(handler.prototype instanceof SimpleXMLRPCRequestHandler)
  ) {
    throw new TypeError(
      `Cannot create server: the handler "${handler.name}" does not answer calls of XML-RPC; give a class that extends SimpleXMLRPCRequestHandler`,
    );
  }
  return [handler, withSeam(options, { optionNames })];
}
