import { constants } from "node:zlib";
import { ZlibStream } from "./zlib.ts";

/** What a message that was flushed ends with, and is sent without: RFC 7692, 7.2.1. */
const TAIL_LENGTH = 4;
/** What messages are deflated into, in bytes, unless they are larger. */
const SCRATCH = 16 * 1024;

let scratch = new Uint8Array(0);

/** Those that remember nothing between messages, by their window and level. */
const shared = new Map<string, ZlibStream>();

/** Deflates the messages to one client: RFC 7692, section 7.2.1. */
export class Deflater {
  readonly #windowBits: number;
  readonly #level: number;
  readonly #remembers: boolean;
  #stream: ZlibStream | undefined;

  /**
   * @param windowBits How far it may look back, 9 to 15.
   * @param level How hard it tries, 0 to 9.
   * @param remembers Whether it may look back into messages that went before.
   */
  constructor(windowBits: number, level: number, remembers: boolean) {
    this.#windowBits = windowBits;
    this.#level = level;
    this.#remembers = remembers;
  }

  /**
   * Deflates a message.
   *
   * @returns It, in memory that the next call uses again.
   */
  deflate(message: Uint8Array): Uint8Array {
    // An empty one would not be flushed again: RFC 7692, section 7.2.3.6.
    if (message.length === 0) return Uint8Array.of(0);
    const stream = this.#take();
    let output = scratch.length > 0
      ? scratch
      : scratch = new Uint8Array(SCRATCH);
    let size = 0;
    let at = 0;
    while (true) {
      stream.write(constants.Z_SYNC_FLUSH, message, at, output, size);
      size = output.length - stream.outputLeft;
      at = message.length - stream.inputLeft;
      // With room left it is flushed as a whole.
      if (stream.outputLeft > 0) break;
      const larger = new Uint8Array(2 * output.length);
      larger.set(output);
      output = larger;
    }
    return output.subarray(0, size - TAIL_LENGTH);
  }

  /** Frees its memory. */
  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  #take(): ZlibStream {
    if (this.#remembers) return this.#stream ??= this.#make();
    const key = `${this.#windowBits} ${this.#level}`;
    let stream = shared.get(key);
    if (stream === undefined) {
      stream = this.#make();
      shared.set(key, stream);
    } else stream.reset();
    return stream;
  }

  #make(): ZlibStream {
    return new ZlibStream("deflate", this.#windowBits, this.#level);
  }
}
