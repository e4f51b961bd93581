import { strictEqual } from "node:assert";
import { programFolders } from "./_needed_programs.ts";
import { patiently } from "./_patience.ts";

/** No program of these tests takes longer, unless it hangs. In milliseconds. */
const LIFETIME = 60_000;
/** Nor does a test. */
const TEST_TIMEOUT = 2 * LIFETIME;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a program left behind when it ended. */
export interface Output {
  /** Its exit code; 128 and more if a signal ended it. */
  readonly code: number;
  readonly stdout: Uint8Array<ArrayBuffer>;
  readonly stderr: string;
}

/** A program that these tests talk to, if it is installed. */
export class Program {
  readonly name: string;
  /** The Debian package that has it. */
  readonly package: string;
  readonly #path: string | undefined;

  /**
   * @param name Its name.
   * @param debianPackage The package that has what is missing.
   * @param works Whether one of several of that name will do.
   */
  constructor(
    name: string,
    debianPackage: string,
    works: (path: string) => boolean = () => true,
  ) {
    this.name = name;
    this.package = debianPackage;
    this.#path = find(name, works);
  }

  get missing(): boolean {
    return this.#path === undefined;
  }

  /** Starts it. It is killed when disposed, or when it takes too long. */
  start(...args: string[]): Child {
    if (this.#path === undefined) {
      throw new Deno.errors.NotFound(
        `Cannot start ${this.name}: it is not on PATH; install Debian's package ${this.package}`,
      );
    }
    return new Child(this.#path, args);
  }

  /**
   * Runs it with `input` on its standard input. It must succeed.
   *
   * @returns What it printed.
   */
  async run(
    args: readonly string[],
    input: string | Uint8Array = "",
  ): Promise<string> {
    return decoder.decode(await this.runBytes(args, input));
  }

  /** As `run`, for output that is not text. */
  async runBytes(
    args: readonly string[],
    input: string | Uint8Array = "",
  ): Promise<Uint8Array<ArrayBuffer>> {
    await using child = this.start(...args);
    // One that fails stops reading; then its exit code tells more than this.
    await child.send(input).catch(() => {});
    const { code, stdout, stderr } = await child.output();
    strictEqual(
      code,
      0,
      `${this.name} exited with ${code}:\n${stderr}${
        decoder.decode(stdout.subarray(0, 10_000))
      }`,
    );
    return stdout;
  }
}

/**
 * A test that talks to programs. Where one is missing the test is skipped and
 * its name says so; with CI set it fails, so that a gate cannot skip unseen.
 */
export function testWith(
  programs: readonly Program[],
  name: string,
  fn: () => Promise<void>,
): void {
  const missing = programs.filter((program) => program.missing);
  if (missing.length === 0) {
    return Deno.test({ name, fn, timeout: TEST_TIMEOUT });
  }
  const needs = missing.map((program) =>
    `${program.name} (Debian package ${program.package})`
  ).join(" and ");
  if ((Deno.env.get("CI") ?? "") === "") {
    return Deno.test.ignore(`${name} [skipped: needs ${needs}]`, fn);
  }
  Deno.test(name, () => {
    throw new Deno.errors.NotFound(`Cannot test: it needs ${needs}`);
  });
}

/** A program that runs. Everything it prints is read as it comes. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: Promise<Output>;
  readonly #stdout = new Printed();
  readonly #stderr = new Printed();
  #stdinClosed: Promise<void> | undefined;
  #ended = false;
  #wakes: (() => void)[] = [];

  constructor(
    path: string,
    args: readonly string[],
    env: Record<string, string> = {},
    cwd = ".",
  ) {
    this.#process = new Deno.Command(path, {
      args: [...args],
      env,
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdin = this.#process.stdin.getWriter();
    this.#output = this.#collect();
  }

  /** Writes to its standard input. Resolves when it has been taken. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    if (bytes.length > 0) await this.#stdin.write(bytes);
  }

  /** Ends its standard input. */
  closeStdin(): Promise<void> {
    return this.#stdinClosed ??= this.#stdin.close().catch(() => {
      // It has ended, and its input with it.
    });
  }

  /**
   * Waits until it prints something, after what was waited for before.
   *
   * @returns What was found.
   */
  until(what: string | RegExp): Promise<RegExpExecArray> {
    return this.#until(what, this.#stdout);
  }

  /** As `until`, of its standard error. */
  untilStderr(what: string | RegExp): Promise<RegExpExecArray> {
    return this.#until(what, this.#stderr);
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Sends it a signal. */
  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Ends its standard input and waits until it ends. */
  async output(): Promise<Output> {
    await this.closeStdin();
    return await this.#output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#kill();
    await this.output();
  }

  async #until(
    what: string | RegExp,
    printed: Printed,
  ): Promise<RegExpExecArray> {
    const pattern = new RegExp(
      typeof what === "string" ? RegExp.escape(what) : what,
    );
    return await patiently(
      this.#reach(pattern, printed),
      () => `${pattern}; the program printed:\n${this.#all()}`,
    );
  }

  async #reach(pattern: RegExp, printed: Printed): Promise<RegExpExecArray> {
    while (true) {
      const found = printed.goPast(pattern);
      if (found !== null) return found;
      if (this.#ended) {
        throw new Error(
          `The program ended without ${pattern}:\n${this.#all()}`,
        );
      }
      await new Promise<void>((resolve) => this.#wakes.push(resolve));
    }
  }

  #all(): string {
    return `${this.#stdout.text}\n${this.#stderr.text}`;
  }

  async #collect(): Promise<Output> {
    const timer = setTimeout(() => this.#kill(), LIFETIME);
    const { stdout, stderr, status } = this.#process;
    const [{ code }] = await Promise.all([
      status,
      this.#take(stdout, this.#stdout),
      this.#take(stderr, this.#stderr),
    ]);
    clearTimeout(timer);
    this.#ended = true;
    this.#wake();
    return { code, stdout: this.#stdout.bytes, stderr: this.#stderr.text };
  }

  async #take(
    from: ReadableStream<Uint8Array<ArrayBuffer>>,
    printed: Printed,
  ): Promise<void> {
    for await (const part of from) {
      printed.add(part);
      this.#wake();
    }
  }

  #wake(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }

  #kill(): void {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has just ended by itself.
    }
  }
}

/** What a program printed on one of its streams. */
class Printed {
  readonly #parts: Uint8Array[] = [];
  /** How much of it has been waited for, in characters. */
  #seen = 0;

  add(part: Uint8Array): void {
    this.#parts.push(part);
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return concat(this.#parts);
  }

  get text(): string {
    return decoder.decode(this.bytes);
  }

  /** Looks for something; the next search starts after it. */
  goPast(pattern: RegExp): RegExpExecArray | null {
    const found = pattern.exec(this.text.slice(this.#seen));
    if (found !== null) this.#seen += found.index + found[0].length;
    return found;
  }
}

/** A folder of its own, removed at the end of the test. */
export class Folder implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync();

  at(name: string): string {
    return `${this.path}/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** The path of an executable file. */
function find(
  name: string,
  works: (path: string) => boolean,
): string | undefined {
  for (const folder of programFolders()) {
    const path = `${folder}/${name}`;
    try {
      const { isFile, mode } = Deno.statSync(path);
      if (isFile && ((mode ?? 0) & 0o111) !== 0 && works(path)) return path;
    } catch {
      // Not there: the next folder.
    }
  }
  return undefined;
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((total, part) => total + part.length, 0);
  const all = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
