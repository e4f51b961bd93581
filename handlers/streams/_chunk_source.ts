/**
 * A source whose bytes come in memory of its own, chunk by chunk: a reader takes
 * the chunks themselves, and copies only what it joins.
 */
export class ChunkSource {
  /** Gives the next chunk, which is the reader's to keep; `null` at the end. */
  readonly next: () => Promise<Uint8Array<ArrayBuffer> | null>;

  constructor(next: () => Promise<Uint8Array<ArrayBuffer> | null>) {
    this.next = next;
  }

  /** Has nothing to put into the memory of others. */
  read(): Promise<null> {
    return Promise.resolve(null);
  }
}
