import { BaseRequestHandler } from "../../handlers/base_request_handler.ts";
import { DatagramRequestHandler } from "../../handlers/datagram_request_handler.ts";
import { StreamRequestHandler } from "../../handlers/stream_request_handler.ts";
import type { RequestHandlerClass } from "../server_options.ts";

/** A plain function as a handler. It receives the handler instance. */
export type HandlerFunction<Handler> = (
  handler: Handler,
) => void | Promise<void>;

/** The kind of handler that a server cannot run, by the kind that it runs. */
const OTHER_KIND = new Map<
  unknown,
  typeof StreamRequestHandler | typeof DatagramRequestHandler
>([
  [StreamRequestHandler, DatagramRequestHandler],
  [DatagramRequestHandler, StreamRequestHandler],
]);

/**
 * The class that a server instantiates: the one it was given, or one made
 * around the function it was given.
 *
 * @throws {TypeError} If it is neither, or a class for the other kind of server.
 */
export function handlerClass<
  Request,
  Address extends Deno.Addr,
  Handler extends BaseRequestHandler<unknown, Deno.Addr | null>,
>(
  handler: RequestHandlerClass<Request, Address> | HandlerFunction<Handler>,
  Base: RequestHandlerClass<Request, Address>,
): RequestHandlerClass<Request, Address> {
  if (typeof handler !== "function") {
    throw new TypeError(
      `Cannot create server: the handler must be a handler class or a function, received ${
        Deno.inspect(handler)
      }`,
    );
  }
  const Wrong = OTHER_KIND.get(Base);
  if (Wrong !== undefined && handler.prototype instanceof Wrong) {
    throw new TypeError(
      `Cannot create server: the class "${handler.name}" extends ${Wrong.name}, and this server's handlers extend ${Base.name}`,
    );
  }
  if (handler.prototype instanceof BaseRequestHandler) {
    (handler as unknown as typeof BaseRequestHandler).checkSettings();
    return handler as RequestHandlerClass<Request, Address>;
  }
  if (/^class\b/.test(Function.prototype.toString.call(handler))) {
    throw new TypeError(
      `Cannot create server: the class "${handler.name}" does not extend a request handler; extend StreamRequestHandler, DatagramRequestHandler or BaseRequestHandler`,
    );
  }
  const handle = handler as HandlerFunction<Handler>;
  return class FunctionRequestHandler extends Base {
    override handle(): void | Promise<void> {
      return handle(this as unknown as Handler);
    }
  };
}
