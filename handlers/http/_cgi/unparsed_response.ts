import { ScriptError } from "./script_error.ts";

/** How a response begins: RFC 9112, section 4. */
const BEGINNING = /^HTTP\/1\.[01] ([2-9]\d\d)[ \r\n]/;
/** As many bytes as that has. */
const BEGINNING_LENGTH = "HTTP/1.1 200 ".length;

/** The beginning of a response that a script makes by itself. */
export interface UnparsedResponse {
  readonly status: number;
  /** What has come of it, with its first line. */
  readonly begin: Uint8Array;
}

/**
 * Reads the beginning of a whole response, as a script prints it whose headers
 * nobody parses: RFC 3875, section 5.
 *
 * @param read Gives the next bytes, or `null` at the end.
 * @throws {ScriptError} If it is none.
 * @throws What `read` throws.
 */
export async function readUnparsed(
  read: () => Promise<Uint8Array | null>,
): Promise<UnparsedResponse> {
  let begin = new Uint8Array(0);
  while (begin.length < BEGINNING_LENGTH) {
    const chunk = await read();
    if (chunk === null) break;
    const joined = new Uint8Array(begin.length + chunk.length);
    joined.set(begin);
    joined.set(chunk, begin.length);
    begin = joined;
  }
  const text = String.fromCharCode(...begin.subarray(0, BEGINNING_LENGTH));
  const [, status] = BEGINNING.exec(text) ?? [];
  if (status === undefined) {
    throw new ScriptError(
      502,
      "it is to print a whole response, which its name says, and that does not begin with HTTP/1.1 and a status from 200 on",
    );
  }
  return { status: Number(status), begin };
}
