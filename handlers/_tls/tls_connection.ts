import { RESET, type Resetting } from "../_cut_short.ts";
import { PROXIED, type Proxied } from "../_proxied.ts";
import { addBorrower } from "../streams/_lending.ts";
import { ReadSize } from "../streams/_read_size.ts";
import { giveBuffer, takeBuffer } from "../streams/_small_buffers.ts";
import { readableOf, writableOf } from "../streams/_web_streams.ts";
import type { ReadSource } from "../streams/stream_reader.ts";
import { Callbacks } from "./callbacks.ts";
import {
  copyRead,
  type Engine,
  type EngineContext,
  makeEngine,
  readShared,
} from "./engine.ts";
import { Outgoing } from "./outgoing.ts";
import { sendSoon } from "./send_soon.ts";
import type { Side } from "./side.ts";
import {
  agreedUpon,
  type PeerIdentity,
  protocolOf,
  type TLSInfo,
} from "./tls_info.ts";

/** What the read of a connection that waits may take, in bytes. */
const MODEST_BUFFER = 4 * 1024;
/** The most that is read at once, in bytes: four records. */
const LARGEST_BUFFER = 64 * 1024;
/** The most that the engine encrypts in one call, in bytes. */
const MOST_AT_ONCE = 48 * 1024;
/** What the engine takes at once of a first message, in bytes. */
const HELLO_PART = 4 * 1024;
/**
 * How much of what the protocol itself says may wait for a peer that does not
 * read, in bytes. Nothing more is read from it then.
 */
const MOST_WAITING = 64 * 1024;

/** Alerts that end a handshake (RFC 8446, section 6.2). */
const DECODE_ERROR = 50;
const INTERNAL_ERROR = 80;

const NOTHING = new Uint8Array(0);

/** The engine wants to tell somebody when it has written. Nobody asks. */
const NOBODY = { oncomplete() {} };

const ignore = () => {};

/** One side of a connection in TLS, over any other connection. */
export class TLSConnection<Address extends Deno.Addr = Deno.NetAddr>
  implements Deno.Conn<Address>, Proxied, Resetting {
  readonly #raw: Deno.Conn<Address>;
  readonly #source: ReadSource;
  readonly #side: Side;
  readonly #engine: Engine;
  /** What the engine calls. It forgets this connection when that closes. */
  readonly #callbacks: Callbacks = new Callbacks(this);
  readonly #size = new ReadSize(MODEST_BUFFER, LARGEST_BUFFER);
  #buffer: Uint8Array<ArrayBuffer> = NOTHING;
  #handshaking: Promise<void> | undefined;
  /** What reading has failed with, for good. */
  #failure: Error | undefined;
  /** Whether the handshake is complete, and its peer welcome. */
  #isOpen = false;
  #info: TLSInfo | undefined;
  /** The peer's certificate, and whether it counts. */
  #peer: PeerIdentity | undefined;
  /** What has come and was not taken. */
  #held: Uint8Array = NOTHING;
  /** Where what comes next is wanted, and how much of it is full. */
  #wanted: Uint8Array = NOTHING;
  #filled = 0;
  /** Settles when what is being read has come. */
  #receiving: Promise<void> | undefined;
  readonly #outgoing: Outgoing;
  /** Whether the engine has tickets to send, which can wait for an answer. */
  #owes = false;
  #writingEnded = false;
  #closed = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  /**
   * @param raw Carries the encrypted bytes.
   * @param side Whose side it is, what it shows, and whom it wants to see.
   * @param source Reads them, where somebody else has read from it before.
   */
  constructor(
    raw: Deno.Conn<Address>,
    side: Side,
    source: ReadSource = raw,
  ) {
    this.#raw = raw;
    this.#outgoing = new Outgoing(raw);
    this.#source = source;
    this.#side = side;
    this.#engine = makeEngine(side.name);
  }

  get localAddr(): Address {
    return this.#raw.localAddr;
  }

  get remoteAddr(): Address {
    return this.#raw.remoteAddr;
  }

  /** What has come before the handshake, if a PROXY header has. */
  get [PROXIED](): Proxied[typeof PROXIED] {
    return (this.#raw as Partial<Proxied>)[PROXIED];
  }

  /** What the handshake has agreed upon, once it is complete. */
  get tls(): TLSInfo | undefined {
    if (this.#info === undefined && this.#isOpen && !this.#closed) {
      const { serverName } = this.#side;
      this.#info = { ...agreedUpon(this.#engine, serverName), ...this.#peer! };
    }
    return this.#info;
  }

  /**
   * Does the handshake, once.
   *
   * @throws {Deno.errors.InvalidData} If it fails, or the peer's certificate is
   * not valid.
   * @throws {Deno.errors.UnexpectedEof} If the peer ends its side in it.
   */
  async handshake(): Promise<Deno.TlsHandshakeInfo> {
    await this.opened();
    return { alpnProtocol: this.tls?.alpnProtocol ?? null };
  }

  /** As `handshake`, and tells nothing. */
  opened(): Promise<void> {
    return this.#handshaking ??= this.#shakeHands();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (!this.#isOpen) await this.opened();
    while (this.#held.length === 0) {
      if (buffer.length === 0) return 0;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#callbacks.ended) return null;
      // Somebody whose read is under way gets what comes first.
      if (this.#receiving !== undefined) await this.#receiving.catch(ignore);
      else {
        this.#wanted = buffer;
        this.#filled = 0;
        await (this.#receiving = this.#receive());
        if (this.#filled > 0) return this.#filled;
      }
    }
    return this.#takeHeld(buffer);
  }

  async write(data: Uint8Array): Promise<number> {
    if (!this.#isOpen) await this.opened();
    const outgoing = this.#outgoing;
    // Encrypt nothing before what is encrypted is sent: that is the backpressure.
    while (outgoing.sending !== undefined) await outgoing.sending;
    this.#checkOpen("write");
    if (data.length === 0) return 0;
    const part = data.length > MOST_AT_ONCE
      ? data.subarray(0, MOST_AT_ONCE)
      : data;
    if (this.#engine.writeBuffer(NOBODY, part) !== 0) {
      throw this.#failure ?? brokenPipe("write");
    }
    await this.#send();
    return part.length;
  }

  async closeWrite(): Promise<void> {
    this.#checkOpen("end");
    await this.sayEnd();
    await this.#raw.closeWrite();
  }

  /**
   * Tells the peer that nothing more comes (`close_notify`, RFC 8446, section
   * 6.1), and leaves the connection beneath as it is.
   */
  async sayEnd(): Promise<void> {
    if (this.#writingEnded || !this.#isOpen) return;
    this.#writingEnded = true;
    const outgoing = this.#outgoing;
    while (outgoing.sending !== undefined) await outgoing.sending;
    if (this.#closed) return;
    this.#engine.shutdown(NOBODY);
    await this.#send();
  }

  /** Closes it now. The peer is told that this is the end, unless more was due. */
  close(): void {
    this.#sayLast();
    this.release();
    this.#raw.close();
  }

  /** Frees the memory of TLS, and leaves the connection beneath to others. */
  release(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#callbacks.owner = undefined;
    this.#engine.destroySsl();
    // A read that is under way still has it.
    if (this.#receiving === undefined) giveBuffer(this.#buffer);
    this.#buffer = NOTHING;
  }

  /** Leaves out the `close_notify`, so that a reply that is cut short shows. */
  [RESET](): void {
    this.#writingEnded = true;
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this);
  }

  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableOf(this);
  }

  ref(): void {
    this.#raw.ref();
  }

  unref(): void {
    this.#raw.unref();
  }

  setNoDelay(noDelay?: boolean): void {
    (this.#raw as Partial<Deno.TcpConn>).setNoDelay?.(noDelay);
  }

  /**
   * @param keepAlive Whether the kernel looks if a silent peer is there still.
   * @param delay After how much silence, in milliseconds, where the connection
   * beneath knows that; Deno's own do not.
   */
  setKeepAlive(keepAlive?: boolean, delay?: number): void {
    const raw = this.#raw as {
      setKeepAlive?(keepAlive?: boolean, delay?: number): void;
    };
    raw.setKeepAlive?.(keepAlive, delay);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes what the engine has failed with. */
  failed(message: string): void {
    this.#failure ??= new Deno.errors.InvalidData(message);
  }

  /** Takes what the engine has decrypted. */
  decrypted(n: number): void {
    const held = this.#held;
    if (held.length === 0 && n <= this.#wanted.length - this.#filled) {
      copyRead(n, this.#wanted, this.#filled);
      this.#filled += n;
      return;
    }
    this.#held = new Uint8Array(held.length + n);
    this.#held.set(held);
    copyRead(n, this.#held, held.length);
  }

  #takeHeld(buffer: Uint8Array): number {
    const held = this.#held;
    const n = Math.min(buffer.length, held.length);
    buffer.set(n < held.length ? held.subarray(0, n) : held);
    this.#held = n < held.length ? held.subarray(n) : NOTHING;
    return n;
  }

  /** Says the end of this side, where nothing has to be waited for. */
  #sayLast(): void {
    const { sending, failure } = this.#outgoing;
    if (
      this.#closed || !this.#isOpen || this.#writingEnded ||
      sending !== undefined || failure !== undefined
    ) return;
    this.#writingEnded = true;
    this.#engine.shutdown(NOBODY);
    // Deno tries a write at once, before the close that follows.
    this.#send()?.catch(ignore);
  }

  async #shakeHands(): Promise<void> {
    // The session tickets that follow the handshake would else hold back the
    // first answer until the client acknowledges them: 40 ms and more.
    this.setNoDelay(true);
    this.#start();
    const side = this.#side;
    const callbacks = this.#callbacks;
    if (side.speaksFirst) await this.#answer();
    while (!callbacks.established && this.#failure === undefined) {
      await (this.#receiving ??= this.#receive());
      if (callbacks.askedForName) await this.#answerHello();
      if (callbacks.awaitsHello && callbacks.failed) {
        this.#tellRefusal(DECODE_ERROR);
      }
      // What it says last is sent when the client is known to be welcome.
      if (!callbacks.established) await this.#answer();
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#peer = side.identify(
      this.#engine,
      (alert) => this.#tellRefusal(alert),
    );
    this.#isOpen = true;
    // The peer waits for it, but for what a server says last in TLS 1.3: tickets for
    // sessions to come, which go with the first answer, if that comes soon.
    this.#owes = !side.speaksFirst && protocolOf(this.#engine) === "TLSv1.3";
    if (this.#owes) sendSoon(this);
    else await this.#send();
  }

  /** Sends what was to go with an answer, if none has come. */
  sendOwed(): void {
    if (this.#owes) this.#send()?.catch(ignore);
  }

  #start(): void {
    const engine = this.#engine;
    engine.onread = this.#callbacks.onread;
    engine.attachJsStream();
    engine.setHandle(this.#callbacks);
    this.#callbacks.awaitsHello = this.#side.prepare(engine);
    engine.start();
    engine.readStart();
    readShared(engine);
  }

  /** Sends what the handshake says next, the alert that ends it among that. */
  async #answer(): Promise<void> {
    try {
      await this.#send();
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }

  async #answerHello(): Promise<void> {
    const callbacks = this.#callbacks;
    callbacks.askedForName = false;
    let context: EngineContext;
    try {
      context = await this.#side.choose(this.#engine.getServername() ?? "");
    } catch (error) {
      this.#failure ??= error as Error;
      if (!this.#closed) this.#tellRefusal(INTERNAL_ERROR);
      return;
    }
    this.#checkOpen("shake hands");
    if (this.#engine.finishAccept(context, null) === 0) return;
    this.#failure ??= new Deno.errors.InvalidData(
      "The TLS handshake failed: its certificate cannot be used",
    );
  }

  /**
   * Tells the client why it is refused, where the engine does not: it has no alert
   * for what is decided outside of it. So this is for as long as nothing that the
   * server says is encrypted.
   *
   * @param alert The number of the alert.
   */
  #tellRefusal(alert: number): void {
    // A fatal alert in a record of TLS 1.2's version (RFC 8446, section 5.1).
    this.#outgoing.send(Uint8Array.of(21, 3, 3, 0, 2, 2, alert)).catch(ignore);
  }

  /** Has the engine take what comes next. */
  async #receive(): Promise<void> {
    const callbacks = this.#callbacks;
    try {
      const outgoing = this.#outgoing;
      while (outgoing.bytes > MOST_WAITING) await outgoing.sending;
      if (this.#closed) throw closedError("read");
      const size = this.#size.begin();
      if (this.#buffer.length !== size) {
        giveBuffer(this.#buffer);
        this.#buffer = takeBuffer(size);
      }
      const n = await this.#source.read(this.#buffer);
      if (this.#closed) throw closedError("read");
      if (n === null) {
        this.#size.fail();
        if (!callbacks.ended) this.#failure ??= cutShort(this.#side.peer);
        return;
      }
      this.#size.end(n, size);
      this.#engine.receive(
        n < this.#buffer.length ? this.#buffer.subarray(0, n) : this.#buffer,
      );
      // It looks at a first message by parts, and waits for more after each.
      for (let at = HELLO_PART; callbacks.awaitsHello && at < n;) {
        this.#engine.receive(NOTHING);
        at += HELLO_PART;
      }
      // Where nothing was said to the reader, the engine may have to answer. Nobody
      // need wait for that: what fails is seen by the next write.
      if (this.#isOpen && this.#filled === 0) this.#send()?.catch(ignore);
    } catch (error) {
      this.#size.fail();
      this.#failure ??= error as Error;
      throw error;
    } finally {
      this.#receiving = undefined;
      this.#wanted = NOTHING;
    }
  }

  /** Sends what the engine has to say. */
  #send(): Promise<void> | undefined {
    this.#owes = false;
    const bytes = this.#closed ? NOTHING : this.#engine.drainEncOut();
    return bytes.length > 0
      ? this.#outgoing.send(bytes)
      : this.#outgoing.sending;
  }

  #checkOpen(action: string): void {
    if (this.#closed) throw closedError(action);
    const { failure } = this.#outgoing;
    if (failure !== undefined) throw failure.error;
    if (this.#writingEnded) throw brokenPipe(action);
  }
}

addBorrower(TLSConnection.prototype);

function cutShort(peer: string): Error {
  return new Deno.errors.UnexpectedEof(
    `The ${peer} ended the connection without a TLS close_notify: what it sent may be cut short`,
  );
}

function brokenPipe(action: string): Error {
  return new Deno.errors.BrokenPipe(
    `Cannot ${action}: the writing side has ended`,
  );
}

function closedError(action: string): Error {
  return new Deno.errors.BadResource(
    `Cannot ${action}: the connection is closed`,
  );
}
