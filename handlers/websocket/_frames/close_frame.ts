import { MOST_OF_CONTROL } from "./opcodes.ts";
import { INVALID_DATA, PROTOCOL_ERROR, Violation } from "./violation.ts";

/** How long the reason of a close may be, in bytes of UTF-8. */
export const MOST_OF_REASON: number = MOST_OF_CONTROL - 2;
/** What the end of a connection has as its code whose Close frame has none. */
export const NO_CODE = 1005;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What a Close frame says. */
export interface CloseReason {
  readonly code: number;
  readonly reason: string;
}

/**
 * Whether a code may be sent: those of RFC 6455, section 7.4, and of IANA's
 * registry that are for frames, and those for frameworks and applications.
 */
export function isCloseCode(code: number): boolean {
  return Number.isInteger(code) && (
    code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 ||
    code >= 3000 && code <= 4999
  );
}

/**
 * Reads what a Close frame carries.
 *
 * @throws {Violation} If it is not what such a frame may carry.
 */
export function readClose(payload: Uint8Array): CloseReason {
  if (payload.length === 0) return { code: NO_CODE, reason: "" };
  if (payload.length === 1) {
    throw new Violation(PROTOCOL_ERROR, "A Close frame has half a code");
  }
  const code = payload[0]! << 8 | payload[1]!;
  if (!isCloseCode(code)) {
    throw new Violation(PROTOCOL_ERROR, `A Close frame has the code ${code}`);
  }
  try {
    return { code, reason: decoder.decode(payload.subarray(2)) };
  } catch {
    throw new Violation(
      INVALID_DATA,
      "The reason of a Close frame is not UTF-8",
    );
  }
}

/** What a Close frame carries that says this. */
export function writeClose(
  { code, reason }: CloseReason,
): Uint8Array<ArrayBuffer> {
  if (code === NO_CODE) return new Uint8Array(0);
  const payload = new Uint8Array(MOST_OF_CONTROL);
  payload[0] = code >> 8;
  payload[1] = code & 0xff;
  // Nothing but whole characters is put there.
  const { written } = encoder.encodeInto(reason, payload.subarray(2));
  return payload.subarray(0, 2 + written);
}
