import type { Closing } from "../_host.ts";
import { countIn, type Traffic } from "../_traffic.ts";
import type { ReadAheadConnection } from "../http/_connection/read_ahead_connection.ts";
import type { Takeover, Tenant } from "../http/_connection/takeover.ts";
import { Watchdog, type Watched } from "../http/_connection/watchdog.ts";
import {
  type CloseReason,
  readClose,
  writeClose,
} from "./_frames/close_frame.ts";
import { FrameReader, MORE } from "./_frames/frame_reader.ts";
import { FrameWriter } from "./_frames/frame_writer.ts";
import { Opcode } from "./_frames/opcodes.ts";
import { Violation } from "./_frames/violation.ts";
import type { Handshake } from "./_handshake.ts";
import type { CompleteUpgradeOptions } from "./upgrade_options.ts";

/** What ends a connection whose client has sent no Close frame: RFC 6455, 7.1.5. */
const ABNORMAL = 1006;
/** The server shuts down. */
const GOING_AWAY = 1001;
/** The server has met an error. */
const INTERNAL_ERROR = 1011;

/**
 * While more waits to be sent than this, in bytes, nothing more is read: a client
 * that asks and does not take the answers is held back.
 */
const MOST_UNSENT = 1024 * 1024;

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const NOT_TAKEN = Promise.resolve(false);

const watchdog = new Watchdog();
const ignore = () => {};

/** A message: text, or bytes. */
export type WebSocketMessage = string | Uint8Array<ArrayBuffer>;

/** How a connection has ended. */
export interface WebSocketEnd {
  /**
   * The code of the Close frame that has come: 1005 if that had none, 1006 if none
   * has come (RFC 6455, section 7.1.5).
   */
  readonly code: number;
  /** What that frame said, or an empty string. */
  readonly reason: string;
  /** Whether both sides have said so. */
  readonly wasClean: boolean;
  /**
   * Why the connection has failed, if it has: what the client did wrong, the timeout,
   * or what reading or writing threw.
   */
  readonly error: Error | undefined;
}

/** Who is told what comes. */
export interface SessionOwner {
  /**
   * A message has come.
   *
   * @returns What to wait for before the next is read, if anything.
   */
  received(message: WebSocketMessage): Promise<void> | undefined;
  /**
   * Whether a message is being worked at, which may want to be answered.
   *
   * @returns What to wait for until it has been, if so.
   */
  busy(): Promise<void> | undefined;
  /** No message is received any more: one of both sides has said its end. */
  closing(): void;
  /** All is over. */
  ended(end: WebSocketEnd): void;
}

/**
 * The server's side of one WebSocket: reads what comes, answers pings and closes,
 * sends, and sees to it that a silent client does not stay.
 */
export class Session implements Tenant, Watched {
  readonly done: Promise<readonly unknown[]>;
  closing: Closing = "linger";
  deadline = Infinity;
  /** What has gone wrong in code of the user's. */
  readonly #errors: unknown[] = [];
  #isDone = false;
  readonly #resolve: (errors: readonly unknown[]) => void;
  readonly #connection: ReadAheadConnection<Deno.Addr>;
  readonly #traffic: Traffic | undefined;
  readonly #options: CompleteUpgradeOptions;
  readonly #owner: SessionOwner;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #handshake: Handshake;
  /** What was sent as the end of this side, if it was. */
  #said: CloseReason | undefined;
  /** How all has ended, as far as it is known. */
  #end: WebSocketEnd | undefined;
  /** Whether something has come since the deadline was set. */
  #heard = true;
  /** Whether it has been sent a ping that it has not answered. */
  #pinged = false;
  /** Ends the wait for an answer to the last message. */
  #waitNoMore: (() => void) | undefined;
  /** Whether nothing is read, since the server is not ready for more. */
  #paused = false;

  /**
   * @param takeover The connection.
   * @param head The response that opens it, which is sent first.
   * @param handshake What was agreed upon.
   * @param options What the client may do.
   * @param owner Who is told what comes.
   */
  constructor(
    takeover: Takeover<Deno.Addr>,
    head: Uint8Array,
    handshake: Handshake,
    options: CompleteUpgradeOptions,
    owner: SessionOwner,
  ) {
    const { promise, resolve } = Promise.withResolvers<readonly unknown[]>();
    this.done = promise;
    this.#resolve = resolve;
    const connection = takeover.connect(false);
    const { lends, traffic } = takeover;
    this.#connection = connection;
    this.#traffic = traffic;
    this.#handshake = handshake;
    this.#options = options;
    this.#owner = owner;
    this.#reader = new FrameReader(options, handshake.inflater);
    this.#writer = new FrameWriter(
      connection,
      lends,
      traffic,
      (error) => this.#lost(error),
    );
    this.#writer.raw(head);
    this.#await(options.idleTimeout / 2);
    watchdog.add(this);
  }

  /** How many bytes of messages wait to be sent. */
  get bufferedAmount(): number {
    return this.#writer.unsentData;
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#said === undefined && this.#end === undefined;
  }

  /** Reads until the end. */
  start(): void {
    void this.#run();
  }

  /**
   * Sends a message.
   *
   * @returns A promise that resolves to whether the connection has taken it.
   */
  send(message: string | Uint8Array): Promise<boolean> {
    if (!this.isOpen) return NOT_TAKEN;
    const { maxBufferedAmount, deflate } = this.#options;
    if (this.#writer.unsent > maxBufferedAmount) {
      this.#fail(
        new RangeError(
          `Cannot send a message: ${this.#writer.unsent} bytes already wait for a slow client and maxBufferedAmount is ${maxBufferedAmount}; await send() to be held back instead`,
        ),
      );
      return NOT_TAKEN;
    }
    const { deflater } = this.#handshake;
    if (deflater === undefined || message.length < deflate!.threshold) {
      return typeof message === "string"
        ? this.#writer.text(message)
        : this.#writer.bytes(Opcode.Binary, message);
    }
    const isText = typeof message === "string";
    return this.#writer.bytes(
      isText ? Opcode.Text : Opcode.Binary,
      deflater.deflate(isText ? encoder.encode(message) : message),
      true,
    );
  }

  /** Begins to close, and waits for the client to do the same. */
  close(reason: CloseReason): void {
    if (!this.isOpen) return;
    this.#say(reason);
    this.#await(this.#options.closeTimeout);
    this.#owner.closing();
  }

  /**
   * Code of the user's has failed, which fails the handler.
   *
   * @returns Whether it is not over yet.
   */
  failed(error: unknown): boolean {
    if (this.#isDone) return false;
    this.#errors.push(error);
    this.giveUp();
    return true;
  }

  shutDown(): void {
    const goAway = () => this.close({ code: GOING_AWAY, reason: "" });
    const busy = this.#owner.busy();
    if (busy === undefined) goAway();
    else void busy.then(goAway);
  }

  giveUp(): void {
    this.close({ code: INTERNAL_ERROR, reason: "" });
  }

  abort(): void {
    this.#fail(undefined);
  }

  /** Called by the watchdog. */
  expire(): void {
    const { idleTimeout, closeTimeout } = this.#options;
    if (this.#waitNoMore !== undefined) {
      this.#await(closeTimeout);
      return this.#waitNoMore();
    }
    if (!this.isOpen) {
      return this.#fail(
        timeoutError(
          `The client took longer to close than closeTimeout, ${closeTimeout} ms`,
        ),
      );
    }
    const writer = this.#writer;
    const takes = writer.unsent > 0 && writer.progressed;
    writer.progressed = false;
    if (this.#heard || this.#paused || takes) {
      this.#pinged = this.#heard = false;
    } else if (this.#pinged) {
      return this.#fail(
        timeoutError(
          `The client was silent for longer than idleTimeout, ${idleTimeout} ms`,
        ),
      );
    } else {
      this.#pinged = true;
      writer.bytes(Opcode.Ping, NOTHING);
    }
    this.#await(idleTimeout / 2);
  }

  async #run(): Promise<void> {
    let end: WebSocketEnd;
    try {
      end = await this.#read();
    } catch (error) {
      end = this.#failure(error);
    }
    this.#end ??= end;
    // What waits, and the end of this side, which the client may not take.
    if (this.closing === "linger") {
      this.#await(this.#options.closeTimeout);
      await this.#writer.flushed();
      // A client that has closed waits for that, whatever the handler still does.
      await this.#connection.closeWrite().catch(ignore);
    }
    this.#release();
    this.#owner.ended(this.#end);
    this.#isDone = true;
    this.#resolve(this.#errors);
  }

  /** Reads until either side has ended. */
  async #read(): Promise<WebSocketEnd> {
    const reader = this.#reader;
    while (true) {
      for (let found; (found = reader.next()) !== MORE;) {
        if (found === Opcode.Close) {
          const reason = readClose(reader.bytes);
          await this.#answered();
          return this.#closed(reason);
        }
        if (found === Opcode.Ping) {
          if (this.isOpen) this.#writer.bytes(Opcode.Pong, reader.bytes);
        } else if (found !== Opcode.Pong && this.isOpen) {
          const waiting = this.#owner.received(
            found === Opcode.Text ? reader.text : reader.bytes,
          );
          if (waiting !== undefined) await this.#pause(waiting);
        }
        if (this.#writer.unsent > MOST_UNSENT) await this.#writer.flushed();
        if (this.#end !== undefined) return this.#end;
      }
      const n = await this.#connection.read(reader.room());
      if (n === null) return this.#left();
      reader.filled(n);
      if (this.#traffic !== undefined && !this.#connection.isAhead) {
        countIn(this.#traffic, n);
      }
      this.#heard = true;
    }
  }

  /**
   * Waits until the message before a Close frame has been answered, which it cannot
   * be any more when that has been.
   */
  async #answered(): Promise<void> {
    const busy = this.isOpen ? this.#owner.busy() : undefined;
    if (busy === undefined) return;
    this.#await(this.#options.closeTimeout);
    await Promise.race([
      busy,
      new Promise<void>((resolve) => this.#waitNoMore = resolve),
    ]);
    this.#waitNoMore = undefined;
  }

  async #pause(waiting: Promise<void>): Promise<void> {
    this.#paused = true;
    await waiting;
    this.#paused = false;
    this.#heard = true;
  }

  /** The client has sent a Close frame. */
  #closed({ code, reason }: CloseReason): WebSocketEnd {
    const end = { code, reason, wasClean: true, error: undefined };
    if (this.#said === undefined) {
      // RFC 6455, section 5.5.1: with the code that has come.
      this.#say({ code, reason: "" });
      this.#owner.closing();
    }
    return end;
  }

  /** The client has ended its side of the connection without a word. */
  #left(): WebSocketEnd {
    this.closing = "at once";
    return abnormalEnd(
      new Deno.errors.UnexpectedEof(
        "The client ended the connection without a Close frame",
      ),
    );
  }

  /** Reading has failed, or what was read is refused. */
  #failure(error: unknown): WebSocketEnd {
    if (error instanceof Violation) {
      if (this.isOpen) {
        this.#say({ code: error.code, reason: error.message });
        this.#owner.closing();
      }
      return abnormalEnd(error);
    }
    this.closing = "at once";
    return abnormalEnd(error);
  }

  /** Writing has failed. */
  #lost(error: unknown): void {
    this.#fail(error);
  }

  /** Ends all at once: the read that waits fails, and nothing more is sent. */
  #fail(error: unknown): void {
    if (this.#end !== undefined && this.closing !== "linger") return;
    const wasOpen = this.isOpen;
    this.#end ??= abnormalEnd(error);
    this.closing = "at once";
    this.#writer.end();
    try {
      this.#connection.close();
    } catch {
      // The server has closed it already.
    }
    if (wasOpen) this.#owner.closing();
  }

  #say(reason: CloseReason): void {
    this.#said = reason;
    this.#writer.bytes(Opcode.Close, writeClose(reason));
  }

  #await(ms: number): void {
    this.deadline = performance.now() + ms;
    watchdog.moved(this.deadline);
  }

  #release(): void {
    watchdog.delete(this);
    this.#writer.end();
    this.#reader.unfilled();
    this.#handshake.deflater?.close();
    this.#handshake.inflater?.close();
  }
}

/**
 * The end of a connection without a Close frame.
 *
 * @param error Why, if there is something to say.
 */
export function abnormalEnd(error: unknown): WebSocketEnd {
  return {
    code: ABNORMAL,
    reason: "",
    wasClean: false,
    error: error === undefined || error instanceof Error
      ? error
      : new Error(String(error), { cause: error }),
  };
}

function timeoutError(message: string): DOMException {
  return new DOMException(message, "TimeoutError");
}
