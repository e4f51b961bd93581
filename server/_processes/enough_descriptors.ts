import { isWantOfDescriptors } from "../_core/accept_errors.ts";

/**
 * An argument that is longer than any system takes: Linux takes 128 KiB, others
 * 1 MiB for all of them, execve(2).
 */
const TOO_LONG = 2 ** 20;

/**
 * Sees that as many descriptors are left as a worker takes: where they are not,
 * Deno 2.9.6 ends the process. A program with pipes for its input, output and
 * errors takes as many, and fails with an error that tells. It is given an
 * argument that keeps it from running.
 *
 * @param path A program that may be run.
 * @throws What says that too few are left.
 */
export function checkDescriptors(path: string): void {
  try {
    const program = new Deno.Command(path, {
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
      args: ["x".repeat(TOO_LONG)],
    }).spawn();
    program.unref();
    program.kill("SIGKILL");
  } catch (error) {
    if (isWantOfDescriptors(error)) throw error;
  }
}
