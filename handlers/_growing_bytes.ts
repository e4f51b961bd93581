/** A part of at least as many bytes is kept as it is: to copy it costs more. */
const LARGE = 4 * 1024;
/** The least and the most memory in which small parts are joined, in bytes. */
const SMALLEST_BLOCK = 256;
const LARGEST_BLOCK = 64 * 1024;

const NOTHING = new Uint8Array(0);

/**
 * Bytes that come in parts. Small ones are joined as they come: a list of them
 * would cost hundreds of times the bytes of a client that sends them one by one.
 * Large ones are copied only once, when all are joined.
 */
export class GrowingBytes<Memory extends ArrayBufferLike = ArrayBufferLike> {
  readonly #parts: Uint8Array<Memory | ArrayBuffer>[] = [];
  /** Where small parts are joined; from `#from` to `#to` it is in no part yet. */
  #block: Uint8Array<ArrayBuffer> = NOTHING;
  #from = 0;
  #to = 0;
  #length = 0;

  /** How many bytes there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds a part, which must not be changed afterwards. */
  add(part: Uint8Array<Memory>): void {
    // Most bodies have come as one, which is not copied at all.
    if (this.#length === 0 || isLarge(part)) {
      this.#keepJoined();
      if (part.length > 0) this.#parts.push(part);
    } else this.#join(part);
    this.#length += part.length;
  }

  /** All bytes: the part itself where there is one, or else memory as long. */
  bytes(): Uint8Array<Memory | ArrayBuffer> {
    this.#keepJoined();
    if (this.#parts.length === 1) return this.#parts[0]!;
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  #join(part: Uint8Array): void {
    let rest = part;
    while (rest.length > 0) {
      if (this.#to === this.#block.length) this.#beginBlock();
      const room = this.#block.length - this.#to;
      const fits = rest.length <= room ? rest : rest.subarray(0, room);
      this.#block.set(fits, this.#to);
      this.#to += fits.length;
      rest = rest.subarray(fits.length);
    }
  }

  #beginBlock(): void {
    this.#keepJoined();
    // No more than there is already, so that a few bytes do not cost much.
    const size = Math.max(this.#length, SMALLEST_BLOCK);
    this.#block = new Uint8Array(Math.min(size, LARGEST_BLOCK));
    this.#from = this.#to = 0;
  }

  /** What was joined is a part. The rest of the block is for those behind it. */
  #keepJoined(): void {
    if (this.#from === this.#to) return;
    this.#parts.push(this.#block.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}

/** Whether a part is kept as it is: a small view would keep all of its memory. */
function isLarge({ length, buffer }: Uint8Array): boolean {
  return length >= LARGE && 2 * length >= buffer.byteLength;
}
