import { Child, type Output } from "../_program.ts";

const FOLDER = `${import.meta.dirname}/../../examples`;

/** The names of all examples, without `.ts`. */
export function exampleNames(): string[] {
  return [...Deno.readDirSync(FOLDER)].filter(({ isFile }) => isFile)
    .map(({ name }) => name.replace(/\.ts$/, "")).sort();
}

/**
 * The command on an example's first line: its flags, then its arguments.
 *
 * @throws {SyntaxError} If that line is not a command that runs the example.
 */
export function commandOf(
  name: string,
): { readonly flags: string[]; readonly args: string[] } {
  const [first] = Deno.readTextFileSync(`${FOLDER}/${name}.ts`).split("\n", 1);
  const [slashes, deno, run, ...words] = first!.split(" ");
  const script = words.indexOf(`examples/${name}.ts`);
  if (slashes !== "//" || deno !== "deno" || run !== "run" || script < 0) {
    throw new SyntaxError(
      `Cannot run ${name}.ts: its first line is ${JSON.stringify(first)}`,
    );
  }
  return { flags: words.slice(0, script), args: words.slice(script + 1) };
}

/**
 * Starts an example with the permissions of its command and no others.
 *
 * @param places What to put for the ports and paths that the command names:
 * a test must have its own.
 * @param args Arguments in the place of the command's.
 */
export function startExample(
  name: string,
  places: Record<string, string | number>,
  args?: readonly (string | number)[],
  env?: Record<string, string>,
): Child {
  const replace = (word: string) =>
    Object.entries(places).reduce(
      (word, [from, to]) => word.replaceAll(from, String(to)),
      word,
    );
  const command = commandOf(name);
  return new Child(
    Deno.execPath(),
    [
      ...["run", "--quiet", "--no-prompt", ...command.flags.map(replace)],
      `${FOLDER}/${name}.ts`,
      ...(args ?? command.args.map(replace)).map(String),
    ],
    env,
  );
}

/** Waits until an example listens, and tells on which port. */
export async function portOf(child: Child): Promise<number> {
  const [, port] = await child.until(/Listening on \S+:(\d+)/);
  return Number(port);
}

/** Ends an example by a signal. */
export async function end(
  child: Child,
  signal: "SIGINT" | "SIGTERM" = "SIGINT",
): Promise<Output> {
  child.kill(signal);
  return await child.output();
}
