import { inspectBounded } from "../../handlers/_inspect_bounded.ts";
import { MAX_CONTROL } from "./frames.ts";
import { packJson, unpackJson } from "./payloads.ts";
import { Packer, Unpacker } from "./portable.ts";

/** Longer texts of an error are cut, shorter ones too if there are many. */
const MOST_CHARACTERS = 16 * 1024;

/**
 * Packs whatever was thrown, with a number that says what it belongs to. Never
 * fails, and the result fits into a frame.
 */
export function packError(error: unknown, number?: number): Uint8Array {
  for (let most = MOST_CHARACTERS;; most /= 2) {
    const packed = packJson({ error: new Packer(most).pack(error), number });
    if (packed.length <= MAX_CONTROL) return packed;
  }
}

/**
 * Unpacks what was thrown: errors of their own class, if that is one of Deno's or
 * JavaScript's or of the streams here, with the stack of where they were thrown.
 *
 * @throws {ProtocolError} If the payload is not one of `packError`.
 */
export function unpackError(
  payload: Uint8Array,
): { readonly error: unknown; readonly number: number } {
  const { error, number } = unpackJson(payload) as {
    readonly error?: unknown;
    readonly number?: unknown;
  };
  return {
    error: new Unpacker().unpack(error),
    number: typeof number === "number" ? number : 0,
  };
}

/** As an error: what was thrown may be anything. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error(`it threw ${inspectBounded(thrown)}`, { cause: thrown });
}
