/** What refuses bytes that begin no PROXY header. */
export function noHeader(): Error {
  return malformed(
    "the bytes begin none; have whoever connects send it, as HAProxy does with send-proxy-v2, if that is meant to speak the PROXY protocol",
  );
}

/** What refuses a PROXY header. */
export function malformed(why: string): Error {
  return new Deno.errors.InvalidData(`Cannot read the PROXY header: ${why}`);
}
