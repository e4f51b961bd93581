import { byteLength, describe, integer, part } from "./_check.ts";
import { Dispatcher, type DispatcherMap } from "./dispatcher.ts";
import { passOn, report } from "./_dispatch_errors.ts";
import type { Socket } from "./socket.ts";
import { TerminatorSearch } from "./_terminator_search.ts";

/** Makes what is sent, piece by piece; of {@linkcode AsyncChat.pushWithProducer}. */
export interface Producer {
  /**
   * Makes the next piece.
   *
   * @returns The piece; an empty one at the end.
   */
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
  #search: TerminatorSearch | undefined;
  /** What has come and is part of no message yet. */
  #incoming: Uint8Array = new Uint8Array(0);
  readonly #outgoing: (Uint8Array | Producer | typeof CLOSE)[] = [];

  /**
   * Watches a socket, or none yet.
   *
   * @param socket A socket, connected or not. It is set not to block.
   * @param map The dispatchers it belongs to. Default: {@linkcode socketMap}.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  constructor(socket?: Socket, map?: DispatcherMap) {
    super(socket, map);
  }

  /**
   * Sets what ends a message. Inside `foundTerminator` and
   * `collectIncomingData` it is for what follows.
   *
   * @param terminator Text or bytes that end it; a number of bytes that it has;
   * `null`, an empty one or 0 for no end: all is collected.
   * @throws {TypeError} If it is none of these.
   * @throws {RangeError} If the number is negative.
   */
  setTerminator(terminator: Terminator): void {
    let bytes: Uint8Array | undefined;
    if (typeof terminator === "string") {
      this.#terminator = bytes = encoder.encode(terminator);
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
      this.#terminator = bytes = new Uint8Array(part(terminator, 0, length));
    }
    this.#search = bytes === undefined || bytes.length === 0
      ? undefined
      : new TerminatorSearch(bytes);
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
    this.#send();
  }

  /**
   * Sends what a producer makes after all that was pushed before. It is asked
   * for more only when there is room.
   *
   * @param producer The producer; or bytes or text, as for `push`.
   * @throws {TypeError} If it is none of these.
   */
  pushWithProducer(producer: Producer | Uint8Array | string): void {
    if (typeof producer === "string" || ArrayBuffer.isView(producer)) {
      return this.push(producer);
    }
    if (typeof producer?.more !== "function") {
      throw new TypeError(
        `Cannot push ${
          describe(producer)
        }: a producer has a method more(), or is text or bytes`,
      );
    }
    this.#outgoing.push(producer);
    this.#send();
  }

  /** Closes the connection when all that was pushed has been sent. */
  closeWhenDone(): void {
    this.#outgoing.push(CLOSE);
    this.wakeLoop();
  }

  /**
   * Closes the connection at once. It is the last that the handlers see: what
   * has come behind is not delivered, and what waits is not sent.
   */
  override close(): void {
    super.close();
    this.discardBuffers();
  }

  /** Forgets what has come and was not collected, and what was not sent. */
  discardBuffers(): void {
    this.#incoming = new Uint8Array(0);
    this.#outgoing.length = 0;
  }

  /**
   * Reads always.
   *
   * @returns True.
   */
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

  /**
   * Receives, and cuts what came into messages. What a message's handler throws
   * goes to `handleError`; if that leaves the connection open, those behind it
   * are delivered.
   */
  override handleRead(): void {
    let data;
    try {
      data = this.recv(this.inBufferSize);
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) return;
      throw error;
    }
    // It has closed, and is told no more.
    if (data.length === 0) return;
    this.#incoming = join(this.#incoming, data);
    while (this.#incoming.length > 0 && this.#cutOrReport()) {
      // One message, or a part of one, at a time: there are fewer bytes then.
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

  /** Sends now what can be, and the rest in the loop's next turns. */
  #send(): void {
    this.initiateSend();
    if (this.#outgoing.length > 0) this.wakeLoop();
  }

  #cutOrReport(): boolean {
    try {
      return this.#cut();
    } catch (error) {
      try {
        report(this, error);
      } catch (thrown) {
        passOn(thrown);
      }
      return true;
    }
  }

  /** @returns False if what is there may be the beginning of a terminator. */
  #cut(): boolean {
    const incoming = this.#incoming;
    const terminator = this.#terminator;
    if (typeof terminator === "number" && terminator > 0) {
      const taken = Math.min(terminator, incoming.length);
      // First: the handlers may set another.
      this.#terminator = terminator - taken;
      this.#deliver(taken, 0, taken === terminator);
    } else if (this.#search === undefined) {
      this.#deliver(incoming.length, 0, false);
    } else {
      const { at, length, found } = this.#search.find(incoming);
      this.#deliver(at, found ? length : 0, found);
      return found;
    }
    return true;
  }

  /** Hands on the first bytes, drops some after them, and ends the message. */
  #deliver(count: number, dropped: number, complete: boolean): void {
    const { socket } = this;
    const incoming = this.#incoming;
    this.#incoming = incoming.subarray(count + dropped);
    if (count > 0) this.collectIncomingData(incoming.subarray(0, count));
    // That may have closed this connection, and dialled another.
    if (complete && this.socket === socket && socket?.closed === false) {
      this.foundTerminator();
    }
  }
}

function join(one: Uint8Array, other: Uint8Array): Uint8Array {
  if (one.length === 0) return other;
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
