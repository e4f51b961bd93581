/**
 * Refuses a `Response` that a handler returns, as functions for `Deno.serve` do: a
 * server that speaks no HTTP would throw it away, and its client would get nothing.
 *
 * @param result What the handler has returned.
 * @throws {TypeError} If it is a `Response`.
 */
export function refuseResponse(result: unknown): void {
  if (!(result instanceof Response)) return;
  throw new TypeError(
    "Cannot send the Response that the handler returned: this server does not speak HTTP; serve the handler with HTTPServer of @wire/socketserver/http, or write to wfile",
  );
}
