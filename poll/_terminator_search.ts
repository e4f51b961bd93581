/** Where a terminator is, or its beginning at the very end of the bytes. */
export interface Found {
  readonly at: number;
  /** How much of it is there. */
  readonly length: number;
  /** Whether that is all of it. */
  readonly found: boolean;
}

/**
 * Finds a terminator in time that grows with the bytes alone, however often the
 * terminator repeats itself: Knuth, Morris and Pratt 1977, "Fast pattern
 * matching in strings".
 */
export class TerminatorSearch {
  readonly #terminator: Uint8Array;
  /**
   * For each number of bytes that match: how many still do, once the next does
   * not and the first of them are given up.
   */
  readonly #fallback: Int32Array;

  /** @param terminator At least one byte; it must not be changed. */
  constructor(terminator: Uint8Array) {
    this.#terminator = terminator;
    const fallback = this.#fallback = new Int32Array(terminator.length + 1);
    for (let i = 1, matched = 0; i < terminator.length; i++) {
      while (matched > 0 && terminator[i] !== terminator[matched]) {
        matched = fallback[matched]!;
      }
      if (terminator[i] === terminator[matched]) matched++;
      fallback[i + 1] = matched;
    }
  }

  /** The first place of the terminator; else where its beginning ends the bytes. */
  find(bytes: Uint8Array): Found {
    const terminator = this.#terminator;
    let matched = 0;
    for (let i = 0; i < bytes.length; i++) {
      if (matched === 0) {
        // Much faster than a loop, and most bytes are none of the terminator.
        i = bytes.indexOf(terminator[0]!, i);
        if (i < 0) break;
      }
      while (matched > 0 && bytes[i] !== terminator[matched]) {
        matched = this.#fallback[matched]!;
      }
      if (bytes[i] === terminator[matched]) matched++;
      if (matched === terminator.length) {
        return { at: i + 1 - matched, length: matched, found: true };
      }
    }
    return { at: bytes.length - matched, length: matched, found: false };
  }
}
