import { Buffer } from "node:buffer";
import { ReadSize } from "../../streams/_read_size.ts";
import type { Inflater } from "../_deflate/inflater.ts";
import { turnKey, unmask } from "./mask.ts";
import { CONTROL, FIN, MOST_OF_CONTROL, Opcode, RSV1 } from "./opcodes.ts";
import { UTF8Check } from "./utf8.ts";
import {
  INVALID_DATA,
  PROTOCOL_ERROR,
  TOO_BIG,
  Violation,
} from "./violation.ts";

/** More must come. Otherwise `next()` gives an opcode. */
export const MORE = -1;

/** What any read may get, in bytes. */
const MODEST_READ = 4 * 1024;
/** The most that one read gets, in bytes. */
const LARGEST_READ = 64 * 1024;
/** The longest header, in bytes. */
const MOST_OF_HEADER = 14;

const RSV2_AND_3 = 0x30;
const MASKED = 0x80;

const NOTHING = new Uint8Array(0);
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** What bounds the messages of a client. */
export interface MessageLimits {
  /** In bytes, inflated. */
  readonly maxMessageSize: number;
  /** In bytes, as they were sent. */
  readonly maxFrameSize: number;
}

/**
 * Takes messages and control frames out of the bytes of a client: RFC 6455, section
 * 5. They are unmasked where they have been read to. A message that came in one
 * frame and in one read is copied once; of others as much memory is taken as has
 * come of them, and at most twice that.
 */
export class FrameReader {
  /** What a text message says that `next()` has found. */
  text = "";
  /** What another message or a control frame carries; the latter until `room()`. */
  bytes: Uint8Array<ArrayBuffer> = NOTHING;
  readonly #limits: MessageLimits;
  readonly #inflater: Inflater | undefined;
  readonly #size = new ReadSize(MODEST_READ, LARGEST_READ);
  /** What has been read, of which some may be taken already. */
  #buffer: Uint8Array<ArrayBuffer> = NOTHING;
  /** Its memory as words, and as characters of one byte each. */
  #words = new Int32Array(0);
  #characters = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** What the message is whose frames come, or 0. */
  #message = 0;
  #compressed = false;
  /** What has come of it. */
  #collected: Uint8Array<ArrayBuffer> = NOTHING;
  #length = 0;
  readonly #utf8 = new UTF8Check();
  /** Whether the payload of a data frame is being read. */
  #inFrame = false;
  /** Whether that is the last of its message. */
  #final = false;
  /** How much of it is still to come. */
  #left = 0;
  /** The key for the next byte. */
  #key = 0;

  /**
   * @param limits What bounds the client.
   * @param inflater What inflates its messages, where that was agreed upon.
   */
  constructor(limits: MessageLimits, inflater: Inflater | undefined) {
    this.#limits = limits;
    this.#inflater = inflater;
  }

  /** Where the next bytes are to be read to. End with `filled` or `unfilled`. */
  room(): Uint8Array<ArrayBuffer> {
    const held = this.#end - this.#start;
    const size = this.#size.begin();
    const { length } = this.#buffer;
    if (held === 0 ? length !== size : length < size) {
      this.#renew(size, this.#buffer.subarray(this.#start, this.#end));
    } else if (held > 0 && length - this.#end < length / 2) {
      // A header or a control frame has come in part: a few bytes.
      this.#buffer.copyWithin(0, this.#start, this.#end);
    } else if (held > 0) return this.#buffer.subarray(this.#end);
    this.#start = 0;
    this.#end = held;
    return held === 0 ? this.#buffer : this.#buffer.subarray(held);
  }

  /**
   * So many bytes have been read.
   *
   * @throws {TypeError} If there was not so much room.
   */
  filled(n: number): void {
    this.#size.end(n, this.#buffer.length - this.#end);
    this.#end += n;
  }

  /** Nothing has been read, and no more will be. */
  unfilled(): void {
    this.#size.fail();
    this.#renew(0, NOTHING);
    this.#start = this.#end = this.#length = 0;
    this.#collected = NOTHING;
  }

  /**
   * Goes on with what has been read.
   *
   * @returns What was found: a whole message or a control frame, by its opcode; or
   * `MORE`.
   * @throws {Violation} If the client has broken the protocol, or a limit.
   */
  next(): number {
    while (true) {
      if (!this.#inFrame) {
        const found = this.#header();
        if (found !== undefined) return found;
      }
      const to = Math.min(this.#start + this.#left, this.#end);
      if (to === this.#start && this.#left > 0) return MORE;
      const whole = this.#final && this.#length === 0 &&
        to - this.#start === this.#left;
      if (whole) return this.#takeWhole(to);
      this.#collect(to);
      if (this.#left > 0) return MORE;
      this.#inFrame = false;
      if (this.#final) return this.#takeCollected();
    }
  }

  /**
   * Reads a header.
   *
   * @returns `undefined` where that of a data frame was read.
   */
  #header(): number | undefined {
    const buffer = this.#buffer;
    const start = this.#start;
    const held = this.#end - start;
    if (held < 2) return MORE;
    const first = buffer[start]!;
    const second = buffer[start + 1]!;
    const opcode = first & 0x0f;
    this.#checkFirst(first, opcode);
    if ((second & MASKED) === 0) {
      throw new Violation(PROTOCOL_ERROR, "A client's frame is not masked");
    }
    let length = second & 0x7f;
    if ((opcode & CONTROL) !== 0) return this.#control(opcode, length, held);
    let at = start + 2;
    if (length === 126) {
      if (held < 8) return MORE;
      length = buffer[at]! << 8 | buffer[at + 1]!;
      at += 2;
      if (length < 126) this.#refuseLength();
    } else if (length === 127) {
      if (held < MOST_OF_HEADER) return MORE;
      // Its highest bit must not be set.
      if ((buffer[at]! & 0x80) !== 0) this.#refuseLength();
      length = 0;
      for (const end = at + 8; at < end; at++) {
        length = length * 256 + buffer[at]!;
      }
      if (length < 0x1_0000) this.#refuseLength();
    } else if (held < 6) return MORE;
    this.#checkLength(length);
    this.#key = this.#keyAt(at);
    this.#start = at + 4;
    this.#inFrame = true;
    this.#final = (first & FIN) !== 0;
    this.#left = length;
    if (opcode === Opcode.Continuation) return undefined;
    this.#message = opcode;
    this.#compressed = (first & RSV1) !== 0;
    return undefined;
  }

  /** @throws {Violation} If a frame must not begin so. */
  #checkFirst(first: number, opcode: number): void {
    const isControl = (opcode & CONTROL) !== 0;
    const isContinuation = opcode === Opcode.Continuation;
    const mayBeCompressed = this.#inflater !== undefined && !isControl &&
      !isContinuation;
    if (
      (first & RSV2_AND_3) !== 0 || (first & RSV1) !== 0 && !mayBeCompressed
    ) {
      throw new Violation(PROTOCOL_ERROR, "A frame has a reserved bit set");
    }
    if (isControl) {
      if (opcode > Opcode.Pong) this.#refuseOpcode(opcode);
      if ((first & FIN) === 0) {
        throw new Violation(PROTOCOL_ERROR, "A control frame is fragmented");
      }
    } else if (opcode > Opcode.Binary) this.#refuseOpcode(opcode);
    else if (isContinuation !== (this.#message !== 0)) {
      throw new Violation(
        PROTOCOL_ERROR,
        isContinuation
          ? "A frame continues no message"
          : "A message begins within another",
      );
    }
  }

  #refuseOpcode(opcode: number): never {
    throw new Violation(PROTOCOL_ERROR, `A frame has the opcode ${opcode}`);
  }

  #refuseLength(): never {
    // RFC 6455, section 5.2: the minimal number of bytes must be used.
    throw new Violation(PROTOCOL_ERROR, "The length of a frame is malformed");
  }

  /** @throws {Violation} If a frame is larger than it may be. */
  #checkLength(length: number): void {
    const { maxFrameSize, maxMessageSize } = this.#limits;
    if (length > maxFrameSize) {
      throw new Violation(TOO_BIG, `A frame may have ${maxFrameSize} bytes`);
    }
    if (this.#length + length > maxMessageSize) this.#refuseMessage();
  }

  #refuseMessage(): never {
    throw new Violation(
      TOO_BIG,
      `A message may have ${this.#limits.maxMessageSize} bytes`,
    );
  }

  #keyAt(at: number): number {
    const buffer = this.#buffer;
    return buffer[at]! | buffer[at + 1]! << 8 | buffer[at + 2]! << 16 |
      buffer[at + 3]! << 24;
  }

  /** Reads a control frame, which waits until it has come as a whole. */
  #control(opcode: number, length: number, held: number): number {
    if (length > MOST_OF_CONTROL) {
      throw new Violation(
        PROTOCOL_ERROR,
        `A control frame has more than ${MOST_OF_CONTROL} bytes`,
      );
    }
    if (held < 6 + length) return MORE;
    const from = this.#start + 6;
    const to = from + length;
    unmask(this.#buffer, this.#words, from, to, this.#keyAt(from - 4));
    this.bytes = this.#buffer.subarray(from, to);
    this.#start = to;
    return opcode;
  }

  /** Takes a message whose only frame, or whose last with anything, is all there. */
  #takeWhole(to: number): number {
    const from = this.#start;
    const isASCII = unmask(this.#buffer, this.#words, from, to, this.#key);
    const opcode = this.#message;
    this.#start = to;
    this.#message = 0;
    this.#inFrame = false;
    if (this.#compressed) {
      this.#inflate(this.#buffer.subarray(from, to), opcode);
    } else if (opcode === Opcode.Binary) {
      this.bytes = this.#buffer.slice(from, to);
    } else if (isASCII) {
      // Decoding it as UTF-8 takes five times as long.
      this.text = this.#characters.toString("latin1", from, to);
    } else this.text = decode(this.#buffer.subarray(from, to));
    return opcode;
  }

  /** Adds to a message of which not everything has come at once. */
  #collect(to: number): void {
    const from = this.#start;
    const added = to - from;
    unmask(this.#buffer, this.#words, from, to, this.#key);
    this.#key = turnKey(this.#key, added);
    if (
      this.#message === Opcode.Text && !this.#compressed &&
      !this.#utf8.check(this.#buffer, from, to)
    ) refuseText();
    const length = this.#length + added;
    if (length > this.#collected.length) {
      // What is to come is known where the last frame has begun.
      const most = this.#final ? this.#length + this.#left : Infinity;
      const larger = new Uint8Array(Math.min(most, Math.max(256, 2 * length)));
      larger.set(this.#collected.subarray(0, this.#length));
      this.#collected = larger;
    }
    this.#collected.set(this.#buffer.subarray(from, to), this.#length);
    this.#length = length;
    this.#start = to;
    this.#left -= added;
  }

  #takeCollected(): number {
    const opcode = this.#message;
    const message = this.#collected.subarray(0, this.#length);
    const isWhole = this.#utf8.complete;
    this.#utf8.reset();
    this.#collected = NOTHING;
    this.#message = this.#length = 0;
    if (this.#compressed) this.#inflate(message, opcode);
    else if (opcode === Opcode.Text) {
      if (!isWhole) refuseText();
      this.text = lenient.decode(message);
    } else {
      const { length, buffer } = message;
      this.bytes = length === buffer.byteLength ? message : message.slice();
    }
    return opcode;
  }

  #inflate(bytes: Uint8Array, opcode: number): void {
    const { maxMessageSize } = this.#limits;
    const inflated = this.#inflater!.inflate(bytes, maxMessageSize);
    if (inflated === "invalid") {
      throw new Violation(INVALID_DATA, "A message cannot be inflated");
    }
    if (inflated === "too big") this.#refuseMessage();
    if (opcode === Opcode.Text) this.text = decode(inflated);
    else this.bytes = inflated.slice();
  }

  /** Takes another buffer, which begins with what the old one holds. */
  #renew(size: number, held: Uint8Array): void {
    const buffer = new Uint8Array(size);
    buffer.set(held);
    this.#buffer = buffer;
    this.#words = new Int32Array(buffer.buffer);
    this.#characters = Buffer.from(buffer.buffer);
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    refuseText();
  }
}

function refuseText(): never {
  throw new Violation(INVALID_DATA, "A text is not UTF-8");
}
