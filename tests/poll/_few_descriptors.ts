import { strictEqual } from "node:assert";

const decoder = new TextDecoder();

/** Deno takes descriptors for signals late, and panics where there are none. */
const SIGNALS = `data:text/javascript,${
  encodeURIComponent(`const nothing = () => {};
    Deno.addSignalListener("SIGUSR2", nothing);
    Deno.removeSignalListener("SIGUSR2", nothing);`)
}`;

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
      `--preload=${SIGNALS}`,
      ...grants,
      file,
    ],
  }).output();
  strictEqual(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}
