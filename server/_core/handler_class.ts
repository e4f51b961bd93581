import { BaseRequestHandler } from "../../handlers/base_request_handler.ts";
import { refuseGenerator } from "../../handlers/_generators.ts";
import { SERVES } from "../../handlers/_host.ts";
import type { RequestHandlerClass } from "../server_options.ts";

/** A plain function as a handler. It receives the handler instance. */
export type HandlerFunction<Handler> = (
  handler: Handler,
) => void | Promise<void>;

/** A handler class, as far as it says what it serves. */
type Kind = Pick<typeof BaseRequestHandler, typeof SERVES> & {
  readonly name: string;
};

/**
 * The class that a server instantiates: the one it was given, or one made
 * around the function it was given.
 *
 * @throws {TypeError} If it is neither, or a class for the other kind of server.
 */
export function handlerClass<
  Request,
  Address extends Deno.Addr,
  Config,
  Handler extends BaseRequestHandler<unknown, Deno.Addr | null>,
>(
  handler:
    | RequestHandlerClass<Request, Address, Config>
    | HandlerFunction<Handler>,
  Base: RequestHandlerClass<Request, Address, Config>,
): RequestHandlerClass<Request, Address, Config> {
  if (typeof handler !== "function") {
    throw new TypeError(
      `Cannot create server: the handler must be a handler class or a function, received ${
        Deno.inspect(handler)
      }; ${remedyFor(handler)}`,
    );
  }
  refuseGenerator("the handler", handler);
  if (handler.prototype instanceof BaseRequestHandler) {
    checkKind(
      handler as unknown as Kind,
      Base as unknown as Kind,
    );
    (handler as unknown as typeof BaseRequestHandler).checkSettings();
    return handler as RequestHandlerClass<Request, Address, Config>;
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

/** What to pass in the place of what is no function. */
function remedyFor(handler: unknown): string {
  if (handler instanceof BaseRequestHandler) {
    return "pass the class itself, of which the server makes an instance for each request";
  }
  return typeof (handler as { readonly fetch?: unknown } | null)?.fetch ===
      "function"
    ? "pass its fetch() to HTTPServer"
    : "it comes behind the address, and the options behind it";
}

/** @throws {TypeError} If a handler class is for the other kind of server. */
function checkKind(handler: Kind, Base: Kind): void {
  if (handler[SERVES] === undefined || handler[SERVES] === Base[SERVES]) return;
  let says = handler;
  while (!Object.hasOwn(says, SERVES)) says = Object.getPrototypeOf(says);
  throw new TypeError(
    `Cannot create server: the class "${handler.name}" ${
      says === handler ? `is for ${handler[SERVES]}` : `extends ${says.name}`
    }, and this server's handlers extend ${Base.name}`,
  );
}
