import { strictEqual } from "node:assert";

const decoder = new TextDecoder();

/**
 * Runs a program that may have 128 descriptors, and nothing but FFI. It must
 * succeed.
 *
 * @param file Its path.
 * @returns What it printed.
 */
export async function runWithFewDescriptors(file: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: [
      "-c",
      'ulimit -n 128; exec "$0" run --no-check --allow-ffi "$1"',
      Deno.execPath(),
      file,
    ],
  }).output();
  strictEqual(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}
