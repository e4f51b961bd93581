/**
 * The frames in which two sides talk about requests: a near side, which holds
 * the sockets, and a far side, which runs the handlers. What carries them, a
 * ring of shared memory or a pipe, is not known here.
 *
 * A frame is a header of 8 bytes and a payload:
 *
 *     0        3      4            8
 *     ├────────┼──────┼────────────┼─────────────
 *     │ length │ type │ channel    │ payload …
 *
 * The numbers are little-endian. A channel is one request; 0 is the carrier
 * itself. In a ring, up to 7 bytes more follow that say nothing, so that frames
 * begin at multiples of `ALIGNMENT`.
 */

import { getNumber, putNumber } from "./numbers.ts";
import type { Lease } from "./lease.ts";

/** What a frame says. N → F goes from the near to the far side. */
export const FrameType = {
  /** N → F: a connection; the payload is its addresses, in JSON. */
  Open: 1,
  /** N → F: a datagram; the payload is packed by `packDatagram`. */
  OpenDatagram: 2,
  /** Both: bytes of a connection, at most as many as there is credit for. */
  Data: 3,
  /** Both: no more bytes will come this way. */
  End: 4,
  /** F → N: close the connection when what came before is written. */
  Close: 5,
  /** N → F: the request is over; the payload is why, an error in JSON. */
  Abort: 6,
  /** N → F: reading the socket failed; the payload is the error in JSON. */
  Fail: 7,
  /** Both: the payload, a number of 32 bits, is how many more bytes may come. */
  Credit: 8,
  /** F → N: send a datagram; the payload is packed by `packDatagram`. */
  Send: 9,
  /** N → F: it was sent; the payload is its number. */
  Sent: 10,
  /** N → F: it was not sent; the payload is an error in JSON with its number. */
  NotSent: 11,
  /** F → N: the handler has ended and waits for its last writes to be taken. */
  Settling: 12,
  /**
   * F → N: the handler threw; the payload is the error in JSON. Channel 0: a handler
   * has failed with a message of the server.
   */
  Error: 13,
  /** F → N: the handler has ended; nothing more comes from this channel. */
  Done: 14,
  /**
   * F → N: the handler shuts the server down; the payload is the options.
   * Channel 0: what a handler that has ended left running does.
   */
  Shutdown: 15,
  /** N → F: that shutdown is done. */
  ShutdownDone: 16,
  /** N → F: answer with a pong. */
  Ping: 17,
  /** F → N: the far side's event loop runs. */
  Pong: 18,
  /** F → N: sets an option of the socket; the payload is in JSON. */
  SetOption: 19,
  /** N → F: the server begins to shut down. */
  ShuttingDown: 20,
  /**
   * F → N: send a datagram for a handler that waits for it no more: the request
   * fails if it is not sent. The payload is packed by `packDatagram`.
   */
  Reply: 21,
  /**
   * Both: as `Data`, but the bytes are in memory that the carrier lends; the
   * payload is the carrier's, and tells it which. It takes these frames itself.
   */
  Lent: 22,
  /**
   * N → F: writing to the socket failed; the payload is the error in JSON. What
   * the peer sends can still be read.
   */
  WriteFail: 23,
  /**
   * F → N: what has come of the TLS handshake? N → F: the answer, in JSON.
   */
  Handshake: 24,
  /** Both, channel 0: a message, as `packValue` packs it. */
  Message: 25,
  /**
   * Both, channel 0: messages were taken, or handled; the payload, a number of 32
   * bits, is what they counted.
   */
  Taken: 26,
  /**
   * N → F, channel 0: a part of the configuration of handlers, as `packValue` packs
   * it; the first byte is 1 for the last part.
   */
  Config: 27,
} as const;

/** One of {@linkcode FrameType}. */
export type FrameType = typeof FrameType[keyof typeof FrameType];

const LAST_TYPE = FrameType.Config;

/** The size of a header, in bytes. */
export const HEADER_SIZE = 8;
/**
 * Where frames begin in shared memory, in bytes. V8 copies from and to such
 * memory words of 8 bytes where both sides are aligned alike, and else byte by
 * byte, which takes six times as long.
 */
export const ALIGNMENT = 8;
/** The longest payload of `Data`, in bytes; more is sent in several frames. */
export const MAX_DATA = 128 * 1024;
/**
 * The longest payload of all other frames, in bytes: it is collected in memory
 * before it is looked at. The longest datagram and its address are shorter.
 */
export const MAX_CONTROL = 128 * 1024;
/** How many bytes of a connection may be under way in each direction at first. */
export const WINDOW = 512 * 1024;
/** How many they may become where they are taken at once. */
export const LARGEST_WINDOW = 2 * 1024 * 1024;

/** The payload of `Done` where the reply is known not to be whole. */
export const CUT_SHORT = 1;

/** Thrown when the other side does not keep to the protocol. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** Writes a header into `target`: the 8 bytes from `at` on. */
export function putHeader(
  target: Uint8Array,
  at: number,
  type: FrameType,
  channel: number,
  length: number,
): void {
  target[at] = length;
  target[at + 1] = length >> 8;
  target[at + 2] = length >> 16;
  target[at + 3] = type;
  putNumber(target, at + 4, channel);
}

/** How many bytes follow a payload that the next frame may be aligned. */
export function paddingAfter(length: number): number {
  return -length & (ALIGNMENT - 1);
}

/** What a decoder calls. */
export interface FrameHandler {
  /**
   * A whole frame that is not `Data`. Its payload is only lent: it is gone when
   * the call returns.
   */
  frame(type: FrameType, channel: number, payload: Uint8Array): void;
  /**
   * Bytes of a connection, also only lent. A frame may come in parts. Where
   * the carrier has lent their memory, that can be kept.
   */
  data(channel: number, part: Uint8Array, lease?: Lease): void;
  /** All that had come by now has been passed on. */
  passed?(): void;
}

/** Takes frames out of a stream of bytes, however it is cut. */
export class FrameDecoder {
  readonly #handler: FrameHandler;
  readonly #padded: boolean;
  readonly #header = new Uint8Array(HEADER_SIZE);
  /** How much of the header is there. */
  #headed = 0;
  #type: FrameType = FrameType.Data;
  #channel = 0;
  /** How much of the payload is still to come. */
  #left = 0;
  /** How much then, before the next frame. */
  #padding = 0;
  /** What has come of a payload that is cut. */
  #partial: Uint8Array | undefined;
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param handler What is called for each frame.
   * @param padded Whether frames begin at multiples of `ALIGNMENT`.
   */
  constructor(handler: FrameHandler, padded = false) {
    this.#handler = handler;
    this.#padded = padded;
  }

  /**
   * Takes the next bytes.
   *
   * @throws {ProtocolError} If they are not frames.
   * @throws What the handler throws. Whatever was thrown once is thrown ever
   * after: nobody knows where the next frame begins.
   */
  push(bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      this.#push(bytes);
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  #push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#headed < HEADER_SIZE) {
        if (this.#padding > 0) {
          const passed = Math.min(this.#padding, bytes.length - at);
          this.#padding -= passed;
          at += passed;
          continue;
        }
        if (this.#headed === 0 && bytes.length - at >= HEADER_SIZE) {
          this.#open(bytes, at);
          at += HEADER_SIZE;
        } else {
          this.#header[this.#headed++] = bytes[at++]!;
          if (this.#headed < HEADER_SIZE) continue;
          this.#open(this.#header, 0);
        }
        if (this.#left > 0) continue;
        // A frame without a payload ends here.
        this.#headed = 0;
        this.#handler.frame(this.#type, this.#channel, NOTHING);
        continue;
      }
      const end = Math.min(bytes.length, at + this.#left);
      this.#payload(bytes.subarray(at, end));
      at = end;
    }
  }

  #open(from: Uint8Array, at: number): void {
    this.#headed = HEADER_SIZE;
    this.#left = from[at]! | from[at + 1]! << 8 | from[at + 2]! << 16;
    if (this.#padded) this.#padding = paddingAfter(this.#left);
    const type = from[at + 3]!;
    this.#type = type as FrameType;
    this.#channel = getNumber(from, at + 4);
    if (type === 0 || type > LAST_TYPE) {
      this.#refuse(`there is no frame of type ${type}`);
    }
    const most = type === FrameType.Data ? MAX_DATA : MAX_CONTROL;
    if (this.#left > most) {
      this.#refuse(
        `a frame of type ${type} has ${this.#left} bytes, at most ${most} are allowed`,
      );
    }
    if (type === FrameType.Data && this.#left === 0) {
      this.#refuse("a data frame is empty");
    }
  }

  #payload(part: Uint8Array): void {
    const whole = part.length === this.#left && this.#partial === undefined;
    if (this.#type === FrameType.Data) {
      this.#left -= part.length;
      if (this.#left === 0) this.#headed = 0;
      this.#handler.data(this.#channel, part);
    } else if (whole) {
      this.#left = 0;
      this.#headed = 0;
      this.#handler.frame(this.#type, this.#channel, part);
    } else {
      this.#partial ??= new Uint8Array(this.#left);
      this.#partial.set(part, this.#partial.length - this.#left);
      this.#left -= part.length;
      if (this.#left > 0) return;
      const payload = this.#partial;
      this.#partial = undefined;
      this.#headed = 0;
      this.#handler.frame(this.#type, this.#channel, payload);
    }
  }

  #refuse(why: string): never {
    throw new ProtocolError(`Cannot read a frame: ${why}`);
  }
}

const NOTHING = new Uint8Array(0);
