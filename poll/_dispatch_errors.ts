/** What becomes of an error that a method of a dispatcher threw. */

/** The errors that mean that the connection is over. */
const DISCONNECTED: ReadonlySet<unknown> = new Set([
  ...["ECONNRESET", "ENOTCONN", "ESHUTDOWN", "ECONNABORTED", "EPIPE", "EBADF"],
]);

/** What of a dispatcher hears of errors. */
interface Reporting {
  handleClose(): void;
  handleError(error: unknown): void;
}

/** The name of errno, if an error has one. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Whether an error means that the connection is over. */
export function isDisconnected(error: unknown): boolean {
  return DISCONNECTED.has(codeOf(error));
}

/** Tells a dispatcher of what one of its methods threw. */
export function report(dispatcher: Reporting, error: unknown): void {
  if (!isDisconnected(error)) return dispatcher.handleError(error);
  try {
    dispatcher.handleClose();
  } catch (thrown) {
    dispatcher.handleError(thrown);
  }
}

/** What `handleError` itself threw: it ends the loop, and is told to nobody again. */
let passedOn: { readonly error: unknown } | undefined;

/** Throws what `handleError` threw, through methods that would report it again. */
export function passOn(error: unknown): never {
  passedOn = { error };
  throw error;
}

/** Whether an error has been reported, and `handleError` has thrown it. */
export function wasPassedOn(error: unknown): boolean {
  const passed = passedOn !== undefined && passedOn.error === error;
  passedOn = undefined;
  return passed;
}
