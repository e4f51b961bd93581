/** What refuses a PROXY header. */
export function malformed(why: string): Error {
  return new Deno.errors.InvalidData(`Cannot read the PROXY header: ${why}`);
}
