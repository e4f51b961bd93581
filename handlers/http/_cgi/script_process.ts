import { isGranted } from "../../_granted.ts";
import { dirname } from "node:path";
import { ScriptError } from "./script_error.ts";
import { StallTimer } from "./stall_timer.ts";
import type { CGIUser } from "./script_user.ts";
import { StderrLog } from "./stderr_log.ts";

/** How long a script that was told to end may take, in milliseconds. */
const KILL_TIMEOUT = 2_000;
/** How long a script may take to end when it has ended its output, in milliseconds. */
const EXIT_TIMEOUT = 3_000;
/**
 * How long the pipes of a script that has ended are read while nothing comes, in
 * milliseconds: what it has started has them too.
 */
const PIPES_TIMEOUT = 1_000;

const ignore = () => {};

/** What a {@linkcode ScriptProcess} runs, and for how long. */
export interface ScriptRun {
  /** The script's path, absolute. */
  readonly file: string;
  /** All its variables. */
  readonly env: Record<string, string>;
  /** Whether it gets a body. */
  readonly hasBody: boolean;
  /** How long it may neither take nor give anything, in milliseconds. */
  readonly timeout: number;
  /** Ends it when aborted: the client is gone, or the server ends. */
  readonly signal: AbortSignal;
  /** Whom it runs as, if not as whoever runs the server. */
  readonly user: CGIUser | undefined;
  /** Called for what is worth to be logged. */
  readonly log: (message: string) => void;
}

/**
 * A script that runs. It is ended when it stalls, when its client is gone, and
 * when nobody needs it any more.
 */
export class ScriptProcess implements AsyncDisposable {
  readonly #run: ScriptRun;
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #stdout: ReadableStreamDefaultReader<Uint8Array>;
  readonly #stderr: StderrLog;
  readonly #timer: StallTimer;
  readonly #status: Promise<Deno.CommandStatus>;
  #ended = false;
  /** Why it was told to end. */
  #cause: { readonly error: unknown } | undefined;
  #killTimer: ReturnType<typeof setTimeout> | undefined;
  #reading = false;
  #pipesTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Starts it.
   *
   * @throws What keeps it from being started.
   */
  constructor(run: ScriptRun) {
    this.#run = run;
    this.#process = new Deno.Command(run.file, {
      cwd: dirname(run.file),
      clearEnv: true,
      env: run.env,
      ...run.user,
      stdin: run.hasBody ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
      // A signal from the terminal is for the server, which then drains; and a
      // group of its own can be ended as one.
      detached: true,
    }).spawn();
    if (run.hasBody) this.#stdin = this.#process.stdin.getWriter();
    this.#stdout = this.#process.stdout.getReader();
    this.#stderr = new StderrLog(
      this.#process.stderr,
      (line) => run.log(`wrote to stderr: ${line}`),
    );
    this.#timer = new StallTimer(run.timeout, () =>
      this.#stop(
        new ScriptError(
          504,
          `it neither took nor gave anything for ${run.timeout} ms`,
        ),
      ));
    this.#status = this.#wait();
    run.signal.addEventListener("abort", this.#aborted);
    if (run.signal.aborted) this.#aborted();
  }

  /**
   * Gives it the body, and no more of it when it has closed its standard input.
   *
   * @param read Gives the next bytes of the body, or `null` at the end.
   * @returns A promise that never rejects; if `read` fails the script is ended.
   */
  async feed(read: () => Promise<Uint8Array | null>): Promise<void> {
    const stdin = this.#stdin!;
    while (!this.#ended && this.#cause === undefined) {
      let chunk: Uint8Array | null;
      try {
        chunk = await this.#timer.pauseFor(read());
      } catch (error) {
        return this.#stop(error);
      }
      try {
        if (chunk === null) return await stdin.close();
        await stdin.write(chunk);
      } catch {
        // Not to read its input is a script's right.
        return;
      }
      this.#timer.restart();
    }
  }

  /**
   * Takes what it prints.
   *
   * @returns The next bytes, or `null` at the end.
   * @throws Why it was ended, if it was.
   */
  async read(): Promise<Uint8Array | null> {
    this.#reading = true;
    if (this.#ended) this.#armPipes();
    const { value, done } = await this.#stdout.read();
    this.#reading = false;
    clearTimeout(this.#pipesTimer);
    this.#timer.restart();
    if (this.#cause !== undefined) throw this.#cause.error;
    return done ? null : value;
  }

  /**
   * Waits for the client, whose slowness is not the script's.
   *
   * @param taken Resolves when the client has taken something.
   * @throws What `taken` rejects with.
   */
  async waitForClient(taken: Promise<void>): Promise<void> {
    await this.#timer.pauseFor(taken);
  }

  /**
   * Waits until it has ended, which should be soon after its output has.
   *
   * @throws {ScriptError} If a signal ended it.
   */
  async end(): Promise<void> {
    const late = setTimeout(
      () =>
        this.#stop(
          new ScriptError(
            504,
            `it ran on for ${EXIT_TIMEOUT} ms after its output had ended`,
          ),
        ),
      EXIT_TIMEOUT,
    );
    const { code, signal } = await this.#status;
    clearTimeout(late);
    if (this.#cause !== undefined) throw this.#cause.error;
    if (signal !== null) throw new ScriptError(502, `${signal} ended it`);
    if (code !== 0) this.#run.log(`ended with exit code ${code}`);
  }

  /** Ends it if it runs, waits for it and releases its pipes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop(new Error("The script is not needed any more"));
    await this.#status;
    await this.#stderr.ended;
    await this.#stdout.cancel();
    // Where something that it has started holds the other end, and a write
    // waits, Deno releases the pipe only after that.
    this.#stdin?.abort().catch(ignore);
  }

  async #wait(): Promise<Deno.CommandStatus> {
    const status = await this.#process.status;
    this.#ended = true;
    clearTimeout(this.#killTimer);
    this.#timer.stop();
    this.#run.signal.removeEventListener("abort", this.#aborted);
    if (this.#reading) this.#armPipes();
    const late = setTimeout(() => this.#stderr.cancel(), PIPES_TIMEOUT);
    void this.#stderr.ended.then(() => clearTimeout(late));
    return status;
  }

  readonly #aborted = () => this.#stop(this.#run.signal.reason);

  #stop(error: unknown): void {
    if (this.#ended || this.#cause !== undefined) return;
    this.#cause = { error };
    this.#timer.stop();
    this.#kill("SIGTERM");
    this.#killTimer = setTimeout(() => this.#kill("SIGKILL"), KILL_TIMEOUT);
  }

  /** Ends its whole group where this process may, which takes `--allow-run`. */
  #kill(signal: Deno.Signal): void {
    const { pid } = this.#process;
    const mayKillGroup = Deno.build.os !== "windows" &&
      isGranted({ name: "run" });
    try {
      if (mayKillGroup) Deno.kill(-pid, signal);
      else this.#process.kill(signal);
    } catch {
      // It has ended meanwhile.
    }
  }

  #armPipes(): void {
    clearTimeout(this.#pipesTimer);
    this.#pipesTimer = setTimeout(
      () => void this.#stdout.cancel(),
      PIPES_TIMEOUT,
    );
  }
}
