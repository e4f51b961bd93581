/** Writes all of the bytes, however few are taken at a time. */
export function writeAllSync(
  writer: { writeSync(bytes: Uint8Array): number },
  bytes: Uint8Array,
): void {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(writer.writeSync(rest));
  }
}
