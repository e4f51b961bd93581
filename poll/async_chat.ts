import { byteLength, describe, integer, part } from "./_check.ts";
import { Dispatcher } from "./dispatcher.ts";

/** Makes what is sent, piece by piece; of {@linkcode AsyncChat.pushWithProducer}. */
export interface Producer {
  /** The next piece; an empty one at the end. */
  more(): Uint8Array | string;
}

/** What ends a message: text or bytes, a number of bytes, or nothing. */
export type Terminator = string | Uint8Array | number | null;

const encoder = new TextEncoder();

/** In the queue: the connection is closed when it is reached. */
const CLOSE = Symbol("close");

/**
 * A connection that speaks in messages that end with a terminator, as Python's
 * `asynchat.async_chat`. Subclasses have `collectIncomingData` and
 * `foundTerminator`.
 *
 * @example A connection that answers lines
 * ```ts
 * import { AsyncChat, loop, socketpair } from "@wire/socketserver/poll";
 * import { strictEqual } from "node:assert";
 *
 * class Shout extends AsyncChat {
 *   #line = "";
 *   override collectIncomingData(data: Uint8Array) {
 *     this.#line += new TextDecoder().decode(data);
 *   }
 *   override foundTerminator() {
 *     this.push(`${this.#line.toUpperCase()}\n`);
 *     this.closeWhenDone();
 *   }
 * }
 * const [ours, theirs] = socketpair();
 * using _theirs = theirs;
 * const map = new Map();
 * const chat = new Shout(ours, map);
 * chat.setTerminator("\n");
 * theirs.sendSync(new TextEncoder().encode("hello\n"));
 * await loop({ map });
 * strictEqual(new TextDecoder().decode(theirs.recvSync(100)), "HELLO\n");
 * ```
 */
export class AsyncChat extends Dispatcher {
  /** What one call receives at most, in bytes. */
  readonly inBufferSize: number = 64 * 1024;
  /** What one call sends at most, in bytes. */
  readonly outBufferSize: number = 64 * 1024;
  #terminator: Uint8Array | number | null = null;
  /** What has come and is part of no message yet. */
  #incoming: Uint8Array = new Uint8Array(0);
  readonly #outgoing: (Uint8Array | Producer | typeof CLOSE)[] = [];

  /**
   * Sets what ends a message. Inside `foundTerminator` it is for what follows.
   *
   * @param terminator Text or bytes that end it; a number of bytes that it has;
   * `null`, an empty one or 0 for no end: all is collected.
   * @throws {TypeError} If it is none of these.
   * @throws {RangeError} If the number is negative.
   */
  setTerminator(terminator: Terminator): void {
    if (typeof terminator === "string") {
      this.#terminator = encoder.encode(terminator);
    } else if (typeof terminator === "number") {
      this.#terminator = integer(
        terminator,
        "a terminator",
        0,
        Number.MAX_SAFE_INTEGER,
      );
    } else if (terminator === null) this.#terminator = null;
    else {
      const length = byteLength(terminator, "set the terminator");
      this.#terminator = new Uint8Array(part(terminator, 0, length));
    }
  }

  /**
   * What ends a message.
   *
   * @returns The bytes; how many bytes are missing; or `null`.
   */
  getTerminator(): Uint8Array | number | null {
    return this.#terminator;
  }

  /**
   * Part of a message has come. Without an override it is dropped.
   *
   * @param _data The bytes, without the terminator. They may be kept.
   */
  collectIncomingData(_data: Uint8Array): void {}

  /** A message is complete. Without an override it does nothing. */
  foundTerminator(): void {}

  /**
   * Sends data after all that was pushed before.
   *
   * @param data Bytes, or text to be sent as UTF-8. Bytes are copied.
   * @throws {TypeError} If it is neither.
   */
  push(data: Uint8Array | string): void {
    if (typeof data === "string") this.#outgoing.push(encoder.encode(data));
    else {
      const length = byteLength(data, "push");
      this.#outgoing.push(new Uint8Array(part(data, 0, length)));
    }
    this.initiateSend();
  }

  /**
   * Sends what a producer makes after all that was pushed before. It is asked
   * for more only when there is room.
   *
   * @param producer The producer.
   * @throws {TypeError} If it is none.
   */
  pushWithProducer(producer: Producer): void {
    if (typeof producer?.more !== "function") {
      throw new TypeError(
        `Cannot push ${describe(producer)}: a producer has a method more()`,
      );
    }
    this.#outgoing.push(producer);
    this.initiateSend();
  }

  /** Closes the connection when all that was pushed has been sent. */
  closeWhenDone(): void {
    this.#outgoing.push(CLOSE);
  }

  /** Forgets what has come and was not collected, and what was not sent. */
  discardBuffers(): void {
    this.#incoming = new Uint8Array(0);
    this.#outgoing.length = 0;
  }

  /** Reads always. */
  override readable(): boolean {
    return true;
  }

  /**
   * Whether there is something to send, or a connection to be made.
   *
   * @returns False once all is sent.
   */
  override writable(): boolean {
    return this.#outgoing.length > 0 || !this.connected;
  }

  /** Receives, and cuts what came into messages. */
  override handleRead(): void {
    let data;
    try {
      data = this.recv(this.inBufferSize);
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) return;
      throw error;
    }
    this.#incoming = join(this.#incoming, data);
    while (this.#incoming.length > 0 && this.#cut()) {
      // One message, or a part of one, at a time.
    }
  }

  /** Sends what was pushed. */
  override handleWrite(): void {
    this.initiateSend();
  }

  /** Sends what was pushed, as far as the kernel takes it. */
  initiateSend(): void {
    // The rest comes in the next turn: others have theirs between.
    for (let room = this.outBufferSize; room > 0 && this.connected;) {
      const first = this.#outgoing.shift();
      if (first === undefined) return;
      if (first === CLOSE) {
        this.handleClose();
        return;
      }
      if (!(first instanceof Uint8Array)) {
        const made = first.more();
        const bytes = typeof made === "string" ? encoder.encode(made) : made;
        if (byteLength(bytes, "send") > 0) this.#outgoing.unshift(bytes, first);
        continue;
      }
      const piece = part(first, 0, room);
      const sent = this.send(piece);
      if (sent < first.length && this.connected) {
        this.#outgoing.unshift(part(first, sent, first.length));
      }
      if (sent < piece.length) return;
      room -= sent;
    }
  }

  /** @returns False if what is there may be the beginning of a terminator. */
  #cut(): boolean {
    const incoming = this.#incoming;
    const terminator = this.#terminator;
    if (
      terminator === null || terminator === 0 ||
      typeof terminator !== "number" && terminator.length === 0
    ) {
      this.#collect(incoming.length, 0);
    } else if (typeof terminator === "number") {
      const taken = Math.min(terminator, incoming.length);
      this.#terminator = terminator - taken;
      this.#collect(taken, 0);
      if (this.#terminator === 0) this.foundTerminator();
    } else {
      const { at, length } = find(incoming, terminator);
      const found = length === terminator.length;
      this.#collect(at, found ? length : 0);
      if (!found) return false;
      this.foundTerminator();
    }
    return true;
  }

  /** Hands on the first bytes, and drops some after them. */
  #collect(count: number, dropped: number): void {
    const incoming = this.#incoming;
    this.#incoming = incoming.subarray(count + dropped);
    if (count > 0) this.collectIncomingData(incoming.subarray(0, count));
  }
}

/**
 * Where a terminator is, or its beginning at the very end.
 *
 * @returns The place, and how much of it is there.
 */
function find(
  bytes: Uint8Array,
  terminator: Uint8Array,
): { at: number; length: number } {
  let at = -1;
  while ((at = bytes.indexOf(terminator[0]!, at + 1)) >= 0) {
    const length = Math.min(terminator.length, bytes.length - at);
    let same = 1;
    while (same < length && bytes[at + same] === terminator[same]) same++;
    if (same === length) return { at, length };
  }
  return { at: bytes.length, length: 0 };
}

function join(one: Uint8Array, other: Uint8Array): Uint8Array {
  if (one.length === 0) return other;
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
