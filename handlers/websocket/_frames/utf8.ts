/**
 * Checks bytes that come in parts for UTF-8, and tells of the first that is wrong
 * as soon as it has come: RFC 3629, section 4.
 */
export class UTF8Check {
  /** How many bytes the current character still needs. */
  #needed = 0;
  /** Between what the next of them must lie. */
  #lowest = 0x80;
  #highest = 0xbf;

  /** Whether all characters are whole. */
  get complete(): boolean {
    return this.#needed === 0;
  }

  /** Begins anew. */
  reset(): void {
    this.#needed = 0;
    this.#lowest = 0x80;
    this.#highest = 0xbf;
  }

  /**
   * Goes on.
   *
   * @returns Whether nothing is wrong yet.
   */
  check(bytes: Uint8Array, from: number, to: number): boolean {
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!;
      if (this.#needed > 0) {
        if (byte < this.#lowest || byte > this.#highest) return false;
        this.#lowest = 0x80;
        this.#highest = 0xbf;
        this.#needed--;
      } else if (byte > 0x7f && !this.#begin(byte)) return false;
    }
    return true;
  }

  /** Begins a character of several bytes, whose second byte may be bounded. */
  #begin(byte: number): boolean {
    if (byte >= 0xc2 && byte <= 0xdf) this.#needed = 1;
    else if (byte >= 0xe0 && byte <= 0xef) {
      this.#needed = 2;
      // Neither longer than needed nor a surrogate.
      if (byte === 0xe0) this.#lowest = 0xa0;
      else if (byte === 0xed) this.#highest = 0x9f;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      this.#needed = 3;
      // Neither longer than needed nor past U+10FFFF.
      if (byte === 0xf0) this.#lowest = 0x90;
      else if (byte === 0xf4) this.#highest = 0x8f;
    } else return false;
    return true;
  }
}
