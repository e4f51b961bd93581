import { ReadSize } from "./_read_size.ts";

/** What a connection holds that waits, where many others hold more, in bytes. */
const WAITING_BUFFER = 4 * 1024;
/** Beyond this, larger reads no longer save time on loopback. */
export const LARGEST_BUFFER: number = 64 * 1024;
/** Below this a copy is cheaper than giving the buffer away, in bytes. */
const COPY_BELOW = 16 * 1024;

const EMPTY = new Uint8Array(0);
const LF = 0x0a;
const CR = 0x0d;
// A byte order mark is the peer's data like any other, so it is kept.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What has come from a source and was not taken. Offsets count from its start. */
export class ReadBuffer {
  #bytes: Uint8Array<ArrayBuffer> = EMPTY;
  #start = 0;
  #end = 0;
  /** Whether takers get parts of its memory: nothing is read into it again. */
  #shared = false;
  /** Whether the source reads into it: its bytes stay where they are. */
  #filling = false;
  /** How large the next fresh buffer is. */
  readonly #size = new ReadSize(WAITING_BUFFER, LARGEST_BUFFER);

  /** Holds these bytes, which it shares with whoever takes them. */
  share(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#end = bytes.length;
    this.#shared = true;
  }

  /** Adds bytes that nobody else writes to, and shares them if it can. */
  add(bytes: Uint8Array<ArrayBuffer>): void {
    const held = this.length;
    if (held === 0) {
      this.#start = 0;
      return this.share(bytes);
    }
    const size = held + bytes.length;
    if (this.#shared || this.#end + bytes.length > this.#bytes.length) {
      const from = this.#bytes.subarray(this.#start, this.#end);
      // Twice what is needed: each byte is then copied only a few times.
      if (this.#shared || 2 * size > this.#bytes.length) {
        this.#bytes = new Uint8Array(2 * size);
      }
      this.#bytes.set(from);
      this.#shared = false;
      this.#start = 0;
      this.#end = held;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** How many bytes are held. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Where in its memory it starts: it changes when bytes are taken. */
  get start(): number {
    return this.#start;
  }

  /**
   * Begins to add bytes.
   *
   * @param most The most that there is a use for, in bytes.
   * @returns Where the source shall put them. End with `filled` or `unfilled`.
   */
  room(most: number): Uint8Array<ArrayBuffer> {
    const held = this.#end - this.#start;
    if (held === 0) {
      this.#start = this.#end = 0;
      const size = this.#size.begin(most);
      if (this.#bytes.length !== size) this.#bytes = new Uint8Array(size);
    } else if (this.#end === this.#bytes.length) {
      const from = this.#bytes;
      if (held > from.length / 2) this.#bytes = new Uint8Array(held * 2);
      this.#bytes.set(from.subarray(this.#start, this.#end));
      this.#start = 0;
      this.#end = held;
    }
    this.#filling = true;
    return this.#end === 0 ? this.#bytes : this.#bytes.subarray(this.#end);
  }

  /**
   * Takes note of what the source has put into the room.
   *
   * @throws {TypeError} If it cannot have put as much there.
   */
  filled(n: number): void {
    this.#filling = false;
    this.#size.end(n, this.#bytes.length - this.#end);
    this.#end += n;
  }

  /** The source has put nothing there, or what nobody shall have. */
  unfilled(): void {
    this.#filling = false;
    this.#size.fail();
  }

  /** Takes the first `n` bytes, for the caller to keep. */
  take(n: number): Uint8Array<ArrayBuffer> {
    const start = this.#start;
    const end = this.#start = start + n;
    if (this.#shared) {
      // Another array of the same bytes takes V8 longer than all else here.
      return n === this.#bytes.length
        ? this.#bytes
        : this.#bytes.subarray(start, end);
    }
    if (n < COPY_BELOW || end !== this.#end || this.#filling) {
      return this.#bytes.slice(start, end);
    }
    // The caller gets the buffer itself, and the next read a fresh one.
    const given = this.#bytes.subarray(start, end);
    this.#bytes = EMPTY;
    this.#start = this.#end = 0;
    return given;
  }

  /** Takes the first bytes into a buffer of the caller's. */
  takeInto(buffer: Uint8Array): number {
    const n = Math.min(buffer.length, this.#end - this.#start);
    buffer.set(this.#bytes.subarray(this.#start, this.#start += n));
    return n;
  }

  /** Takes the first `n` bytes and those of the ending, and decodes the former. */
  takeText(n: number, ending: number): string {
    const end = this.#start + n;
    const text = decoder.decode(this.#bytes.subarray(this.#start, end));
    this.#start = end + ending;
    return text;
  }

  /** A copy of the first `n` bytes. */
  peek(n: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(this.#start, this.#start + n);
  }

  /** Where the first line feed is, from `from` on, or -1. */
  newline(from: number): number {
    const at = this.#bytes.indexOf(LF, this.#start + from);
    // What lies past the end is left over from earlier reads.
    return at < this.#end && at >= 0 ? at - this.#start : -1;
  }

  /** How long the line ending is whose line feed is there, in bytes. */
  endingAt(lf: number): number {
    return lf > 0 && this.#bytes[this.#start + lf - 1] === CR ? 2 : 1;
  }

  /** Where `mark` begins first, from `from` on, or -1. */
  find(mark: Uint8Array, from: number): number {
    const last = this.#end - mark.length;
    let at = this.#bytes.indexOf(mark[0]!, this.#start + from);
    while (at >= 0 && at <= last) {
      let i = 1;
      while (i < mark.length && this.#bytes[at + i] === mark[i]) i++;
      if (i === mark.length) return at - this.#start;
      at = this.#bytes.indexOf(mark[0]!, at + 1);
    }
    return -1;
  }
}
