/** Random numbers that are the same in each run: Park and Miller's (1988). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from 0 to below `end`. */
  below(end: number): number {
    this.#state = this.#state * 48_271 % 2_147_483_647;
    // Its low bits are as good as any: the modulus is a prime.
    return this.#state % end;
  }

  /** One in `n`. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  bytes(size: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = this.below(256);
    return bytes;
  }
}
