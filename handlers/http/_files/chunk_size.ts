/** How much is read and written at once where few parts are being sent, in bytes. */
const LARGE_CHUNK = 256 * 1024;
/**
 * The same where many are: each holds two such buffers while its client takes
 * nothing, and slow clients come by the thousands.
 */
const SMALL_CHUNK = 32 * 1024;
/** How many parts are few. */
const FEW = 16;

/** How many parts are being sent, in this thread. */
let sending = 0;

/** Counts one more part of a file that is being sent, until this is disposed of. */
export class PartBeingSent implements Disposable {
  #isOver = false;

  constructor() {
    sending++;
  }

  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    sending--;
  }
}

/**
 * How much of a part is read at once now: it changes where many come, or have
 * gone.
 *
 * @param length How long the part is, in bytes.
 */
export function chunkSize(length: number): number {
  return Math.min(length, sending > FEW ? SMALL_CHUNK : LARGE_CHUNK);
}
