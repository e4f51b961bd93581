/** What the state begins with (see `half_siphash` of the reference). */
const FIRST = 0x6c796765;
const SECOND = 0x74656462;

/**
 * HalfSipHash-2-4 with 64 bits of output: Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF" (2012), and its reference implementation for words of 32 bits.
 * Who does not know the key cannot find two inputs with one hash.
 */
export class KeyedHash {
  readonly #key0: number;
  readonly #key1: number;
  /** The first and the second 32 bits of the last hash. */
  first = 0;
  second = 0;

  /** @param key The 8 bytes of the key, as two numbers, the lower first. */
  constructor(key: readonly [number, number]) {
    [this.#key0, this.#key1] = key;
  }

  /**
   * Hashes bytes, whose number is a multiple of 4; `first` and `second` are the
   * outcome.
   */
  update(bytes: Uint8Array): void {
    let v0 = this.#key0;
    let v1 = this.#key1 ^ 0xee;
    let v2 = FIRST ^ this.#key0;
    let v3 = SECOND ^ this.#key1;
    const words = bytes.length >> 2;
    // All words, one that has the length, and twice none, for either half.
    for (let block = 0; block < words + 3; block++) {
      const word = block < words
        ? wordAt(bytes, 4 * block)
        : block === words
        ? bytes.length << 24
        : 0;
      v3 ^= word;
      for (let rounds = block <= words ? 2 : 4; rounds > 0; rounds--) {
        v0 = v0 + v1 | 0;
        v1 = (v1 << 5 | v1 >>> 27) ^ v0;
        v0 = v0 << 16 | v0 >>> 16;
        v2 = v2 + v3 | 0;
        v3 = (v3 << 8 | v3 >>> 24) ^ v2;
        v0 = v0 + v3 | 0;
        v3 = (v3 << 7 | v3 >>> 25) ^ v0;
        v2 = v2 + v1 | 0;
        v1 = (v1 << 13 | v1 >>> 19) ^ v2;
        v2 = v2 << 16 | v2 >>> 16;
      }
      v0 ^= word;
      if (block === words) v2 ^= 0xee;
      else if (block === words + 1) {
        this.first = v1 ^ v3;
        v1 ^= 0xdd;
      }
    }
    this.second = v1 ^ v3;
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 |
    bytes[at + 3]! << 24;
}
