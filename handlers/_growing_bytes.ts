/**
 * Bytes that come in parts, in one buffer that grows by doubling. A list of the
 * parts would cost a hundred times the bytes of a client that sends them one by
 * one.
 */
export class GrowingBytes {
  /** Not copied while there is only one part. */
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;

  /** How many bytes there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds a part, which must not be changed afterwards. */
  add(part: Uint8Array): void {
    const length = this.#length + part.length;
    if (this.#length === 0) {
      this.#bytes = part;
    } else {
      if (length > this.#bytes.length) {
        const larger = new Uint8Array(Math.max(length, 2 * this.#length));
        larger.set(this.bytes());
        this.#bytes = larger;
      }
      this.#bytes.set(part, this.#length);
    }
    this.#length = length;
  }

  /** All bytes. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
