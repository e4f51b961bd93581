/** How much is remembered, in bytes. */
const TAIL_SIZE = 4 * 1024;

/** The stderr of a process: passed on to this one's, its end remembered. */
export class ForwardedStderr {
  /** Resolves when all has been passed on. */
  readonly ended: Promise<void>;
  readonly #reader: ReadableStreamBYOBReader;
  #tail = new Uint8Array(0);

  constructor(stderr: ReadableStream<Uint8Array>) {
    this.#reader = stderr.getReader({ mode: "byob" });
    this.ended = this.#forward();
  }

  /** The last that was written there. */
  get tail(): string {
    return new TextDecoder().decode(this.#tail);
  }

  /** Reads no more, though the pipe is open elsewhere. */
  cancel(): void {
    void this.#reader.cancel();
  }

  async #forward(): Promise<void> {
    // Most processes write nothing: a small one is enough.
    let buffer = new Uint8Array(TAIL_SIZE);
    while (true) {
      const { value, done } = await this.#reader.read(buffer);
      if (done || value === undefined) return;
      buffer = new Uint8Array(value.buffer);
      this.#remember(value);
      try {
        for (let rest = value; rest.length > 0;) {
          rest = rest.subarray(await Deno.stderr.write(rest));
        }
      } catch {
        // Nobody reads this process's stderr: the child's is read on.
      }
    }
  }

  #remember(bytes: Uint8Array): void {
    const last = bytes.subarray(-TAIL_SIZE);
    const kept = this.#tail.subarray(
      Math.max(0, this.#tail.length + last.length - TAIL_SIZE),
    );
    const tail = new Uint8Array(kept.length + last.length);
    tail.set(kept);
    tail.set(last, kept.length);
    this.#tail = tail;
  }
}
