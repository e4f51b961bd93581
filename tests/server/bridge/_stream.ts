import { Random } from "./_random.ts";

/** Of a length that divides no size of a ring. */
const PERIOD = 1_000_003;

/** Both threads know it. */
const content = new Random(1).bytes(PERIOD);
/** Twice, so that every piece is in one part. */
const twice = new Uint8Array(2 * PERIOD);
twice.set(content);
twice.set(content, PERIOD);

/** A stream of bytes without end, each of which is known by its place. */
export class Stream {
  position = 0;

  /** The next bytes, at most `PERIOD`. */
  take(size: number): Uint8Array<ArrayBuffer> {
    const at = this.position % PERIOD;
    this.position += size;
    return twice.subarray(at, at + size);
  }

  /** Throws unless these are the next bytes. */
  compare(bytes: Uint8Array): void {
    const expected = this.take(bytes.length);
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] !== expected[i]) {
        throw new Error(
          `Byte ${this.position - bytes.length + i} is ${bytes[i]}, not ${
            expected[i]
          }`,
        );
      }
    }
  }
}
