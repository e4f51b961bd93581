import { writeAllSync } from "./write_all_sync.ts";

/**
 * A `Deno.Command` for a process whose stdin and stdout carry something else:
 * what would inherit them reads nothing, and prints to this process's stderr.
 *
 * @param Command Deno's own.
 * @param stderr Where what is printed goes.
 */
export function commandWithoutStdio(
  Command: typeof Deno.Command,
  stderr: typeof Deno.stderr,
): typeof Deno.Command {
  return class {
    readonly #command: string | URL;
    readonly #options: Deno.CommandOptions;

    constructor(command: string | URL, options: Deno.CommandOptions = {}) {
      this.#command = command;
      const { stdin = "null" } = options;
      this.#options = {
        ...options,
        stdin: stdin === "inherit" ? "null" : stdin,
      };
    }

    spawn(): Deno.ChildProcess {
      const { stdout = "inherit" } = this.#options;
      const child = this.#with(stdout).spawn();
      if (stdout === "inherit") void printAll(child.stdout, stderr);
      return child;
    }

    async output(): Promise<Deno.CommandOutput> {
      const { stdout = "piped" } = this.#options;
      const output = await this.#with(stdout).output();
      if (stdout === "inherit") print(output.stdout, stderr);
      return output;
    }

    outputSync(): Deno.CommandOutput {
      const { stdout = "piped" } = this.#options;
      const output = this.#with(stdout).outputSync();
      if (stdout === "inherit") print(output.stdout, stderr);
      return output;
    }

    #with(stdout: "piped" | "inherit" | "null"): Deno.Command {
      return new Command(this.#command, {
        ...this.#options,
        stdout: stdout === "inherit" ? "piped" : stdout,
      });
    }
  };
}

async function printAll(
  stdout: ReadableStream<Uint8Array>,
  stderr: typeof Deno.stderr,
): Promise<void> {
  for await (const bytes of stdout) print(bytes, stderr);
}

function print(bytes: Uint8Array, stderr: typeof Deno.stderr): void {
  try {
    writeAllSync(stderr, bytes);
  } catch {
    // Nobody reads this process's stderr: what is printed is read on.
  }
}
