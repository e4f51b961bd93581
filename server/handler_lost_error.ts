/**
 * Told to `handleError` for each request whose handler was lost with the thread
 * or process that ran it, and once, without a request, if that had none. Its
 * `cause` is what ended that, if it is known. Instances are made by servers.
 */
export class HandlerLostError extends Error {
  /** Always `"HandlerLostError"`. */
  override readonly name = "HandlerLostError";
}
