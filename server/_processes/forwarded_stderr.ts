import { escapeControls } from "../../handlers/_escape_controls.ts";

/** How much is remembered, and read at a time, in bytes. */
const TAIL_SIZE = 4 * 1024;

const encoder = new TextEncoder();

/**
 * The stderr of a process: passed on to this one's as text that no terminal
 * obeys, its end remembered. It is read no faster than it is passed on.
 *
 * While the process starts, little is held back: if it does not start, what it
 * wrote is in the error that says so, and need not be printed twice.
 */
export class ForwardedStderr {
  /** Resolves when all has been passed on. */
  readonly ended: Promise<void>;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #write: (bytes: Uint8Array) => Promise<number>;
  readonly #decoder = new TextDecoder();
  #tail = new Uint8Array(0);
  /** What is held back, while anything is. */
  #held: string | undefined = "";
  /** Settles when all that is not held back has been passed on. */
  #printing: Promise<void> = Promise.resolve();
  readonly #cancelled = Promise.withResolvers<void>();

  /**
   * @param stderr Where the process writes.
   * @param write Writes some of the bytes to this process's stderr.
   */
  constructor(
    stderr: ReadableStream<Uint8Array>,
    write: (bytes: Uint8Array) => Promise<number> = (bytes) =>
      Deno.stderr.write(bytes),
  ) {
    this.#reader = stderr.getReader({ mode: "byob" });
    this.#write = write;
    this.ended = Promise.race([this.#forward(), this.#cancelled.promise]);
  }

  /** The last that was written there. */
  get tail(): string {
    return new TextDecoder().decode(this.#tail);
  }

  /** The process has started: nothing is held back any more. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined && held !== "") this.#print(held);
  }

  /**
   * Waits no more, though the pipe is open elsewhere, or nobody reads what is
   * passed on.
   */
  cancel(): void {
    this.#cancelled.resolve();
    this.#reader.cancel().catch(() => {
      // It is broken, and so it has ended.
    });
  }

  async #forward(): Promise<void> {
    // Most processes write nothing: a small one is enough.
    let buffer = new Uint8Array(TAIL_SIZE);
    while (true) {
      const { value, done } = await this.#reader.read(buffer);
      if (done || value === undefined) break;
      buffer = new Uint8Array(value.buffer);
      this.#remember(value);
      await this.#pass(this.#decoder.decode(value, { stream: true }));
    }
    await this.#pass(this.#decoder.decode());
  }

  #pass(text: string): Promise<void> {
    if (this.#held !== undefined) {
      this.#held += text;
      if (this.#held.length > TAIL_SIZE) this.release();
    } else if (text !== "") this.#print(text);
    return this.#printing;
  }

  #print(text: string): void {
    const before = this.#printing;
    this.#printing = before.then(() => this.#writeAll(text));
  }

  async #writeAll(text: string): Promise<void> {
    try {
      for (let rest = encoder.encode(escapeControls(text)); rest.length > 0;) {
        rest = rest.subarray(await this.#write(rest));
      }
    } catch {
      // Nobody reads this process's stderr: the child's is read on.
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
