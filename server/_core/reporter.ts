import { describeAddress } from "../../handlers/_describe_address.ts";
import { escapeControls } from "../../handlers/_escape_controls.ts";
import {
  inspectBounded,
  nameBounded,
} from "../../handlers/_inspect_bounded.ts";
import { printThrown } from "../../handlers/_print_thrown.ts";
import { isDisconnect } from "./accept_errors.ts";

/** The hook that is told of errors. */
type HandleError<Request, Address> = (
  error: unknown,
  request?: Request,
  clientAddress?: Address,
) => void | Promise<void>;

/** Tells a server's `handleError` of errors, and survives that it fails. */
export class Reporter<Request, Address extends Deno.Addr> {
  readonly #handleError: HandleError<Request, Address>;

  /** @param handleError Calls the hook. */
  constructor(handleError: HandleError<Request, Address>) {
    this.#handleError = handleError;
  }

  /** Resolves when the hook is done. Never rejects. */
  async report(
    error: unknown,
    request?: Request,
    clientAddress?: Address,
  ): Promise<void> {
    try {
      await this.#handleError(error, request, clientAddress);
    } catch (failure) {
      // Print it, as nobody else is left to tell: the server must go on.
      printThrown(["handleError failed", failure], ["while handling", error]);
    }
  }

  /**
   * Calls something now, and reports what it throws or rejects with.
   *
   * @returns Whether it did neither.
   */
  async attempt(
    call: () => unknown,
    request?: Request,
    clientAddress?: Address,
  ): Promise<boolean> {
    try {
      await call();
      return true;
    } catch (error) {
      await this.report(error, request, clientAddress);
      return false;
    }
  }
}

/**
 * Prints an error to stderr, where a server has no other way to report it. One
 * that only says that the peer went away takes one line, and none where that was
 * before it was accepted: a balancer that looks whether the server is there may do
 * so several times a second.
 *
 * @param error What was thrown.
 * @param serverAddress Where the server listens.
 * @param clientAddress Whose request it was, if it was one's.
 */
export function printError(
  error: unknown,
  serverAddress: Deno.Addr,
  clientAddress: Deno.Addr | undefined,
): void {
  if (clientAddress === undefined && isDisconnect(error)) return;
  const where = clientAddress === undefined
    ? `Error on ${describeAddress(serverAddress)}`
    : `Error while serving ${describeAddress(clientAddress)}`;
  const texts = unfold(error).map((each) =>
    isDisconnect(each) || each instanceof DOMException
      ? nameBounded(each)
      : inspectBounded(each)
  );
  // Escape the message: it may hold bytes of a client's that a terminal obeys.
  console.error(escapeControls(`${where}: ${texts.join("\nand then: ")}`));
}

/** How many errors of those in one error are printed. */
const MOST_ERRORS = 10;

/**
 * The errors in an error, the earliest first. A `SuppressedError` holds that of a
 * handler and that of its cleanup, and Deno prints neither.
 */
function unfold(error: unknown): unknown[] {
  const later: unknown[] = [];
  while (error instanceof SuppressedError && later.length < MOST_ERRORS) {
    later.push(error.error);
    error = error.suppressed;
  }
  return [error, ...later.reverse()];
}
