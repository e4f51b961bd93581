import { HTTPError } from "../http_error.ts";
import type { HTTPLimits } from "../http_limits.ts";
import { arrivals, noteArrival } from "../../_arrivals.ts";
import { countIn, countOut, type Traffic } from "../../_traffic.ts";
import type { ReadSource } from "../../streams/stream_reader.ts";
import { ChunkSource } from "../../streams/_chunk_source.ts";
import { isBorrower } from "../../streams/_lending.ts";
import { WholeSource } from "../../streams/_whole_source.ts";
import { writeCountError } from "../../streams/_write_count.ts";
import { encodeHead } from "./head.ts";
import { leave } from "./leave.ts";
import { LongRequests, type Serving } from "./long_requests.ts";
import { readCountError } from "./read_count.ts";
import {
  type IncomingRequest,
  type RefusedRequest,
  RequestParser,
} from "./request_parser.ts";
import { bodyIsOver } from "./request_scope.ts";
import { nextTurn } from "./turns.ts";
import { Watchdog, type Watched } from "./watchdog.ts";

/** What a connection's reads wait in, in bytes: most requests are shorter. */
const WAITING_BUFFER = 4 * 1024;
/** The same while a large body comes. */
const LARGEST_BUFFER = 64 * 1024;
/** How much of a body that nobody wanted is read to use the connection again. */
const MOST_DISCARDED = 256 * 1024;
/**
 * How much may be read behind the request that is served, in bytes: a client that
 * has sent some of its next request, or several, is seen to leave like any other.
 */
const MOST_AHEAD = 16 * 1024;
/** How much of a body is read that nobody asks for, in bytes. */
const MOST_OF_BODY_AHEAD = 64 * 1024;

const NOTHING = new Uint8Array(0);
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

const watchdog = new Watchdog();
const longRequests = new LongRequests();
const ignore = () => {};

/** What a read waits for, which decides what its end is. */
type Waiting = "nothing" | "request" | "headers" | "body";

/** Who is told what becomes of a connection while it is served. */
export interface ConnectionOwner {
  /** The client turns out to be gone. */
  lost(error: unknown): void;
  /** The client has ended its side, and the current request is not answered. */
  ended(): void;
  /** The current request has taken longer than it may. */
  overdue(): void;
  /**
   * The wait that `ask()` has begun is over: no more requests are served. Who
   * calls `next()` alone is told by that.
   *
   * @param answer What to answer, if anything.
   */
  interrupted?(answer: HTTPError | undefined): void;
}

/**
 * One connection that carries HTTP/1: its requests one after the other, their
 * bodies, its deadlines. Nothing is read before it is asked for, but for
 * {@linkcode HTTPConnection.watch}.
 */
export class HTTPConnection implements Watched, Serving {
  readonly #connection: Deno.Conn;
  readonly #limits: HTTPLimits;
  readonly #parser: RequestParser;
  readonly #owner: ConnectionOwner;
  readonly #traffic: Traffic | undefined;
  readonly #lends: boolean;
  #buffer = new Uint8Array(WAITING_BUFFER);
  /** The one that was given out last. */
  #current: IncomingRequest | undefined;
  #waiting: Waiting = "nothing";
  /** Until when what is waited for must come, in `performance.now()` time. */
  #readBy = Infinity;
  /** Until when the client must take something: it may be read from meanwhile. */
  #writeBy = Infinity;
  /** Until when the current request may be served. */
  #serveBy = Infinity;
  /** When something was last written, in `performance.now()` time. */
  #wroteAt = -Infinity;
  #bodyTimeLeft = 0;
  #continueOwed = false;
  #continueRefused = false;
  #filling: Promise<boolean> | undefined;
  /** The read that `ask()` has begun, and `took()` has not ended. */
  #asking: Promise<number | null> | undefined;
  /** Whether nobody waits for it any more. */
  #givenUp = false;
  /** Resolves when the read that is under way has ended, whatever with. */
  #reading: Promise<void> | undefined;
  /** Ends the wait for bytes. */
  #interrupt: ((reason: unknown) => void) | undefined;
  #ended = false;
  /** What reading has failed with. */
  #failed: { readonly error: unknown } | undefined;
  /** How much was read behind the current request, in bytes. */
  #ahead = 0;
  #watching = false;
  /** Whether it is among those of `longRequests`. */
  #noted = false;
  /** Whether a request has come that was given out. */
  #asked = false;
  #draining = false;
  /** Resolves when what had come before the drain has been read. */
  #lookingOut: Promise<void> | undefined;
  /** Until when a connection that drains waits for its first request. */
  #drainBy = Infinity;
  /** Whether what comes from now on comes too late. */
  #drained = false;
  #timedOut = false;
  #left = false;
  /** Whether it is forgotten. */
  #closed = false;

  /**
   * @param connection What to read from and to write to.
   * @param limits What the client may ask for.
   * @param owner Told what becomes of it.
   * @param traffic Where its bytes are counted, if anybody counts.
   */
  constructor(
    connection: Deno.Conn,
    limits: HTTPLimits,
    owner: ConnectionOwner,
    traffic?: Traffic | undefined,
  ) {
    this.#connection = connection;
    this.#limits = limits;
    this.#owner = owner;
    this.#traffic = traffic;
    this.#lends = isBorrower(connection);
    this.#parser = new RequestParser(limits);
    watchdog.add(this);
  }

  get deadline(): number {
    return Math.min(this.#readBy, this.#writeBy, this.#serveBy);
  }

  /** Whether the bytes of a write are the writer's again when it is done. */
  get lends(): boolean {
    return this.#lends;
  }

  /** The request that `next()` threw for, as far as it is known. */
  get refused(): RefusedRequest | undefined {
    return this.#parser.refused;
  }

  /** Forgets the connection, which the server closes. */
  close(): void {
    this.#closed = true;
    this.#abandonBody();
    if (watchdog.delete(this) === 0) longRequests.clear();
  }

  /**
   * Lets no other request come but those that have already come. Where none has
   * ever come, the first is waited for a short while: its client has been told
   * that it is connected.
   *
   * @param patience How long that may be at most, in milliseconds.
   */
  drain(patience: number): void {
    if (this.#draining || this.#closed) return;
    this.#draining = true;
    const { drainTimeout } = this.#limits;
    this.#drainBy = performance.now() + Math.min(drainTimeout, patience);
    // What waits behind the request that is being served has come too.
    this.watch();
    this.#lookingOut = this.#lookOut();
  }

  async #lookOut(): Promise<void> {
    await arrivals();
    this.#lookingOut = undefined;
    this.#drained = true;
    if (this.#closed || this.#waiting !== "request") return;
    if (this.#asked) return this.#endWait(undefined);
    this.#readBy = Math.min(this.#readBy, this.#drainBy);
    watchdog.moved(this.#readBy);
  }

  /**
   * What to wait for before `ending` is asked for, where that can be waited for:
   * what has come before a shutdown may still be on its way to be read.
   */
  get lookingOut(): Promise<void> | undefined {
    return this.#lookingOut;
  }

  /** Closes a connection that owes its client nothing, if it still can. */
  async leave(): Promise<void> {
    // One that has ended its side needs no more than the server does.
    if (this.#ended) return;
    this.#left = true;
    await leave(this.#connection, this.#wroteAt, async () => {
      this.#fill().catch(ignore);
      await this.#reading;
      return this.#ended;
    });
  }

  /**
   * Gives the connection away behind the current request, which asks for another
   * protocol: nothing is read, written or measured here any more.
   *
   * @returns Reads what has been read already, or is being read: how many bytes
   * were put into its buffer, `null` at the end of the stream, or `undefined`
   * where the connection itself is to be read from. Its bytes are counted already.
   */
  giveAway(): (buffer: Uint8Array) => Promise<number | null | undefined> {
    this.#current = undefined;
    this.#watching = false;
    this.#serveBy = Infinity;
    this.close();
    return async (buffer) => {
      while (true) {
        const taken = this.#parser.takeHeld(buffer);
        if (taken > 0) return taken;
        if (this.#failed !== undefined) throw this.#failed.error;
        if (this.#ended) return null;
        if (this.#filling === undefined) break;
        await this.#filling;
      }
      this.#buffer = NOTHING;
      return undefined;
    };
  }

  /** Has the owner told when the request has taken `ms` milliseconds. */
  limitRequest(ms: number): void {
    this.#serveBy = performance.now() + ms;
    watchdog.moved(this.#serveBy);
  }

  /**
   * Asks for the bytes in which the next request is to be, where nothing has come
   * and nothing else is to be done. To await that alone, and not `next()`, spares
   * most requests three promises.
   *
   * @returns What `took` is to be told, or `undefined` where `next()` must be
   * called.
   */
  ask(): Promise<number | null> | undefined {
    if (
      this.#filling !== undefined || this.#ended || this.#draining ||
      !this.#parser.isIdle
    ) return undefined;
    const { headersTimeout, keepAliveTimeout } = this.#limits;
    if (this.#asked && keepAliveTimeout === 0) return undefined;
    this.#current = undefined;
    this.#watching = false;
    this.#serveBy = Infinity;
    this.#wait("request", this.#asked ? keepAliveTimeout : headersTimeout);
    return this.#asking = this.#connection.read(this.#buffer);
  }

  /** Whether the wait that `ask()` began was ended: its reader is to do nothing. */
  get givenUp(): boolean {
    return this.#givenUp;
  }

  /**
   * Takes what `ask()` has got.
   *
   * @param n How many bytes came; `null` at the end of the stream.
   * @returns The next request, or `undefined` where `next()` must be called.
   */
  took(n: number | null): IncomingRequest | undefined {
    this.#asking = undefined;
    const bad = this.#received(n);
    if (bad !== undefined) {
      this.failed(bad);
      return undefined;
    }
    const request = this.#parser.shift();
    if (request !== undefined) this.#giveOut(request);
    return request;
  }

  /** Takes note of what a read fails with. */
  failed(error: unknown): void {
    this.#asking = undefined;
    this.#ended = true;
    this.#failed = { error };
    if (!this.#left) this.#owner.lost(error);
  }

  /**
   * Waits for the next request.
   *
   * @returns The request, or `undefined` where no more come.
   * @throws {HTTPError} What to answer instead.
   * @throws What reading throws, if the client was in the middle of a request.
   */
  async next(): Promise<IncomingRequest | undefined> {
    const first = !this.#asked;
    this.#current = undefined;
    this.#watching = false;
    this.#serveBy = Infinity;
    if (!first && this.#parser.hasMore) await nextTurn();
    this.#parser.resume();
    let request = this.#parser.shift();
    // The time of what `ask()` has not got goes on.
    let waiting: Waiting | undefined = this.#waiting === "request"
      ? "request"
      : undefined;
    while (request === undefined) {
      if (this.#parser.failure !== undefined) throw this.#parser.failure;
      if (this.#ended) {
        if (!this.#parser.midway) return undefined;
        throw new HTTPError(400, "The request ended within its headers");
      }
      if (this.#drained && !this.#parser.midway) {
        if (!first || performance.now() >= this.#drainBy) return undefined;
      }
      const { headersTimeout, keepAliveTimeout } = this.#limits;
      if (!first && keepAliveTimeout === 0 && !this.#parser.midway) {
        return undefined;
      }
      // Once for each: neither empty lines nor single bytes win time.
      if (this.#parser.midway && waiting !== "headers") {
        waiting = this.#wait("headers", headersTimeout);
      } else if (waiting === undefined) {
        waiting = this.#wait(
          "request",
          first ? headersTimeout : keepAliveTimeout,
        );
        if (this.#drained) {
          this.#readBy = Math.min(this.#readBy, this.#drainBy);
          watchdog.moved(this.#readBy);
        }
      }
      try {
        await this.#fill();
      } catch (error) {
        // Nobody asked for anything: there is nothing to tell.
        if (waiting === "request") return undefined;
        throw error;
      }
      request = this.#parser.shift();
    }
    this.#giveOut(request);
    return request;
  }

  #giveOut(request: IncomingRequest): void {
    this.#waitNoMore();
    this.#asked = true;
    this.#current = request;
    this.#ahead = 0;
    this.#bodyTimeLeft = this.#limits.bodyTimeout;
    this.#continueRefused = false;
    this.#continueOwed = request.expect === "100-continue" &&
      request.minorVersion === 1 && request.hasBody;
  }

  /**
   * Takes the next chunk of a request's body.
   *
   * @param request The current request, or one before it: what kept its body
   * must not be given that of another.
   * @returns The chunk, or `null` behind the last.
   * @throws {Deno.errors.BadResource} If the request is over and its body is
   * not all there.
   * @throws {HTTPError} What to answer.
   * @throws What reading throws.
   */
  async readChunk(
    request: IncomingRequest,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    if (request.abandoned) {
      throw bodyIsOver();
    }
    request.wanted = true;
    return await this.#nextChunk(request);
  }

  /** What a reader reads a request's body from. */
  bodyOf(request: IncomingRequest): ReadSource {
    const { chunks } = request;
    // Most bodies have come with their head, and are read to their end.
    if (request.complete && !request.abandoned && chunks.length <= 1) {
      return new WholeSource(chunks.pop() ?? NOTHING);
    }
    return new ChunkSource(() => this.readChunk(request));
  }

  async #nextChunk(
    request: IncomingRequest,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    while (request.chunks.length === 0) {
      if (request.complete) return null;
      if (this.#parser.failure !== undefined) throw this.#parser.failure;
      if (this.#ended) {
        throw new HTTPError(
          400,
          `The body ended after ${request.received} bytes`,
        );
      }
      const go = this.takeContinue();
      if (go !== "") await this.write(encodeHead(go));
      const since = performance.now();
      this.#wait("body", this.#bodyTimeLeft);
      await this.#fill();
      this.#waitNoMore();
      this.#bodyTimeLeft -= performance.now() - since;
      this.#readAhead();
    }
    return request.chunks.shift()!;
  }

  /**
   * What must be sent now to a client that waits to be told to send its body.
   *
   * @param status The status of the response, if its head is sent now: one of
   * success is preceded by it, and behind one of failure it is not sent.
   */
  takeContinue(status = 100): string {
    if (!this.#continueOwed || this.#current?.received !== 0) return "";
    if (status >= 400) this.#continueRefused = true;
    if (this.#continueRefused) return "";
    this.#continueOwed = false;
    return CONTINUE;
  }

  /** Whether the current request is the last, whatever the client wants. */
  get ending(): boolean {
    // Those that came before the shutdown are still to be answered.
    if (this.#drained && !this.#parser.hasMore && !this.#parser.midway) {
      return true;
    }
    return this.#mustEnd;
  }

  get #mustEnd(): boolean {
    if (this.#limits.keepAliveTimeout === 0) return true;
    // Nobody can tell whether a body comes that was not asked for.
    if (this.#continueOwed && this.#current?.received === 0) return true;
    if (this.#timedOut) return true;
    // More than is going to be read, unless the handler has begun to.
    if (this.#current?.wanted === false) {
      const { announced, received } = this.#current;
      if (announced - received > MOST_DISCARDED) return true;
    }
    // Those that came before the end are still to be answered; and so is what
    // cannot be read as a request behind this one.
    const over = this.#ended ||
      this.#parser.failure !== undefined && this.#current?.complete === false;
    return over && !this.#parser.hasMore;
  }

  /**
   * Throws away what is left of the current request's body.
   *
   * @returns Whether the next request begins where it ended.
   */
  async discardBody(): Promise<boolean> {
    const request = this.#current!;
    if (request.complete) return true;
    this.#abandonBody();
    if (this.#mustEnd) return false;
    const from = request.received;
    try {
      while (await this.#nextChunk(request) !== null) {
        if (request.received - from > MOST_DISCARDED) return false;
      }
      return true;
    } catch {
      // The request is answered; what became of its body is nobody's concern.
      return false;
    }
  }

  /** Whoever still reads the body is told, and not given what is left of it. */
  #abandonBody(): void {
    const request = this.#current;
    if (request?.complete === false) request.abandoned = true;
  }

  /**
   * Reads ahead while the current request is served, so that its client's leave
   * is seen. At most 16 KiB of what comes behind the request wait, and 64 KiB of its
   * body.
   */
  watch(): void {
    this.#watching = true;
    this.#readAhead();
  }

  #readAhead(): void {
    if (!this.#watching || this.#ended || this.#filling !== undefined) return;
    if (this.#current === undefined) return;
    if (this.#parser.failure !== undefined || this.#drained) return;
    if (!this.#mayReadAhead(this.#current)) return;
    this.#fill().then(() => this.#readAhead(), ignore);
  }

  #mayReadAhead({ complete, chunks }: IncomingRequest): boolean {
    if (complete) return this.#ahead < MOST_AHEAD;
    let waiting = 0;
    // They are few: the parser joins small ones.
    for (const chunk of chunks) waiting += chunk.length;
    return waiting < MOST_OF_BODY_AHEAD;
  }

  /**
   * Writes all of `bytes`.
   *
   * @throws What writing throws; `DOMException` "TimeoutError" if the client
   * took nothing for `writeTimeout`.
   */
  async write(bytes: Uint8Array): Promise<number> {
    let done = 0;
    do {
      const rest = done === 0 ? bytes : bytes.subarray(done);
      done += await this.writeSome(rest);
    } while (done < bytes.length);
    return done;
  }

  /**
   * Writes some of `bytes`, mostly all of them.
   *
   * @returns How many.
   * @throws As `write` does.
   */
  async writeSome(bytes: Uint8Array): Promise<number> {
    let taken: number;
    try {
      taken = await this.beginWrite(bytes);
    } catch (error) {
      return this.notWritten(error);
    }
    return this.wrote(taken, bytes.length);
  }

  /**
   * Begins to write: who awaits it is to call `wrote` or `notWritten`. To await
   * nothing else spares each response two promises.
   */
  beginWrite(bytes: Uint8Array): Promise<number> {
    this.#wroteAt = performance.now();
    this.#writeBy = this.#wroteAt + this.#limits.writeTimeout;
    // What a handler that failed has left is the server's to end.
    if (!this.#closed) watchdog.moved(this.#writeBy);
    return this.#connection.write(bytes);
  }

  /**
   * Takes note of what a write has come to.
   *
   * @param taken How many bytes were taken.
   * @param most How many there were.
   * @returns How many were taken.
   * @throws {Deno.errors.WriteZero} If that cannot be.
   */
  wrote(taken: number, most: number): number {
    const error = writeCountError(taken, most);
    if (error !== undefined && most > 0) return this.notWritten(error);
    this.#writeBy = Infinity;
    if (this.#traffic !== undefined) countOut(this.#traffic, taken);
    return taken;
  }

  /** Takes note of what a write has failed with, and throws what that means. */
  notWritten(error: unknown): never {
    this.#writeBy = Infinity;
    const reason = this.#timedOut
      ? new DOMException(
        `The client took nothing of the response for writeTimeout, ${this.#limits.writeTimeout} ms`,
        "TimeoutError",
      )
      : error;
    this.#owner.lost(reason);
    throw reason;
  }

  /** Has the current request looked after, should it take long. */
  note(): void {
    if (this.#noted || this.#closed) return;
    this.#noted = true;
    longRequests.add(this);
  }

  /** Called by `longRequests`. */
  look(): void {
    this.#noted = false;
    if (this.#current === undefined) return;
    // It was sent ahead, by a client that ended its side behind it.
    if (this.#ended) this.#owner.ended();
    else this.watch();
  }

  /** Called by the watchdog. */
  expire(): void {
    const now = performance.now();
    if (this.#serveBy <= now) {
      this.#serveBy = Infinity;
      this.#owner.overdue();
    }
    if (Math.min(this.#readBy, this.#writeBy) > now) return;
    this.#timedOut = true;
    if (this.#writeBy <= now) {
      this.#readBy = this.#writeBy = Infinity;
      return this.#connection.close();
    }
    this.#readBy = Infinity;
    switch (this.#waiting) {
      case "request":
        return this.#endWait(undefined);
      case "headers":
        return this.#endWait(
          new HTTPError(
            408,
            `The headers took longer than ${this.#limits.headersTimeout} ms`,
          ),
        );
      case "body":
        return this.#interrupt?.(
          new HTTPError(
            408,
            `The body took longer than ${this.#limits.bodyTimeout} ms`,
          ),
        );
    }
  }

  /** Ends the wait for the next request, with what to answer, if anything. */
  #endWait(answer: HTTPError | undefined): void {
    if (this.#asking === undefined) return this.#interrupt?.(answer);
    if (this.#givenUp) return;
    this.#givenUp = true;
    this.#owner.interrupted?.(answer);
  }

  #wait(what: Waiting, ms: number): Waiting {
    this.#waiting = what;
    this.#readBy = performance.now() + ms;
    watchdog.moved(this.#readBy);
    return what;
  }

  #waitNoMore(): void {
    this.#waiting = "nothing";
    this.#readBy = Infinity;
  }

  /** Reads once; false at the end of the stream. */
  #fill(): Promise<boolean> {
    return this.#filling ??= new Promise((resolve, reject) => {
      // What was interrupted goes on reading, into a buffer that nobody uses.
      this.#interrupt = reject;
      const reading = this.#asking ?? this.#connection.read(this.#buffer);
      this.#reading = reading.then((n) => {
        this.#filling = this.#reading = this.#asking = undefined;
        const bad = this.#received(n);
        if (bad === undefined) return resolve(n !== null);
        this.failed(bad);
        reject(bad);
      }, (error) => {
        this.#filling = this.#reading = undefined;
        this.failed(error);
        reject(error);
      });
    });
  }

  /** Takes what a read has got; returns what is wrong with it, if anything. */
  #received(n: number | null): Error | undefined {
    if (n === null) {
      this.#ended = true;
      if (this.#current === undefined) return undefined;
      // Whoever reads a body is told what it lacks, which says more. A request that
      // goes on all the same is over a little later.
      if (this.#waiting === "body") this.note();
      else this.#owner.ended();
      return undefined;
    }
    const bad = readCountError(n, this.#buffer.length);
    if (bad !== undefined) return bad;
    if (this.#traffic !== undefined) countIn(this.#traffic, n);
    if (this.#lookingOut !== undefined) noteArrival();
    if (this.#current?.complete) this.#ahead += n;
    const buffer = this.#buffer;
    this.#resize(n);
    this.#parser.feed(buffer.subarray(0, n));
    return undefined;
  }

  /** Gives large bodies a large buffer, and waiting connections a small one. */
  #resize(filled: number): void {
    const { length } = this.#buffer;
    if (filled === length && length < LARGEST_BUFFER) {
      this.#buffer = new Uint8Array(Math.min(4 * length, LARGEST_BUFFER));
    } else if (length > WAITING_BUFFER && filled < length / 8) {
      this.#buffer = new Uint8Array(WAITING_BUFFER);
    }
  }
}
