/**
 * Runs the tests of the files and folders that are its arguments, or all: tells first
 * what is skipped and why, then how far it is, and last what has failed. Flags of
 * `deno test` may be among the arguments, such as `--trace-leaks`.
 *
 * In a terminal it has one line that changes; elsewhere, as in a log, it has a line
 * for each test.
 */
import { missingCircumstances, missingPrograms } from "./_needed_programs.ts";

/** Some more at once than processors: tests wait a third of the time. */
const JOBS = `${navigator.hardwareConcurrency + 2}`;
/** How often the line changes at most, in milliseconds. */
const REFRESH = 200;

/**
 * Types are `deno check`'s, a step of the gate of its own: checked here, they would
 * hold up all tests, and be checked twice in the gate. Where leaks come from is
 * traced on demand, since it takes the stack of each operation of each test.
 */
const FLAGS = ["--allow-all", "--no-check", "--parallel"];

/** What can be told of a line that `deno test` prints. */
const TEST = /^(?:\.\/(\S+) => )?.* \.\.\. (ok|FAILED|ignored)/;
/** Where what has failed begins, and the last line. */
const REST = /^ ERRORS |^(?:ok|FAILED) \| /;

/** Says what is skipped, before it is. */
function tellMissing(): void {
  for (const circumstance of missingCircumstances()) {
    console.log(`Skipped, since ${circumstance}`);
  }
  const missing = missingPrograms();
  if (missing.length === 0) return;
  console.log("Skipped, since these programs are not on this machine:");
  for (const { name, for: purpose } of missing) {
    console.log(`  ${name.split("/").at(-1)}: ${purpose}`);
  }
  const packages = new Set(missing.map((each) => each.package));
  console.log(`Debian has them: apt-get install ${[...packages].join(" ")}\n`);
}

/** Shows how far the tests are, in one line of a terminal. */
class Progress {
  readonly #began = performance.now();
  readonly #counts: Record<string, number> = { ok: 0, FAILED: 0, ignored: 0 };
  #file = "";
  #shown = -Infinity;
  /** Whether what comes is no progress any more. */
  #ended = false;

  take(line: string): void {
    // deno-lint-ignore no-control-regex -- colours, which Deno has for pipes too
    const text = line.replace(/\x1b\[[\d;]*m/g, "");
    if (!this.#ended && REST.test(text)) {
      this.#ended = true;
      this.#clear();
    }
    if (this.#ended) return console.log(line);
    const found = TEST.exec(text);
    if (found === null) return;
    this.#file = found[1] ?? this.#file;
    this.#counts[found[2]!]!++;
    const now = performance.now();
    if (now - this.#shown < REFRESH) return;
    this.#shown = now;
    this.#show(now);
  }

  #show(now: number): void {
    const { ok, FAILED, ignored } = this.#counts;
    const seconds = Math.round((now - this.#began) / 1_000);
    const failed = FAILED === 0 ? "" : `, ${FAILED} failed`;
    const skipped = ignored === 0 ? "" : `, ${ignored} skipped`;
    const text = `${seconds} s: ${ok} passed${failed}${skipped}, ${this.#file}`;
    this.#clear();
    // Some terminals do not know how wide they are.
    const width = Deno.consoleSize().columns || 80;
    write(text.slice(0, width - 1));
  }

  #clear(): void {
    write("\r\x1b[K");
  }
}

function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) {
  tellMissing();
  const isTerminal = Deno.stdout.isTerminal();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...FLAGS, ...Deno.args],
    env: { DENO_JOBS: Deno.env.get("DENO_JOBS") ?? JOBS },
    stdin: "null",
    stdout: isTerminal ? "piped" : "inherit",
    stderr: "inherit",
  }).spawn();
  // A terminal sends the signal to both, and the child's end is then ours.
  Deno.addSignalListener("SIGINT", () => {});
  if (isTerminal) {
    const progress = new Progress();
    let rest = "";
    for await (
      const text of child.stdout.pipeThrough(new TextDecoderStream())
    ) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) progress.take(line);
    }
    if (rest !== "") progress.take(rest);
  }
  Deno.exit((await child.status).code);
}
