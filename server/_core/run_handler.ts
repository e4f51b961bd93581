import { RUN } from "../../handlers/_host.ts";
import { tracing } from "../../handlers/_tracing.ts";
import type { RequestHandlerClass } from "../server_options.ts";
import type { Parts } from "./parts.ts";
import {
  adoptWrapped,
  type ServedRequest,
  servedRequestOf,
} from "./served_request.ts";

/**
 * Runs the handler of a request: of what was accepted, or what a hook has made of
 * it.
 *
 * @throws {Deno.errors.NotFound} If no request waits for its handler by it.
 */
export function runHandlerOf<Request, Address extends Deno.Addr>(
  parts: Parts<Request, Address>,
  Handler: RequestHandlerClass<Request, Address>,
  request: Request,
  clientAddress: Address,
): void | Promise<void> {
  const { serving } = parts;
  const served = servedRequestOf(serving, request) ??
    adoptWrapped(serving, request);
  if (served === undefined || served.handler !== undefined) {
    throw new Deno.errors.NotFound(
      "Cannot finish a request: it is none of this server's that waits for its handler; call finishRequest() once, inside processRequest(), and wrap a connection there or in getRequest()",
    );
  }
  const { transport } = serving;
  if (transport.around === undefined) {
    return runHandler(parts, Handler, served, request, clientAddress);
  }
  return transport.around(
    served,
    () => runHandler(parts, Handler, served, request, clientAddress),
  );
}

/** Runs a handler: elsewhere where there is a runner, else here and now. */
function runHandler<Request, Address extends Deno.Addr>(
  { runner, seenAs }: Parts<Request, Address>,
  Handler: RequestHandlerClass<Request, Address>,
  served: ServedRequest<Request, Address>,
  request: Request,
  clientAddress: Address,
): void | Promise<void> {
  if (runner !== undefined) return runner.run(served, request, clientAddress);
  const handler = new Handler(request, clientAddress, seenAs as never);
  served.handledBy(handler);
  return tracing === undefined
    ? handler[RUN](served)
    : tracing.handler(handler, () => handler[RUN](served));
}
