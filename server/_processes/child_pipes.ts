import type { Pipes } from "./pipe_carrier.ts";

/** The capacity of a pipe on Linux, in bytes: pipe(7). */
const BUFFER_SIZE = 64 * 1024;

/** How many buffers of processes that have ended are kept for others. */
const MOST_KEPT = 8;

const kept: Uint8Array<ArrayBuffer>[] = [];

/** The stdin and stdout of a process, from the side that started it. */
export class ChildPipes implements Pipes {
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stdout: ReadableStreamBYOBReader;
  #buffer = kept.pop() ?? new Uint8Array(BUFFER_SIZE);

  constructor({ stdin, stdout }: Deno.ChildProcess) {
    this.#stdin = stdin.getWriter();
    this.#stdout = stdout.getReader({ mode: "byob" });
  }

  async read(): Promise<Uint8Array | null> {
    const { value, done } = await this.#stdout.read(this.#buffer);
    if (value !== undefined) this.#buffer = new Uint8Array(value.buffer);
    if (!done) return value;
    if (value !== undefined && kept.length < MOST_KEPT) kept.push(this.#buffer);
    return null;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#stdin.write(bytes);
  }

  /** Ends stdin, after what is being written. */
  endStdin(): void {
    this.#stdin.close().catch(() => {
      // The process has gone.
    });
  }

  /** Reads no more, though the pipe is open elsewhere. */
  cancel(): void {
    void this.#stdout.cancel();
  }

  /** Releases both, when the process has ended. */
  async close(): Promise<void> {
    try {
      await this.#stdin.abort();
    } catch {
      // It is closed already.
    }
    await this.#stdout.cancel();
  }
}
