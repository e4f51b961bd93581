import type { BaseRequestHandler } from "./base_request_handler.ts";

/** A server on the event loop, which has more than handlers are told of. */
interface Reporting {
  handleError?(
    error: unknown,
    request: unknown,
    clientAddress: Deno.Addr | null,
  ): unknown;
}

/**
 * Reports an error that ended work which a handler had started and not awaited:
 * to its server's `handleError` where that is here, and else to stderr.
 */
export function reportLeftBehind(
  handler: BaseRequestHandler<unknown, Deno.Addr | null>,
  error: unknown,
): void {
  const { request, clientAddress } = handler;
  const server = handler.server as Reporting;
  if (server.handleError === undefined) return print(error);
  Promise.try(() => server.handleError!(error, request, clientAddress))
    .catch((failure) => {
      print(error);
      print(failure);
    });
}

function print(error: unknown): void {
  console.error("Error in what a handler had started and not awaited:", error);
}
