import { countOut, type Traffic } from "../../_traffic.ts";
import { writeCountError } from "../../streams/_write_count.ts";
import { giveBuffer, takeBuffer } from "./buffers.ts";
import { FIN, Opcode, RSV1 } from "./opcodes.ts";

const LAST_ASCII = 0x7f;
/** Longer texts are encoded faster by `TextEncoder`, in UTF-16 units. */
const SHORT_TEXT = 64;
/** The largest payloads whose length takes no more bytes, and two more. */
const SHORT_LENGTH = 125;
const MEDIUM_LENGTH = 0xffff;

const NOTHING = new Uint8Array(0);
const NOT_TAKEN = Promise.resolve(false);
const encoder = new TextEncoder();

/** What frames are written to. */
export interface FrameSink {
  write(data: Uint8Array): Promise<number>;
}

/**
 * Writes the frames of a server: RFC 6455, section 5. A frame is sent at once, header
 * and payload together; those that come while it is under way go out in one call
 * when that is done.
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
  readonly #traffic: Traffic | undefined;
  readonly #onFailed: (error: unknown) => void;
  /** The frames that are to be sent next, and how many bytes of messages they have. */
  #frames: Uint8Array<ArrayBuffer> = NOTHING;
  #size = 0;
  #data = 0;
  /** Resolves to whether they have been taken, where others are under way. */
  #waiting: PromiseWithResolvers<boolean> | undefined;
  /** The frames that are under way, and how much of them was taken. */
  #sending: Uint8Array<ArrayBuffer> | undefined;
  #sendingSize = 0;
  #sendingData = 0;
  #sent = 0;
  /** Resolves to whether what was written last has been taken. */
  #last = NOT_TAKEN;
  #failed = false;
  readonly #onWritten = (n: number): boolean | Promise<boolean> =>
    this.#written(n);
  readonly #onLost = (error: unknown): boolean => this.#lost(error);

  /**
   * @param sink Where frames go.
   * @param keepsNothing Whether it keeps no bytes when a write is done, so that
   * their memory can be used again.
   * @param traffic Where what it takes is counted, if anybody counts.
   * @param onFailed Called once when it fails.
   */
  constructor(
    sink: FrameSink,
    keepsNothing: boolean,
    traffic: Traffic | undefined,
    onFailed: (error: unknown) => void,
  ) {
    this.#sink = sink;
    this.#keepsNothing = keepsNothing;
    this.#traffic = traffic;
    this.#onFailed = onFailed;
  }

  /** Writes bytes that are no frame. */
  raw(bytes: Uint8Array): Promise<boolean> {
    this.#reserve(bytes.length);
    this.#frames.set(bytes, this.#size);
    return this.#add(bytes.length, 0);
  }

  /**
   * Writes a message of text.
   *
   * @returns A promise that resolves to whether the sink has taken it.
   */
  text(text: string): Promise<boolean> {
    const { length } = text;
    // Mostly it is ASCII, and then that many bytes.
    const header = headerSize(length);
    this.#reserve(header + length);
    if (!this.#encodeASCII(text, this.#size + header)) {
      return this.bytes(Opcode.Text, encoder.encode(text));
    }
    this.#header(FIN | Opcode.Text, length);
    return this.#add(header + length, length);
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
    const isData = opcode === Opcode.Text || opcode === Opcode.Binary;
    return this.#add(header + length, isData ? length : 0);
  }

  /** Resolves when all that was written has been taken, or has failed. */
  async flushed(): Promise<void> {
    await this.#last;
  }

  /** Nothing more is sent. */
  end(): void {
    this.#failed = true;
  }

  /** Encodes a text, if it is ASCII. */
  #encodeASCII(text: string, start: number): boolean {
    const frames = this.#frames;
    const { length } = text;
    if (length > SHORT_TEXT) {
      const room = frames.subarray(start, start + length);
      const { read } = encoder.encodeInto(text, room);
      return read === length;
    }
    for (let at = 0; at < length; at++) {
      const unit = text.charCodeAt(at);
      if (unit > LAST_ASCII) return false;
      frames[start + at] = unit;
    }
    return true;
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
    const { length } = this.#frames;
    if (needed <= length) return;
    if (this.#size === 0) {
      giveBuffer(this.#frames);
      this.#frames = takeBuffer(needed);
      return;
    }
    const larger = takeBuffer(Math.max(needed, 2 * length));
    larger.set(this.#frames.subarray(0, this.#size));
    giveBuffer(this.#frames);
    this.#frames = larger;
  }

  #add(bytes: number, data: number): Promise<boolean> {
    if (this.#failed) return NOT_TAKEN;
    this.#size += bytes;
    this.#data += data;
    this.unsent += bytes;
    this.unsentData += data;
    if (this.#sending === undefined) return this.#last = this.#send();
    this.#waiting ??= Promise.withResolvers();
    return this.#last = this.#waiting.promise;
  }

  #send(): Promise<boolean> {
    this.#sending = this.#frames;
    this.#sendingSize = this.#size;
    this.#sendingData = this.#data;
    this.#sent = 0;
    this.#frames = NOTHING;
    this.#size = this.#data = 0;
    return this.#write();
  }

  #write(): Promise<boolean> {
    const rest = this.#sending!.subarray(this.#sent, this.#sendingSize);
    let writing: unknown;
    try {
      writing = this.#sink.write(rest);
    } catch (error) {
      writing = Promise.reject(error);
    }
    // A connection of the user's may give the number itself.
    return (writing instanceof Promise ? writing : Promise.resolve(writing))
      .then(this.#onWritten, this.#onLost);
  }

  #written(n: number): boolean | Promise<boolean> {
    const wrong = writeCountError(n, this.#sendingSize - this.#sent);
    if (wrong !== undefined) return this.#lost(wrong);
    this.progressed = true;
    if (this.#traffic !== undefined) countOut(this.#traffic, n);
    this.#sent += n;
    if (this.#failed) return this.#settle(false);
    return this.#sent < this.#sendingSize ? this.#write() : this.#settle(true);
  }

  #lost(error: unknown): boolean {
    const isFirst = !this.#failed;
    this.#failed = true;
    const taken = this.#settle(false);
    if (isFirst) this.#onFailed(error);
    return taken;
  }

  /** What was under way is not any more. */
  #settle(taken: boolean): boolean {
    this.unsent -= this.#sendingSize;
    this.unsentData -= this.#sendingData;
    if (taken && this.#keepsNothing) giveBuffer(this.#sending!);
    this.#sending = undefined;
    const waiting = this.#waiting;
    if (waiting === undefined) return taken;
    this.#waiting = undefined;
    if (!this.#failed) waiting.resolve(this.#send());
    else {
      this.unsent = this.unsentData = 0;
      waiting.resolve(false);
    }
    return taken;
  }
}

/** How long the header of a frame is that carries so many bytes. */
function headerSize(length: number): number {
  return length <= SHORT_LENGTH ? 2 : length <= MEDIUM_LENGTH ? 4 : 10;
}
