import { giveBuffer, takeBuffer } from "../../streams/_small_buffers.ts";
import { writeCountError } from "../../streams/_write_count.ts";
import { FIN, Opcode, RSV1 } from "./opcodes.ts";

/** What a UTF-16 unit of a text takes at most, in bytes of UTF-8. */
const BYTES_PER_UNIT = 3;
const LAST_ASCII = 0x7f;
/** Longer texts are encoded faster by `TextEncoder`, in UTF-16 units. */
const SHORT_TEXT = 64;
/** For longer ones no memory is taken that they may not need. */
const MODEST_TEXT = 16 * 1024;
/** The longest header of a server's frame, which has no mask, in bytes. */
const MOST_OF_HEADER = 10;
/** The largest payloads whose length takes no more bytes, and two more. */
const SHORT_LENGTH = 125;
const MEDIUM_LENGTH = 0xffff;

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

/** What frames are written to. */
export interface FrameSink {
  write(data: Uint8Array): Promise<number>;
}

/**
 * Writes the frames of a server: RFC 6455, section 5. All of a tick go out in one
 * call, and what comes while that is under way in the next.
 */
export class FrameWriter {
  /** How many bytes the sink has not taken yet, those of headers included. */
  unsent = 0;
  /** How many bytes of messages it has not taken yet. */
  unsentData = 0;
  /** Whether it has taken something since this was last set to `false`. */
  progressed = false;
  readonly #sink: FrameSink;
  readonly #keepsNothing: boolean;
  readonly #onFailed: (error: unknown) => void;
  /** The frames of the next batch. */
  #frames: Uint8Array<ArrayBuffer> = NOTHING;
  #size = 0;
  #data = 0;
  /** Resolves to whether the next batch was taken, if there is one. */
  #collecting: Promise<boolean> | undefined;
  /** The same of the last one. */
  #last: Promise<boolean> | undefined;
  #failed = false;

  /**
   * @param sink Where frames go.
   * @param keepsNothing Whether it keeps no bytes when a write is done, so that
   * their memory can be used again.
   * @param onFailed Called once when it fails.
   */
  constructor(
    sink: FrameSink,
    keepsNothing: boolean,
    onFailed: (error: unknown) => void,
  ) {
    this.#sink = sink;
    this.#keepsNothing = keepsNothing;
    this.#onFailed = onFailed;
  }

  /** Writes bytes that are no frame. */
  raw(bytes: Uint8Array): Promise<boolean> {
    this.#reserve(bytes.length);
    this.#frames.set(bytes, this.#size);
    this.#size += bytes.length;
    return this.#added(bytes.length, 0);
  }

  /**
   * Writes a message of text.
   *
   * @returns A promise that resolves to whether the sink has taken it.
   */
  text(text: string): Promise<boolean> {
    const { length } = text;
    if (length > MODEST_TEXT) {
      return this.bytes(Opcode.Text, encoder.encode(text));
    }
    this.#reserve(MOST_OF_HEADER + BYTES_PER_UNIT * length);
    const from = this.#size;
    // Mostly it is ASCII, and then that many bytes.
    const header = headerSize(length);
    const start = from + header;
    const written = this.#encode(text, start);
    const needed = headerSize(written);
    if (needed !== header) {
      this.#frames.copyWithin(from + needed, start, start + written);
    }
    this.#header(FIN | Opcode.Text, written);
    this.#size = from + needed + written;
    return this.#added(needed + written, written);
  }

  /**
   * Writes a frame that carries bytes.
   *
   * @param opcode What it is.
   * @param payload The bytes, which are copied.
   * @param compressed Whether they are those of a compressed message.
   * @returns A promise that resolves to whether the sink has taken it.
   */
  bytes(
    opcode: number,
    payload: Uint8Array,
    compressed = false,
  ): Promise<boolean> {
    const { length } = payload;
    const header = headerSize(length);
    this.#reserve(header + length);
    this.#header(FIN | (compressed ? RSV1 : 0) | opcode, length);
    this.#frames.set(payload, this.#size + header);
    this.#size += header + length;
    const isData = opcode === Opcode.Text || opcode === Opcode.Binary;
    return this.#added(header + length, isData ? length : 0);
  }

  /** Resolves when all that was written has been taken, or has failed. */
  async flushed(): Promise<void> {
    await this.#last;
  }

  /** Nothing more is written. */
  end(): void {
    this.#failed = true;
  }

  #encode(text: string, start: number): number {
    const frames = this.#frames;
    const { length } = text;
    if (length <= SHORT_TEXT) {
      let at = 0;
      for (; at < length; at++) {
        const unit = text.charCodeAt(at);
        if (unit > LAST_ASCII) break;
        frames[start + at] = unit;
      }
      if (at === length) return length;
    }
    return encoder.encodeInto(text, frames.subarray(start)).written;
  }

  #header(first: number, length: number): void {
    const frames = this.#frames;
    let at = this.#size;
    frames[at++] = first;
    if (length <= SHORT_LENGTH) {
      frames[at] = length;
      return;
    }
    if (length <= MEDIUM_LENGTH) {
      frames[at++] = 126;
    } else {
      frames[at++] = 127;
      const high = Math.floor(length / 0x1_0000_0000);
      for (let bits = 24; bits >= 0; bits -= 8) frames[at++] = high >>> bits;
      frames[at++] = length >>> 24;
      frames[at++] = length >>> 16;
    }
    frames[at++] = length >>> 8;
    frames[at] = length;
  }

  #reserve(bytes: number): void {
    const needed = this.#size + bytes;
    if (needed <= this.#frames.length) return;
    const larger = takeBuffer(
      this.#size === 0 ? needed : Math.max(needed, 2 * this.#frames.length),
    );
    larger.set(this.#frames.subarray(0, this.#size));
    giveBuffer(this.#frames);
    this.#frames = larger;
  }

  #added(bytes: number, data: number): Promise<boolean> {
    this.unsent += bytes;
    this.unsentData += data;
    this.#data += data;
    if (this.#collecting === undefined) {
      this.#last = this.#collecting = this.#send(this.#last);
    }
    return this.#collecting;
  }

  /** Sends what the current tick adds, once what was before has been taken. */
  async #send(previous: Promise<boolean> | undefined): Promise<boolean> {
    await previous;
    this.#collecting = undefined;
    const frames = this.#frames;
    const size = this.#size;
    const data = this.#data;
    this.#frames = NOTHING;
    this.#size = this.#data = 0;
    const taken = !this.#failed && await this.#write(frames.subarray(0, size));
    this.unsent -= size;
    this.unsentData -= data;
    if (taken && this.#keepsNothing) giveBuffer(frames);
    return taken;
  }

  async #write(bytes: Uint8Array): Promise<boolean> {
    try {
      let done = 0;
      do {
        const rest = done === 0 ? bytes : bytes.subarray(done);
        const n = await this.#sink.write(rest);
        const wrong = writeCountError(n, rest.length);
        if (wrong !== undefined) throw wrong;
        this.progressed = true;
        done += n;
      } while (done < bytes.length && !this.#failed);
      return done === bytes.length;
    } catch (error) {
      if (!this.#failed) this.#onFailed(error);
      this.#failed = true;
      return false;
    }
  }
}

/** How long the header of a frame is that carries so many bytes. */
function headerSize(length: number): number {
  return length <= SHORT_LENGTH ? 2 : length <= MEDIUM_LENGTH ? 4 : 10;
}
