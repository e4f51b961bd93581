import { inspectBounded } from "../_inspect_bounded.ts";
import { checkKeys } from "../_known_keys.ts";
import {
  CONNECTION,
  ENTRY,
  IN_REACH,
  INCOMING,
  SCOPE,
  SEND_WHOLE,
  STATUS,
  TAKE_OVER,
  TAKEN,
  WRITE_RAW,
} from "./_inside.ts";
import { checkRuns, refuseGeneratorMethods } from "../_generators.ts";
import type { RequestServer } from "../base_request_handler.ts";
import { requestOverError } from "../streams/_left_behind.ts";
import type { AccessLog } from "./access_log.ts";
import { BaseHTTPRequestHandler } from "./base_http_request_handler.ts";
import { type TakeBack, takerOf } from "./_compression/chunk_stream.ts";
import { encodeResponse } from "./_compression/encode_response.ts";
import { contentOf } from "./_connection/content.ts";
import { discard } from "./_connection/discard.ts";
import {
  currentDate,
  encodeHead,
  headerLine,
  headWithType,
  isContentLength,
  namesClose,
  sizeOfAscii,
  statusLine,
} from "./_connection/head.ts";
import {
  reachesHandler,
  reachesNothing,
  takesHandler,
} from "./_connection/reach.ts";
import type { RequestScope } from "./_connection/request_scope.ts";
import { type Scheme, servedRequest } from "./_connection/served_request.ts";
import {
  markRead,
  onlyTypeOf,
  wasDecoded,
  wholeBodyOf,
} from "./_connection/static_body.ts";
import { nextTurn } from "./_connection/turns.ts";
import {
  type Upgrade,
  upgradeHead,
  upgradeOf,
} from "./_connection/upgrades.ts";
import type { ForwardedSettings } from "./forwarded_settings.ts";
import { compressionOf, type HTTPCompression } from "./http_compression.ts";
import { HTTPError } from "./http_error.ts";
import { completeHTTPLimits, type HTTPLimits } from "./http_limits.ts";

/**
 * A function that answers requests, as `Deno.serve` takes it. It also receives
 * the handler, which has the client's address and the end of the response under
 * the names that they have in `Deno.serve`, `remoteAddr` and `completed`, and a
 * `shutdownSignal` for responses that go on for long. `Config` is the type of the
 * configuration that it reads.
 */
export type FetchFunction<
  Address extends Deno.Addr = Deno.Addr,
  Config = unknown,
> = (
  request: Request,
  handler: FetchRequestHandler<Address, RequestServer<Config>>,
) => Response | Promise<Response>;

/**
 * A function that answers what a `FetchFunction` has thrown. It receives the
 * request, too.
 */
export type FetchErrorFunction = (
  error: unknown,
  request: Request,
) => Response | Promise<Response>;

/** What a handler class that is made of a function is set to. */
export interface FetchHandlerSettings {
  /** The `accessLog` of the class. */
  readonly accessLog?: AccessLog;
  /** The `compression` of the class. */
  readonly compression?: Partial<HTTPCompression> | boolean;
  /** The `forwarded` of the class. */
  readonly forwarded?: ForwardedSettings;
  /** Its `onError`. */
  readonly onError?: FetchErrorFunction;
}

/** A class of handlers that answer with `fetch`. */
export type FetchRequestHandlerClass = typeof FetchRequestHandler;

/** What stands before the fields that tell how a body is framed. */
interface ResponseHead {
  readonly text: string;
  /** How long the response says its body is, in bytes. */
  readonly length: number | undefined;
}

/** A chunk up to this size goes out together with the head, in bytes. */
const JOIN_UP_TO = 64 * 1024;

/**
 * A handler of HTTP that answers a `Request` with a `Response`. Instances are made by
 * servers, one for each connection.
 *
 * WebSockets are opened by `upgradeWebSocket()` of `@wire/socketserver/websocket`;
 * the response of `Deno.upgradeWebSocket()` is an error here, which is reported and
 * answered with 500. Other protocols take {@linkcode FetchRequestHandler.hijack}. No
 * `Request` can have the methods CONNECT and TRACE: a subclass answers them by
 * `doCONNECT` and `doTRACE`, and 501 is the answer otherwise.
 *
 * Bodies stream both ways, with backpressure. A response whose body is known
 * whole gets a `Content-Length`. What the handler throws is answered with 500,
 * an {@linkcode HTTPError} with its own status.
 *
 * `request.signal` is aborted when the request is over before it is answered:
 * when its client ends or resets the connection, on a timeout, when a shutdown's
 * grace period ends. A body that is being streamed is then cancelled, and never
 * looks complete to HTTP/1.1. Nothing aborts it when the request has been answered, as
 * `Deno.serve` has it with `--unstable-no-legacy-abort`.
 *
 * @example Threads that answer
 * ```ts
 * import { FetchRequestHandler, ThreadingHTTPServer } from "@wire/socketserver/http";
 *
 * export class Hello extends FetchRequestHandler {
 *   static override readonly moduleUrl: string = import.meta.url;
 *   override fetch(request: Request): Response {
 *     return new Response(`You asked for ${new URL(request.url).pathname}\n`);
 *   }
 * }
 *
 * if (import.meta.main) {
 *   const server = new ThreadingHTTPServer({ port: 8000 }, Hello);
 *   await server.serveForever();
 * }
 * ```
 */
export class FetchRequestHandler<
  Address extends Deno.Addr = Deno.Addr,
  Server extends RequestServer = RequestServer,
> extends BaseHTTPRequestHandler<Address, Server> {
  /**
   * Whether responses are compressed for clients that take them so, and how: `true`,
   * or what differs from the defaults. Responses that have a `Content-Encoding`
   * already are not, nor are those with `Cache-Control: no-transform`, parts (206),
   * and those that say what their bytes add up to (`Content-Digest`).
   *
   * What is compressed gets a weak `ETag`, by which `If-None-Match` still finds it.
   *
   * @default {false}
   */
  static readonly compression: Partial<HTTPCompression> | boolean = false;

  static {
    reachesNothing(this);
  }

  /** @ignore */
  static override checkSettings(): void {
    super.checkSettings();
    compressionOf(this);
    refuseGeneratorMethods(
      this,
      (name) => name === "fetch" || name === "onError",
    );
    if (this.protocolVersion !== "HTTP/1.1") {
      throw new TypeError(
        `Cannot serve HTTP: protocolVersion is for handlers with methods such as doGET; "${this.name}" answers with a Response, which is sent by HTTP/1.1`,
      );
    }
  }

  /** @ignore */
  override readonly [IN_REACH]: boolean = reachesHandler(this.constructor);
  /** That of the response being sent. */
  #status = 0;
  /** That of the connection's URLs. */
  #scheme: Scheme | undefined;

  /**
   * Makes a handler class of a function.
   *
   * @param answer The function.
   * @param limits What a client may ask for.
   * @param allowHalfOpen The `allowHalfOpen` of the class.
   * @param settings What else the class is set to.
   * @returns A handler class, for every kind of server whose handlers run in
   * this thread.
   * @throws {RangeError} If a limit or a setting is out of range.
   * @throws {TypeError} If one has an unknown name, or is of another type, or
   * `answer` is no function that runs when it is called.
   */
  static from(
    answer: FetchFunction,
    limits: Partial<HTTPLimits> = {},
    allowHalfOpen = false,
    settings: FetchHandlerSettings = {},
  ): FetchRequestHandlerClass {
    completeHTTPLimits(limits);
    checkRuns("the handler", answer, "answer requests");
    checkKeys("setting", settings, SETTINGS, undefined, "answer requests");
    const { accessLog, compression = false, forwarded, onError } = settings;
    if (onError !== undefined) checkRuns("onError", onError, "answer errors");
    const isGiven = onError !== undefined || takesHandler(answer);
    const Handler = class FetchFunctionHandler<
      Address extends Deno.Addr = Deno.Addr,
      Server extends RequestServer = RequestServer,
    > extends FetchRequestHandler<Address, Server> {
      static override readonly limits = limits;
      static override readonly allowHalfOpen = allowHalfOpen;
      static override readonly accessLog = accessLog;
      static override readonly compression = compression;
      static override readonly forwarded = forwarded;
      override fetch(request: Request): Response | Promise<Response> {
        return answer(request, this);
      }
    };
    Handler.checkSettings();
    if (!isGiven) reachesNothing(Handler);
    if (onError === undefined) return Handler;
    return class FetchFunctionHandler<
      Address extends Deno.Addr = Deno.Addr,
      Server extends RequestServer = RequestServer,
    > extends Handler<Address, Server> {
      override onError(
        error: unknown,
        request: Request,
      ): Response | Promise<Response> {
        return onError(error, request);
      }
    };
  }

  /**
   * Answers one request. The base answers 404.
   *
   * @param _request The request. Its URL has the host that the client named.
   * @returns The response, or a promise of it.
   */
  fetch(_request: Request): Response | Promise<Response> {
    throw new HTTPError(404);
  }

  /**
   * Answers what `fetch` has thrown, an {@linkcode HTTPError} too, or returned that
   * is no `Response`. What it answers is not reported to the server's
   * `handleError`. The base throws the error again: an `HTTPError` is answered with
   * its own page, everything else with 500, and reported. So is what an override
   * throws.
   *
   * It is not asked where nobody waits for an answer any more, nor where one was
   * begun.
   *
   * @param error What was thrown.
   * @param _request The request. Its body may have been read.
   * @returns The response, or a promise of it.
   */
  onError(error: unknown, _request: Request): Response | Promise<Response> {
    throw error;
  }

  /**
   * The client's address, as `Deno.serve` names it: the same as `clientAddress`.
   *
   * @returns The address.
   */
  get remoteAddr(): Address {
    return this.clientAddress;
  }

  /**
   * What becomes of the response, as `Deno.serve` names it: a promise that resolves
   * when all of it has been written, an error's page too. It rejects where its
   * client has left before, or its body failed: with what the request was aborted
   * with, if it was. Nobody need look at it.
   *
   * @returns The promise of the request that is being served.
   * @throws {Deno.errors.BadResource} If none is.
   */
  get completed(): Promise<void> {
    const scope = this[SCOPE];
    if (scope !== undefined) return scope.completed;
    throw requestOverError("wait for the response");
  }

  /** @ignore */
  override get [STATUS](): number {
    // An error is answered by the base.
    return super[STATUS] || this.#status;
  }

  /**
   * Serves one request with `fetch`.
   *
   * @returns A promise that resolves when the response is sent.
   */
  override handleOneRequest(): void | Promise<void> {
    // No `Request` can have these methods.
    if (this.command === "CONNECT" || this.command === "TRACE") {
      return super.handleOneRequest();
    }
    const scope = this[SCOPE]!;
    this.#status = 0;
    const request = this.#request(scope);
    if (this.onError !== FetchRequestHandler.prototype.onError) {
      return this.#answerAll(request, scope);
    }
    const answered = this.fetch(request);
    return answered instanceof Promise
      ? answered.then((response) => this.#respond(response, scope))
      : this.#respond(answered, scope);
  }

  /** Serves a request whose errors are answered too. */
  async #answerAll(request: Request, scope: RequestScope): Promise<void> {
    let response: Response;
    try {
      response = this.#checked(await this.fetch(request));
    } catch (error) {
      if (scope.over || scope.aborted !== undefined || this[TAKEN]) throw error;
      response = await this.onError(error, request);
    }
    await this.#respond(response, scope);
  }

  /**
   * Does nothing: unlike its base, this handler logs only errors.
   *
   * @param _status The status, which is not looked at.
   */
  override logRequest(_status: number): void {}

  /**
   * Does nothing: a client's mistakes are the client's.
   *
   * @param _message What went wrong, which is not looked at.
   */
  override logError(_message: string): void {}

  /**
   * As the base's. This handler does not name the server.
   *
   * @returns An empty string.
   */
  override versionString(): string {
    return "";
  }

  #request(scope: RequestScope): Request {
    this.#scheme ??= this.encrypted ? "https" : "http";
    return servedRequest(scope, this[INCOMING], this.#scheme, this.forwarded);
  }

  /** @throws {TypeError} If what a handler has returned is no response. */
  #checked(response: Response): Response {
    if (response instanceof Response) return response;
    throw new TypeError(
      `Cannot answer ${this.command} ${this.path}: the handler returned ${
        inspectBounded(response)
      }, not a Response`,
    );
  }

  #respond(response: Response, scope: RequestScope): void | Promise<void> {
    return this.#respondAtOnce(response, scope)
      ? undefined
      : this.#respondInFull(response, scope);
  }

  /**
   * Has a response sent whose body is there as a whole.
   *
   * @returns Whether it was one, of which nothing more is to be seen to.
   */
  #respondAtOnce(response: Response, scope: RequestScope): boolean {
    if (!(response instanceof Response) || scope.over || this[TAKEN]) {
      return false;
    }
    const { compression } = this.constructor as typeof FetchRequestHandler;
    if (compression !== false) return false;
    const body = wholeBodyOf(response);
    if (body === undefined || this[CONNECTION].lookingOut !== undefined) {
      return false;
    }
    const { status } = response;
    if (status < 200 || contentOf(this.command, status) !== "any") return false;
    const { text, length } = this.#headOf(response);
    // Whether it is that of the body is seen to as it is sent.
    if (length !== undefined) return false;
    let whole = body ?? "";
    let size: number | undefined;
    if (typeof whole === "string") {
      size = sizeOfAscii(whole);
      if (size === undefined) whole = encoder.encode(whole);
    }
    if (body !== null) markRead(response);
    this[SEND_WHOLE](this.#endHead(text, size ?? whole.length), whole);
    return true;
  }

  async #respondInFull(
    response: Response,
    scope: RequestScope,
  ): Promise<void> {
    this.#checked(response);
    const upgrade = response.status === 101 ? upgradeOf(response) : undefined;
    if (upgrade !== undefined) return this.#upgrade(response, upgrade);
    const { compression } = this.constructor as typeof FetchRequestHandler;
    // Whoever asks by HEAD is told what GET would have, before that becomes a stream.
    const known = this.command === "HEAD" && compression === false
      ? sizeOf(wholeBodyOf(response))
      : undefined;
    if (response.bodyUsed || response.body?.locked) {
      throw new TypeError(
        `Cannot answer ${this.command} ${this.path}: the body of its Response was read or sent before; make a Response for each request, or return clone() of one that is kept`,
      );
    }
    if (compression !== false) {
      response = await encodeResponse(
        response,
        this[INCOMING],
        compressionOf(this.constructor as typeof FetchRequestHandler)!,
      );
    }
    if (scope.over || this[TAKEN]) return discard(response.body);
    const { lookingOut } = this[CONNECTION];
    if (lookingOut !== undefined) await lookingOut;
    let head: ResponseHead;
    try {
      head = this.#headOf(response);
    } catch (error) {
      discard(response.body, error);
      throw error;
    }
    const { text } = head;
    let { length } = head;
    const { body } = response;
    const content = contentOf(this.command, response.status);
    if (content !== "any") {
      discard(body);
      if (content === "empty") length = 0;
      else if (content !== "described") length = undefined;
      else length ??= known;
      await this.#write(scope, this.#endHead(text, length));
    } else if (body === null) {
      // The client would take the next response for this one's body.
      if (length !== undefined && length > 0) this.#endsEarly(0, length);
      await this.#write(scope, this.#endHead(text, 0));
    } else {
      const reader = body.getReader();
      try {
        // Whoever keeps what it was given to write must not find other bytes in it.
        const taker = this[CONNECTION].lends ? takerOf(body) : undefined;
        await this.#stream(scope, text, reader, length, taker);
      } catch (error) {
        discard(reader, error);
        throw error;
      }
    }
  }

  /** Hands the connection over to what the response is for. */
  #upgrade({ headers }: Response, upgrade: Upgrade): void {
    try {
      const head = upgradeHead(headers);
      this[ENTRY]?.headSent(head.length);
      upgrade.open(this[TAKE_OVER](101), head);
    } catch (error) {
      upgrade.fail(error);
      throw error;
    }
  }

  /**
   * What a response says of itself.
   *
   * @throws {RangeError} If its status is none of HTTP's.
   * @throws {TypeError} If it cannot be sent here.
   */
  #headOf(response: Response): ResponseHead {
    const { status } = response;
    if (status === 0) {
      throw new TypeError(
        `Cannot answer ${this.command} ${this.path}: Response.error() has no status`,
      );
    }
    if (status < 200) {
      throw new TypeError(
        `Cannot answer ${this.command} ${this.path} with status ${status}: Deno.upgradeWebSocket() takes over connections of Deno.serve() alone; take upgradeWebSocket() of @wire/socketserver/websocket here, or hijack() of the handler`,
      );
    }
    this.#status = status;
    const type = onlyTypeOf(response);
    if (type !== undefined) {
      return { text: headWithType(type), length: undefined };
    }
    let text = statusLine(status, response.statusText || undefined);
    let length: number | undefined;
    let dated = false;
    response.headers.forEach((value, name) => {
      switch (name) {
        case "content-length":
          if (!wasDecoded(response)) length = this.#announced(value);
          return;
        case "content-encoding":
          if (wasDecoded(response)) return;
          break;
        case "transfer-encoding":
          // How the body is framed is decided here.
          return;
        case "connection":
          if (namesClose(value)) this.closeConnection = true;
          return;
        case "date":
          dated = true;
      }
      text += headerLine(name, value);
    });
    if (!dated) text += `date: ${currentDate()}\r\n`;
    return { text, length };
  }

  /** Sends a head and the body behind it. */
  async #stream(
    scope: RequestScope,
    head: string,
    reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
    length: number | undefined,
    takeBack: TakeBack | undefined,
  ): Promise<void> {
    let came = false;
    const note = () => came = true;
    const reading = reader.read();
    reading.then(note, note);
    // A body that was given whole ends at once behind its only chunk.
    let following: typeof reading | undefined = reader.read();
    let ended = false;
    following.then(({ done }) => ended = done, () => {
      // Whoever awaits it is told.
    });
    for (let turn = 0; turn < TURNS_OF_CHUNK && !came; turn++) await null;
    // The first chunk may be long in coming, and the client gone before it.
    const waits = !came;
    let chunked = false;
    const begin = () => {
      chunked = length === undefined && this.requestVersion === "HTTP/1.1";
      if (length === undefined && !chunked) this.closeConnection = true;
      return this.#endHead(head, length, chunked);
    };
    let before: string | undefined;
    if (waits) {
      this.#endWithRequest(scope, reader);
      if (!await settlesWithin(reading, PATIENCE_OF_HEAD)) {
        // A stream of events is open for its client before the first of them.
        await this.#write(scope, begin());
        before = "";
      }
    }
    let read = this.#bytes(await reading);
    // One that was waited for has had these turns.
    for (let turn = waits ? 2 : 0; turn < 2 && !ended; turn++) await null;
    // A stream that was cancelled meanwhile has ended, too.
    const whole = before === undefined && ended &&
      !(waits && scope.aborted !== undefined);
    // That of a whole body is known, whatever its handler says.
    if (whole) length = read.value?.length ?? 0;
    else this.#endWithRequest(scope, reader);
    before ??= begin();
    let sent = 0;
    while (!read.done) {
      const chunk = read.value;
      sent += chunk.length;
      if (length !== undefined && sent > length) {
        throw new RangeError(
          `Cannot answer ${this.command} ${this.path}: the body is longer than its Content-Length, ${length} bytes`,
        );
      }
      if (chunk.length > 0) {
        if (chunked) before += `${chunk.length.toString(16)}\r\n`;
        await this.#write(scope, before, chunk, chunked ? "\r\n" : "");
        before = "";
        takeBack?.(chunk);
      } else {
        // Nothing was sent that could be waited for.
        await nextTurn();
      }
      read = this.#bytes(await (following ?? reader.read()));
      following = undefined;
    }
    if (!whole && scope.aborted !== undefined) throw scope.aborted.reason;
    if (length !== undefined && sent < length) this.#endsEarly(sent, length);
    if (chunked) before += "0\r\n\r\n";
    if (before !== "") await this.#write(scope, before);
  }

  /** Ends the body when its request is aborted, though it may wait for long. */
  #endWithRequest(
    scope: RequestScope,
    reader: ReadableStreamDefaultReader<Uint8Array>,
  ): void {
    if (scope.aborted !== undefined) throw scope.aborted.reason;
    scope.onAbort = (reason) => {
      discard(reader, reason);
    };
    scope.watch();
  }

  /** A stream's chunk may be anything, and only bytes can be sent. */
  #bytes(
    read: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>,
  ): ReadableStreamReadResult<Uint8Array<ArrayBuffer>> {
    if (read.done || read.value instanceof Uint8Array) return read;
    throw new TypeError(
      `Cannot answer ${this.command} ${this.path}: the body's stream gave ${
        inspectBounded(read.value)
      }, not a Uint8Array`,
    );
  }

  #endsEarly(sent: number, length: number): never {
    throw new Error(
      `Cannot answer ${this.command} ${this.path}: the body ended after ${sent} bytes, its Content-Length is ${length}`,
    );
  }

  /** Writes text, bytes and text, in one call where they are few. */
  async #write(
    scope: RequestScope,
    before: string,
    chunk: Uint8Array = NOTHING,
    after = "",
  ): Promise<void> {
    if (chunk.length <= JOIN_UP_TO) {
      await this[WRITE_RAW](scope, join(before, chunk, after));
      return;
    }
    if (before !== "") await this[WRITE_RAW](scope, encodeHead(before));
    await this[WRITE_RAW](scope, chunk);
    if (after !== "") await this[WRITE_RAW](scope, encodeHead(after));
  }

  /**
   * The length that a response announces.
   *
   * @throws {TypeError} If it is none.
   */
  #announced(value: string): number {
    if (isContentLength(value)) return Number(value);
    throw new TypeError(
      `Cannot answer ${this.command} ${this.path}: the response's Content-Length is "${value}"`,
    );
  }

  /** Completes a head that is sent now. */
  #endHead(head: string, length?: number, chunked = false): string {
    const connection = this[CONNECTION];
    const before = connection.takeContinue(this.#status);
    if (connection.ending) this.closeConnection = true;
    if (length !== undefined) head += `content-length: ${length}\r\n`;
    else if (chunked) head += "transfer-encoding: chunked\r\n";
    if (this.closeConnection) head += "connection: close\r\n";
    else if (this.requestVersion === "HTTP/1.0") {
      head += "connection: keep-alive\r\n";
    }
    const whole = `${before}${head}\r\n`;
    this[ENTRY]?.headSent(whole.length);
    return whole;
  }
}

const SETTINGS = Object.keys(
  {
    accessLog: true,
    compression: true,
    forwarded: true,
    onError: true,
  } satisfies Record<
    keyof FetchHandlerSettings,
    true
  >,
);

/** How long a head waits for the first chunk behind it, in milliseconds. */
const PATIENCE_OF_HEAD = 5;

/** After how many microtasks the first chunk of a body that is there has come. */
const TURNS_OF_CHUNK = 16;

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

/** Whether a promise settles within so many milliseconds. */
function settlesWithin(
  promise: Promise<unknown>,
  ms: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const settled = () => {
      clearTimeout(timer);
      resolve(true);
    };
    promise.then(settled, settled);
  });
}

/** The size of a body that is there as a whole, in bytes. */
function sizeOf(
  body: string | Uint8Array | null | undefined,
): number | undefined {
  if (typeof body !== "string") return body?.length;
  return sizeOfAscii(body) ?? encoder.encode(body).length;
}

/** Text, bytes and text as one. Each character of the text is one byte. */
function join(
  before: string,
  bytes: Uint8Array,
  after: string,
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(before.length + bytes.length + after.length);
  const { read, written } = encoder.encodeInto(before, whole);
  if (read !== before.length || written !== read) whole.set(encodeHead(before));
  if (bytes.length > 0) whole.set(bytes, before.length);
  if (after !== "") encoder.encodeInto(after, whole.subarray(-after.length));
  return whole;
}
