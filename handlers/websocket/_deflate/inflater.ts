import { constants } from "node:zlib";
import { ZlibStream } from "./zlib.ts";

/** What a message that was flushed ends with, and is sent without: RFC 7692, 7.2.1. */
const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);
/** What messages are inflated into, in bytes, unless they are larger. */
const SCRATCH = 64 * 1024;

let scratch = new Uint8Array(0);

/** Those that remember nothing between messages, by their window. */
const shared = new Map<number, ZlibStream>();

/** Inflates the messages of one client: RFC 7692, section 7.2.2. */
export class Inflater {
  readonly #windowBits: number;
  readonly #remembers: boolean;
  #stream: ZlibStream | undefined;

  /**
   * @param windowBits How far the client looks back, 8 to 15.
   * @param remembers Whether it looks back into messages that came before.
   */
  constructor(windowBits: number, remembers: boolean) {
    // zlib has no such window, and a larger one does as well.
    this.#windowBits = Math.max(9, windowBits);
    this.#remembers = remembers;
  }

  /**
   * Inflates a message. What it costs is bounded by what it may come to, however
   * much it would be.
   *
   * @param message The message.
   * @param most How much it may come to, in bytes.
   * @returns What it comes to, in memory that the next call uses again; or why it
   * comes to nothing.
   */
  inflate(
    message: Uint8Array,
    most: number,
  ): Uint8Array | "invalid" | "too big" {
    const stream = this.#take();
    let output = scratch.length > 0
      ? scratch
      : scratch = new Uint8Array(SCRATCH);
    let size = 0;
    let hasEnded = false;
    /** Whether it was reset and has not gone on since. */
    let isFresh = false;
    for (const input of [message, TAIL]) {
      let at = 0;
      while (true) {
        if (size === output.length) {
          if (size > most) return "too big";
          const larger = new Uint8Array(Math.min(2 * size, most + 1));
          larger.set(output);
          output = larger;
        }
        stream.write(constants.Z_SYNC_FLUSH, input, at, output, size);
        if (stream.failed) return "invalid";
        const filled = output.length - stream.outputLeft;
        const taken = input.length - stream.inputLeft;
        const isStuck = filled === size && taken === at;
        size = filled;
        at = taken;
        if (!isStuck) isFresh = false;
        if (size > most) return "too big";
        if (stream.outputLeft === 0) continue;
        if (at === input.length) break;
        // The last block has ended, and others may follow it.
        if (isStuck && isFresh) return "invalid";
        hasEnded = isFresh = true;
        stream.reset();
      }
    }
    if (hasEnded) stream.reset();
    return output.subarray(0, size);
  }

  /** Frees its memory. */
  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  #take(): ZlibStream {
    if (this.#remembers) return this.#stream ??= this.#make();
    let stream = shared.get(this.#windowBits);
    if (stream === undefined) {
      stream = this.#make();
      shared.set(this.#windowBits, stream);
    } else stream.reset();
    return stream;
  }

  #make(): ZlibStream {
    return new ZlibStream("inflate", this.#windowBits, 0);
  }
}
