import { strictEqual } from "node:assert";

const decoder = new TextDecoder();

/**
 * Runs a program that may have 128 descriptors, and nothing but FFI and what
 * else is granted. It must succeed.
 *
 * @param file Its path.
 * @param grants Deno's flags for more.
 * @returns What it printed.
 */
export async function runWithFewDescriptors(
  file: string,
  ...grants: readonly string[]
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: [
      "-c",
      'ulimit -n 128; exec "$0" run --no-check --allow-ffi "$@"',
      Deno.execPath(),
      ...grants,
      file,
    ],
  }).output();
  strictEqual(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}
