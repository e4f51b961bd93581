const encoder = new TextEncoder();

/**
 * Writes one line to stderr. It takes a quarter of what `console.error()` does,
 * which looks into what it is given.
 *
 * @param line The line, without its ending.
 */
export function writeLine(line: string): void {
  let bytes = encoder.encode(`${line}\n`);
  try {
    while (bytes.length > 0) {
      const written = Deno.stderr.writeSync(bytes);
      if (written === 0) return;
      bytes = bytes.subarray(written);
    }
  } catch {
    // It is closed: nobody is left to be told.
  }
}
