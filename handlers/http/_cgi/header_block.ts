import { ScriptError } from "./script_error.ts";

/** How large a script's header may be, in bytes. */
export const MAX_HEADER_SIZE = 16 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** A script's header and what came with it of its body. */
export interface HeaderBlock {
  /** All lines, each with its ending, without the empty line behind them. */
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

/**
 * Reads what a script prints, up to the first empty line. RFC 3875, section
 * 6.2, lets lines end as the system's do: with LF or CRLF.
 *
 * @param read Gives the next bytes, or `null` at the end.
 * @throws {ScriptError} If there is no empty line, or it comes too late.
 * @throws What `read` throws.
 */
export async function readHeaderBlock(
  read: () => Promise<Uint8Array | null>,
): Promise<HeaderBlock> {
  const buffer = new Uint8Array(MAX_HEADER_SIZE);
  let held = 0;
  while (true) {
    const chunk = await read();
    if (chunk === null) {
      throw new ScriptError(
        502,
        held === 0
          ? "it printed nothing"
          : `its output ended after ${held} bytes, before the empty line behind its header`,
      );
    }
    const taken = chunk.subarray(0, MAX_HEADER_SIZE - held);
    buffer.set(taken, held);
    // The byte held last may be the CR of the empty line.
    const found = emptyLine(buffer, Math.max(0, held - 1), held + taken.length);
    if (found !== undefined) {
      const body = found.end >= held ? chunk.subarray(found.end - held) : chunk;
      return { header: buffer.subarray(0, found.start), body };
    }
    held += taken.length;
    if (held === MAX_HEADER_SIZE) {
      throw new ScriptError(
        502,
        `its header is longer than ${MAX_HEADER_SIZE} bytes`,
      );
    }
  }
}

/** Where the first empty line begins and ends, from `from` on. */
function emptyLine(
  bytes: Uint8Array,
  from: number,
  to: number,
): { readonly start: number; readonly end: number } | undefined {
  for (let at = from; at < to; at++) {
    if (at > 0 && bytes[at - 1] !== LF) continue;
    if (bytes[at] === LF) return { start: at, end: at + 1 };
    if (bytes[at] === CR && at + 1 < to && bytes[at + 1] === LF) {
      return { start: at, end: at + 2 };
    }
  }
  return undefined;
}
