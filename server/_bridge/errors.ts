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
/** Longer messages, stacks and names are cut, shorter ones too if there are many. */
const MOST_CHARACTERS = 16 * 1024;

/**
 * Packs whatever was thrown, with a number that says what it belongs to. Never
 * fails, and the result fits into a frame.
 */
export function packError(error: unknown, number?: number): Uint8Array {
  for (let most = MOST_CHARACTERS;; most /= 2) {
    const packed = packJson({
      error: portable(error, MOST_CAUSES, most),
      number,
    });
    if (packed.length <= MAX_CONTROL) return packed;
  }
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
  return { error: revive(error, MOST_CAUSES), number: number ?? 0 };
}

function portable(error: unknown, causes: number, most: number): Portable {
  try {
    return describe(error, causes, most);
  } catch {
    // A getter of it throws, or it is a proxy that was revoked.
    return { name: "Error", message: "Threw what cannot be looked at" };
  }
}

function describe(error: unknown, causes: number, most: number): Portable {
  if (!(error instanceof Error || error instanceof DOMException)) {
    return {
      name: "Error",
      message: cut(`Threw ${Deno.inspect(error)}`, most),
    };
  }
  const { name, message, stack, cause, code } = error as Error & {
    readonly code?: unknown;
  };
  return {
    name: cut(String(name), most),
    message: cut(String(message), most),
    ...(stack === undefined ? {} : { stack: cut(String(stack), most) }),
    ...(typeof code === "string" ? { code: cut(code, most) } : {}),
    ...(cause === undefined || causes === 0
      ? {}
      : { cause: portable(cause, causes - 1, most) }),
  };
}

function cut(text: string, most: number): string {
  return text.length <= most
    ? text
    : `${text.slice(0, most)} … (cut, it had ${text.length} characters)`;
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

function revive(from: Portable | undefined, causes: number): Error {
  if (typeof from?.message !== "string") {
    throw new ProtocolError("Cannot read an error: it has no message");
  }
  const { message, stack, code, cause } = from;
  const name = typeof from.name === "string" ? from.name : "Error";
  if (DOM_EXCEPTIONS.has(name)) {
    return new DOMException(message, name) as unknown as Error;
  }
  const known = Object.hasOwn(ERRORS, name) ? ERRORS[name]! : Error;
  const error = new known(message);
  if (error.name !== name) error.name = name;
  if (typeof stack === "string") error.stack = stack;
  if (typeof code === "string") Object.assign(error, { code });
  if (cause !== undefined && causes > 0) {
    error.cause = revive(cause, causes - 1);
  }
  return error;
}
