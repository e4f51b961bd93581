/** The longest line that is logged, in characters; what follows is cut. */
const LONGEST_LINE = 1_000;
/** How many lines of one script are logged. */
const MOST_LINES = 100;

/** Logs what a script writes to its standard error, line by line. */
export class StderrLog {
  /** Resolves when all is read. */
  readonly ended: Promise<void>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #log: (line: string) => void;
  #line = "";
  #lines = 0;

  /**
   * @param stderr What to read.
   * @param log Called for each line.
   */
  constructor(
    stderr: ReadableStream<Uint8Array>,
    log: (line: string) => void,
  ) {
    this.#reader = stderr.getReader();
    this.#log = log;
    this.ended = this.#readAll();
  }

  /** Reads no more, though the pipe is open elsewhere. */
  cancel(): void {
    void this.#reader.cancel();
  }

  async #readAll(): Promise<void> {
    const decoder = new TextDecoder();
    while (true) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      this.#take(decoder.decode(value, { stream: true }));
    }
    this.#take(decoder.decode());
    if (this.#line !== "") this.#end();
  }

  #take(text: string): void {
    const lines = text.split("\n");
    const last = lines.pop()!;
    for (const line of lines) {
      this.#extend(line);
      this.#end();
    }
    this.#extend(last);
  }

  #extend(text: string): void {
    // One character more shows that it was longer.
    this.#line = (this.#line + text).slice(0, LONGEST_LINE + 1);
  }

  #end(): void {
    const line = this.#line.replace(/\r$/, "");
    this.#line = "";
    this.#lines++;
    if (this.#lines < MOST_LINES) {
      this.#log(
        line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line,
      );
    } else if (this.#lines === MOST_LINES) {
      this.#log("it wrote more, which is not logged");
    }
  }
}
