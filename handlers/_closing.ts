import type { Closing } from "./_host.ts";
import { CUT_SHORT, ENDED, FILLING } from "./streams/_owned.ts";
import type { StreamReader } from "./streams/stream_reader.ts";
import type { StreamWriter } from "./streams/stream_writer.ts";

/**
 * How a connection is to be closed that was read and written by these.
 *
 * @param rfile What has read from it, if anything has.
 * @param wfile What has written to it, if anything has.
 */
export function closingOf(
  rfile: StreamReader | undefined,
  wfile: StreamWriter | undefined,
): Closing {
  if (wfile?.[CUT_SHORT]) {
    return rfile?.[FILLING] ? "reset while read" : "reset";
  }
  return rfile?.[ENDED] ? "at once" : "linger";
}
