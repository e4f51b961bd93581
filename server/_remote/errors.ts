import { MAX_CONTROL, ProtocolError } from "./frames.ts";
import { packJson, unpackJson } from "./payloads.ts";

/** The parts of an error that can travel. */
interface Portable {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly cause?: Portable;
}

/** How many causes of causes travel with an error. */
const MOST_CAUSES = 4;
/** Longer messages and stacks are cut; in UTF-8 a character takes up to 3 bytes. */
const MOST_CHARACTERS = Math.floor(MAX_CONTROL / (MOST_CAUSES + 1) / 2 / 3 / 2);

/** Packs whatever was thrown, with a number that says what it belongs to. */
export function packError(error: unknown, number?: number): Uint8Array {
  return packJson({ error: portable(error, MOST_CAUSES), number });
}

/**
 * Unpacks an error: of its own class, if that is one of Deno's or JavaScript's,
 * with the stack of where it was thrown.
 *
 * @throws {ProtocolError} If the payload is not one of `packError`.
 */
export function unpackError(
  payload: Uint8Array,
): { readonly error: Error; readonly number: number } {
  const { error, number } = unpackJson(payload) as {
    readonly error?: Portable;
    readonly number?: number;
  };
  return { error: revive(error), number: number ?? 0 };
}

function portable(error: unknown, causes: number): Portable {
  if (!(error instanceof Error || error instanceof DOMException)) {
    return { name: "Error", message: cut(`Threw ${Deno.inspect(error)}`) };
  }
  const { name, message, stack, cause, code } = error as Error & {
    readonly code?: unknown;
  };
  return {
    name: cut(String(name)),
    message: cut(String(message)),
    ...(stack === undefined ? {} : { stack: cut(String(stack)) }),
    ...(typeof code === "string" ? { code } : {}),
    ...(cause === undefined || causes === 0
      ? {}
      : { cause: portable(cause, causes - 1) }),
  };
}

function cut(text: string): string {
  return text.length <= MOST_CHARACTERS
    ? text
    : `${
      text.slice(0, MOST_CHARACTERS)
    } … (cut, it had ${text.length} characters)`;
}

const ERRORS: Record<string, new (message: string) => Error> = {
  ...Deno.errors,
  AggregateError: Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

const DOM_EXCEPTIONS = new Set([
  "AbortError",
  "TimeoutError",
  "DataCloneError",
]);

function revive(from: Portable | undefined): Error {
  if (typeof from?.message !== "string") {
    throw new ProtocolError("Cannot read an error: it has no message");
  }
  const { name, message, stack, code, cause } = from;
  if (DOM_EXCEPTIONS.has(name)) {
    return new DOMException(message, name) as unknown as Error;
  }
  const known = Object.hasOwn(ERRORS, name) ? ERRORS[name]! : Error;
  const error = new known(message);
  if (error.name !== name && typeof name === "string") error.name = name;
  if (typeof stack === "string") error.stack = stack;
  if (typeof code === "string") Object.assign(error, { code });
  if (cause !== undefined) error.cause = revive(cause);
  return error;
}
