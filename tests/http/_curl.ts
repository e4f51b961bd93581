import { Program } from "../_program.ts";

export const curl = new Program("curl", "curl");

/** No ~/.curlrc, no proxy, no progress meter, and no waiting for ever. */
export const ALONE = [
  ...["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", "40"],
];
