/** A source that gives what a test lets arrive, and notes overlapping reads. */
export class Arriving {
  /** How many reads were under way at once, at the most. */
  most = 0;
  /** How many are. */
  reads = 0;
  #parts: Uint8Array[] = [];
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  arrive(text: string): void {
    this.#parts.push(new TextEncoder().encode(text));
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.#wake?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.most = Math.max(this.most, ++this.reads);
    try {
      while (this.#parts.length === 0) {
        if (this.#failure !== undefined) throw this.#failure.error;
        if (this.#ended) return null;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      const part = this.#parts.shift()!;
      const taken = part.subarray(0, buffer.length);
      buffer.set(taken);
      if (taken.length < part.length) {
        this.#parts.unshift(part.subarray(taken.length));
      }
      return taken.length;
    } finally {
      this.reads--;
    }
  }
}
