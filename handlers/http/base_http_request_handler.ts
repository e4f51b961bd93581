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
import { END, LEAVE, OWN } from "../streams/_owned.ts";
import { refuseGeneratorMethods } from "../_generators.ts";
import { inspectBounded } from "../_inspect_bounded.ts";
import {
  ABORT,
  CLOSING,
  type Closing,
  FAIL,
  type Served,
  SERVES,
  SETTLE,
  UNSENT,
} from "../_host.ts";
import { checkBoolean, wrong } from "../_settings.ts";
import { type RequestTrace, tracing } from "../_tracing.ts";
import { ownTraffic, TRAFFIC, type Traffic } from "../_traffic.ts";
import type { Unsent } from "../_unsent.ts";
import {
  BaseRequestHandler,
  type RequestServer,
} from "../base_request_handler.ts";
import { isEncrypted } from "../_encrypted.ts";
import {
  markLeftBehind,
  requestOverError,
  type StreamOwner,
} from "../streams/_left_behind.ts";
import { RequestEntry } from "./_access_log/request_entry.ts";
import { BodyReader } from "./_connection/body_reader.ts";
import type { Content } from "./_connection/content.ts";
import { escapeLine } from "../_escape_controls.ts";
import {
  checkErrorFormat,
  ERROR_MESSAGE_FORMAT,
  formatError,
} from "./_connection/error_format.ts";
import {
  checkFieldText,
  currentDate,
  encodeHead,
  type ProtocolVersion,
  wholeResponse,
} from "./_connection/head.ts";
import {
  borrowMemory,
  forgetMemory,
  type LentMemory,
  returnMemory,
} from "./_connection/lent_memory.ts";
import {
  type ConnectionOwner,
  HTTPConnection,
} from "./_connection/http_connection.ts";
import {
  beginUnmarked,
  endUnmarked,
  lateReader,
  lateWriter,
  serving,
} from "./_connection/late.ts";
import type { IncomingRequest } from "./_connection/request_parser.ts";
import {
  checkResponses,
  RESPONSES,
  type StatusTexts,
} from "./_connection/responses.ts";
import {
  type RequestOwner,
  RequestScope,
} from "./_connection/request_scope.ts";
import { ResponseBody } from "./_connection/response_body.ts";
import { isInterim, ResponseHead } from "./_connection/response_head.ts";
import { Takeover } from "./_connection/takeover.ts";
import { forwardedClient } from "./_forwarded/forwarded_client.ts";
import { trustedProxies } from "./_forwarded/trusted_proxies.ts";
import { type AccessLog, checkAccessLog } from "./access_log.ts";
import {
  checkForwarded,
  type ForwardedClient,
  type ForwardedSettings,
} from "./forwarded_settings.ts";
import type { HijackedConnection } from "./hijacked_connection.ts";
import { HTTPError } from "./http_error.ts";
import { completeHTTPLimits, type HTTPLimits } from "./http_limits.ts";
import type { StreamReader } from "../streams/stream_reader.ts";
import { StreamWriter } from "../streams/stream_writer.ts";

const ignore = () => {};
const NOTHING = new Uint8Array(0);

/** Why no more requests of a connection are served. */
interface Interruption {
  /** What to answer, if anything. */
  readonly answer: HTTPError | undefined;
}

/** A body up to this size goes out together with its head, in bytes. */
const JOIN_UP_TO = 64 * 1024;

export type { ProtocolVersion, StatusTexts };

/** The name of a method that a request may be for: `doGET`, `doM-SEARCH`. */
const REQUEST_METHOD = /^do[A-Z-]+$/;

/** The limits of each handler class, with the defaults. */
const limitsOf = new WeakMap<object, HTTPLimits>();

/**
 * A handler of HTTP/1.1 and HTTP/1.0. Instances are made by servers, one for each
 * connection, whose requests it serves one after the other, also where they were
 * pipelined.
 *
 * For each request it calls the method that is named after the request's:
 * `doGET`, `doPOST`, `doHEAD` and so on. A subclass defines those it answers;
 * the others are answered with 501. Such a method reads the body from `rfile`,
 * calls `sendResponse`, `sendHeader` and `endHeaders` in this order, and writes
 * the body to `wfile`. It may return a promise.
 *
 * How the body's end is told is seen to: by `Content-Length` where the handler
 * sends it, in chunks where it does not, and by closing the connection of an
 * HTTP/1.0 client. What is written in response to HEAD, or with status 204, 205
 * or 304, is left out, and so is the length of what there is none of (RFC 9110,
 * section 8.6). A body that the handler did not read is read for it, up to
 * 256 KiB; beyond that the connection is closed.
 *
 * What a method leaves running when its promise has resolved should be awaited.
 * It still finds its own request's `headers` and `signal`, and is refused what is
 * the next request's: `rfile`, `wfile`, and its response (`BadResource`). Only
 * `command`, `path` and `requestVersion` are then those of the next.
 *
 * A method that throws an {@linkcode HTTPError} before it sent anything has the
 * request answered with it. What else it throws goes to the server's
 * `handleError`, the client gets 500 if nothing was sent yet, and the connection
 * is closed.
 *
 * Bytes are read as HTTP by llhttp, the parser of Node.js and Deno, in its
 * strict mode (RFC 9112).
 *
 * @example Answering GET
 * ```ts
 * import { BaseHTTPRequestHandler } from "@wire/socketserver/http";
 * import { TCPServer } from "@wire/socketserver";
 * import { strictEqual } from "node:assert";
 *
 * class Hello extends BaseHTTPRequestHandler {
 *   async doGET(): Promise<void> {
 *     this.sendResponse(200);
 *     this.sendHeader("Content-Type", "text/plain");
 *     this.endHeaders();
 *     await this.wfile.write("Thank you for connecting");
 *   }
 *   override logMessage(): void {}
 * }
 *
 * await using server = new TCPServer({ hostname: "127.0.0.1", port: 0 }, Hello);
 * server.serveForever();
 *
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
 * strictEqual(await response.text(), "Thank you for connecting");
 * ```
 */
export class BaseHTTPRequestHandler<
  Address extends Deno.Addr = Deno.Addr,
  Server extends RequestServer = RequestServer,
> extends BaseRequestHandler<Deno.Conn<Address>, Address, Server> {
  /**
   * What a client may ask for. A subclass sets those that differ from the
   * defaults: `static override readonly limits = { maxBodySize: 1024 }`.
   */
  static readonly limits: Partial<HTTPLimits> = {};
  /**
   * The access log: a line for each request when it is over, on stderr, in one of
   * the formats of {@linkcode AccessLogFormat}; or a function, which is told of it.
   * Answers that no method has made are logged too, and requests whose client has
   * left. `false` logs none, and neither does `logRequest()`. Unless it is set,
   * {@linkcode BaseHTTPRequestHandler.logRequest} alone logs, as CPython's does. What
   * {@linkcode BaseHTTPRequestHandler.logError} is told is logged in any case: it is
   * about errors, not requests.
   *
   * @default {undefined}
   */
  static readonly accessLog: AccessLog | undefined = undefined;
  /**
   * Which proxies are believed who the client is that they forward, and by which
   * fields: {@linkcode BaseHTTPRequestHandler.forwarded} then tells. Unless it is
   * set, none is.
   *
   * @default {undefined}
   */
  static readonly forwarded: ForwardedSettings | undefined = undefined;
  /** The request's method, for example `GET`; empty while there is none. */
  command = "";
  /** What the request is for, as it was sent: mostly a path with its query. */
  path = "";
  /** The request's version: `HTTP/1.1` or `HTTP/1.0`. */
  requestVersion = "HTTP/1.1";
  /**
   * It keeps `requestTimeout` itself: a connection carries many requests.
   *
   * @ignore
   */
  static override readonly measuresRequests: boolean = true;
  /**
   * Whether a client may end its side of the connection while it waits for its
   * answer. One that does has mostly gone, so that its request is aborted: see
   * {@linkcode BaseHTTPRequestHandler.signal}. What a handler writes all the
   * same is sent.
   *
   * @default {false}
   */
  static readonly allowHalfOpen: boolean = false;
  /**
   * The version of the responses. With `HTTP/1.0` every response ends its
   * connection, and none comes in chunks. Interim responses are of HTTP/1.1.
   *
   * @default {"HTTP/1.1"}
   */
  static readonly protocolVersion: ProtocolVersion = "HTTP/1.1";
  /**
   * The phrase of each status, and a sentence that explains it on the page of an
   * error. A subclass adds to them:
   * `{ ...BaseHTTPRequestHandler.responses, 499: ["Gone Away", "Nobody waits"] }`.
   */
  static readonly responses: Readonly<Record<number, StatusTexts>> = RESPONSES;
  /**
   * The page of an error, in which `%(code)d`, `%(message)s` and `%(explain)s`
   * stand for the status, what is wrong and more about it, and `%%` for a per
   * cent sign. What HTML would read as markup is escaped in all three.
   */
  static readonly errorMessageFormat: string = ERROR_MESSAGE_FORMAT;
  /** The type of that page. */
  static readonly errorContentType: string = "text/html;charset=utf-8";
  /** The first part of {@linkcode BaseHTTPRequestHandler.versionString}. */
  static readonly serverVersion: string = "socketserver";
  /** The last part of {@linkcode BaseHTTPRequestHandler.versionString}. */
  static readonly sysVersion: string = `Deno/${Deno.version.deno}`;
  /** @ignore */
  static override readonly [SERVES]: Served = "connections";
  /** @ignore */
  static override checkSettings(): void {
    super.checkSettings();
    completeHTTPLimits(this.limits);
    const action = "serve HTTP";
    checkBoolean(action, "allowHalfOpen", this.allowHalfOpen);
    const { protocolVersion } = this;
    if (protocolVersion !== "HTTP/1.1" && protocolVersion !== "HTTP/1.0") {
      const versions = '"HTTP/1.1" or "HTTP/1.0"';
      throw wrong(action, "protocolVersion", versions, protocolVersion);
    }
    checkResponses(this.responses);
    checkErrorFormat(this.errorMessageFormat);
    for (
      const name of ["errorContentType", "serverVersion", "sysVersion"] as const
    ) checkFieldText(action, name, this[name]);
    checkAccessLog(this.accessLog);
    checkForwarded(this.forwarded);
    if (this.forwarded !== undefined) trustedProxies(this.forwarded);
    refuseGeneratorMethods(this, (name) => REQUEST_METHOD.test(name));
  }

  /** Whether the connection ends with this request. A method may set it. */
  closeConnection = false;
  #connection!: HTTPConnection;
  #incoming!: IncomingRequest;
  #requestTimeout = Infinity;
  readonly #owner: ConnectionOwner & RequestOwner = {
    lost: (error) => {
      this[ABORT](error);
      this.#scope?.abort(error);
    },
    ended: () => {
      if (!this.#own.allowHalfOpen) this.#scope?.abortByClient();
    },
    overdue: () => this.#overdue?.(),
    interrupted: (answer) => this.#interrupt?.({ answer }),
    watch: () => {
      this.#followConnection();
      this.#connection.watch();
    },
    readChunk: (incoming) => this.#connection.readChunk(incoming),
  };
  /** Ends the wait for another request. */
  #interrupt: ((interruption: Interruption) => void) | undefined;
  /** What belongs to the request that is being served. */
  #scope: RequestScope | undefined;
  /** Called when that takes too long, where there is a limit. */
  #overdue: (() => void) | undefined;
  /** Rejects then. */
  #timedOut: Promise<never> | undefined;
  /** Whether what aborts the connection's signal aborts the request's. */
  #followsConnection = false;
  /** How long a shutdown that has begun is patient, in milliseconds. */
  #patience: number | undefined;
  #shutdown: AbortController | undefined;
  #out: StreamWriter | undefined;
  /** Those of what could not be read as a request. */
  #noHeaders: Headers | undefined;
  /** Stands for this connection, for code that keeps a request of it. */
  readonly #mark: StreamOwner = {
    request: this.request,
    clientAddress: this.clientAddress,
    server: this.server,
  };
  #rfile: StreamReader | undefined;
  #wfile: StreamWriter | undefined;
  #body: ResponseBody | undefined;
  /** Whether the method is being called, or has returned nothing to wait for. */
  #gathers = false;
  /** A whole response, which is to be sent. */
  #ready: Uint8Array<ArrayBuffer> | undefined;
  /** What follows it, which is too much to be copied. */
  #following: Uint8Array | undefined;
  /** The memory that it was made in, if that was borrowed. */
  #borrowed: LentMemory | undefined;
  /** The head of the response, as far as it was made. */
  readonly #head = new ResponseHead();
  /** Whether responses are of HTTP/1.0. */
  #isOldProtocol = false;
  /** The connection, where it has been taken over. */
  #takeover: Takeover<Address> | undefined;
  /** How requests are logged, if they are. */
  #log: Exclude<AccessLog, false> | undefined;
  /** Notes the request that is being served, where they are. */
  #entry: RequestEntry | undefined;
  /** The headers of what is no request, as far as it has any. */
  #refused: readonly string[] = [];
  /** The client of the last request that was asked for its client. */
  #forwarded:
    | {
      readonly of: readonly string[];
      readonly client: ForwardedClient | undefined;
    }
    | undefined;
  /** Where bytes are counted for that alone. */
  #traffic: Traffic | undefined;

  /**
   * The connection of this handler.
   *
   * @returns The connection.
   * @ignore
   */
  get [CONNECTION](): HTTPConnection {
    return this.#connection;
  }

  /**
   * Whether what answers a request may have this handler, and leave code running
   * that finds the next request in it.
   *
   * @ignore
   */
  readonly [IN_REACH]: boolean = true;

  /**
   * The request that is being served.
   *
   * @returns The request, as it came.
   * @ignore
   */
  get [INCOMING](): IncomingRequest {
    return this.#incoming;
  }

  /**
   * What belongs to the request of the code that runs.
   *
   * @returns Its scope, if there is one.
   * @ignore
   */
  get [SCOPE](): RequestScope | undefined {
    return this.#late ?? this.#scope;
  }

  /**
   * The status of the response to the request that is being served.
   *
   * @returns The status; 0 if no response was begun.
   * @ignore
   */
  get [STATUS](): number {
    return this.#head.status;
  }

  /**
   * What notes the request that is being served for the access log.
   *
   * @returns It, if there is an access log.
   * @ignore
   */
  get [ENTRY](): RequestEntry | undefined {
    return this.#entry;
  }

  /** @ignore */
  override get [TRAFFIC](): Traffic | undefined {
    return super[TRAFFIC] ?? this.#traffic;
  }

  /**
   * Sends what a subclass made at once: a whole response, or its beginning.
   *
   * @param scope What belongs to the request that is answered.
   * @param bytes The bytes.
   * @returns A promise that resolves when they are sent.
   * @throws {Deno.errors.BadResource} If the request is over.
   * @ignore
   */
  [WRITE_RAW](scope: RequestScope, bytes: Uint8Array): Promise<unknown> {
    if (scope.over) {
      throw new Deno.errors.BadResource(
        `Cannot write ${bytes.length} bytes of a response: the request is finished`,
      );
    }
    this.#head.isSent = this.#head.isBegun = true;
    // Interim responses may have been sent before it.
    const before = this.#out;
    return before !== undefined && before.bufferedAmount > 0
      ? before.flush().then(() => this.#connection.write(bytes))
      : this.#connection.write(bytes);
  }

  /**
   * Has a whole response sent when the handler has come to its end.
   *
   * @param head Its head, each character of which is a byte.
   * @param body Its body: bytes, or text that is ASCII.
   * @ignore
   */
  [SEND_WHOLE](head: string, body: string | Uint8Array): void {
    this.#borrowed = this.#connection.lends ? borrowMemory() : undefined;
    if (body.length <= JOIN_UP_TO) this.#following = undefined;
    else {
      this.#following = typeof body === "string" ? encodeHead(body) : body;
      body = "";
    }
    this.#ready = wholeResponse(head, body, this.#borrowed);
    this.#head.isSent = this.#head.isBegun = true;
  }

  /**
   * Takes the connection over, as `hijack()` does.
   *
   * @param status That of the response, where whoever takes it sends that.
   * @returns It.
   * @ignore
   */
  [TAKE_OVER](status?: number): Takeover<Address> {
    const action = "take the connection over";
    this.#requireInTime(action);
    const { method, target, upgrades, complete } = this.#incoming;
    const problem = !upgrades
      ? `${method} ${target} asks for no upgrade and is not CONNECT, so that what follows it is its client's next request`
      : !complete
      ? `the body of ${method} ${target} has not all come; read it first`
      : this.#head.status !== 0 && !this.#head.isSent
      ? "a response was begun; call endHeaders() first"
      : this.#head.isSent && this.#content() !== "tunnel"
      ? `a response of status ${this.#head.status} was sent`
      : undefined;
    if (problem !== undefined) {
      throw this.#misused(`Cannot ${action}: ${problem}`);
    }
    const { aborted, over } = this.#scope!;
    if (aborted !== undefined) throw aborted.reason;
    if (over) throw requestOverError(action);
    if (status !== undefined) {
      this.#head.status = status;
      this.logRequest(status);
    }
    if (status === undefined && !this.#head.isSent) this.#entry?.headSent(0);
    // What the response's writer is given from now on would be lost among others.
    this.#responseBody().release();
    this.#responseBody().end();
    const out = this.#out;
    const ahead = this.#connection.giveAway();
    this.closeConnection = true;
    return this.#takeover = new Takeover<Address>(
      {
        connection: this.request,
        ahead,
        before: out !== undefined && out.bufferedAmount > 0
          ? out.flush()
          : undefined,
        traffic: this[TRAFFIC],
      },
      {
        mark: this,
        isEnding: this.#patience !== undefined,
        lost: (error) => this[ABORT](error),
        broken: (error) => this[FAIL](error),
      },
    );
  }

  /**
   * Whether the connection was taken over.
   *
   * @returns Whether it was.
   * @ignore
   */
  get [TAKEN](): boolean {
    return this.#takeover !== undefined;
  }

  /**
   * The first line of the request.
   *
   * @returns The line, without its ending; empty while there is no request.
   */
  get requestLine(): string {
    return this.command === ""
      ? ""
      : `${this.command} ${this.path} ${this.requestVersion}`;
  }

  /**
   * The request's headers. `Host` is what the target names where that is a whole
   * URL, whatever the client sent beside it (RFC 9112, section 3.2.2).
   *
   * @returns The same object for the whole request.
   */
  get headers(): Headers {
    return this[SCOPE]?.headers ?? (this.#noHeaders ??= new Headers());
  }

  /**
   * Whether the client speaks TLS to the server.
   *
   * @returns Whether the connection is encrypted.
   */
  get encrypted(): boolean {
    return isEncrypted(this.request);
  }

  /**
   * Who the client is that a trusted proxy has forwarded this request for, as
   * {@linkcode BaseHTTPRequestHandler.forwarded} of the class says.
   *
   * @returns What is told of it; `undefined` where nothing is, or nobody is trusted.
   */
  get forwarded(): ForwardedClient | undefined {
    const { forwarded } = this.constructor as typeof BaseHTTPRequestHandler;
    if (forwarded === undefined) return undefined;
    const of = this[SCOPE]?.rawHeaders ?? this.#refused;
    if (this.#forwarded?.of !== of) {
      const client = forwardedClient(forwarded, this.clientAddress, of);
      this.#forwarded = { of, client };
    }
    return this.#forwarded.client;
  }

  /**
   * Reads the body of the request, decoded. A client that waits to be told so
   * (`Expect: 100-continue`) is told at the first read, or by a response with a
   * status below 400. Behind the response no more is read: `BadResource`.
   *
   * `readAll()` and `readExactly(n)` are bounded by `maxBodySize` alone, past
   * which a request is answered with 413. The reader's own `limit` is for lines
   * and what else has no announced length.
   *
   * @returns The reader of this request.
   */
  get rfile(): StreamReader {
    if (this.#late !== undefined) return lateReader(this);
    if (this.#rfile === undefined) {
      this.#rfile = new BodyReader(this.#connection.bodyOf(this.#incoming));
      this.#rfile[OWN](this);
    }
    return this.#rfile;
  }

  /**
   * Writes the body of the response, after `endHeaders`.
   *
   * @returns The writer of this response.
   */
  get wfile(): StreamWriter {
    if (this.#late !== undefined) return lateWriter(this);
    if (this.#wfile === undefined) {
      this.#wfile = new StreamWriter(this.#responseBody());
      this.#wfile[OWN](this);
    }
    return this.#wfile;
  }

  /**
   * Aborted when the request is over before it is answered: when its client ends
   * or resets the connection, on a timeout, when a shutdown's grace period ends.
   * Each request has a signal of its own, which nothing aborts any more when the
   * request has been answered.
   *
   * A client's leave is noticed when its body has been read, and unless it has
   * sent more than 16 KiB behind this request. One that only ends its side, and waits
   * for its answer all the same, cannot be told from one that has gone:
   * {@linkcode BaseHTTPRequestHandler.allowHalfOpen} has such a client waited on.
   *
   * @returns The signal of this request; where there is none, of the connection.
   */
  override get signal(): AbortSignal {
    return this[SCOPE]?.signal ?? super.signal;
  }

  /**
   * Aborted when the server begins to shut down. A response that would go on for
   * long, a stream of events, should then come to its end; the others have the
   * grace period for theirs.
   *
   * @returns The signal of this connection.
   */
  get shutdownSignal(): AbortSignal {
    if (this.#shutdown === undefined) {
      this.#shutdown = new AbortController();
      if (this.#patience !== undefined) this.#shutdown.abort(shuttingDown());
    }
    return this.#shutdown.signal;
  }

  /** @ignore */
  override get [UNSENT](): Unsent | undefined {
    return this.#takeover?.unsent ?? this.#out;
  }

  /** @ignore */
  override [ABORT](reason: unknown): void {
    super[ABORT](reason);
    // Its method may never return.
    this.#entry?.write(this, this[STATUS]);
    this.#takeover?.abort();
  }

  /** @ignore */
  override [CLOSING](): Closing {
    return this.#takeover?.closing ?? super[CLOSING]();
  }

  /**
   * Serves the connection: request after request, until the client or the
   * server ends it.
   *
   * @returns A promise that resolves when the last response is sent.
   */
  override async handle(): Promise<void> {
    // What is written is whole, and to wait for more of it would be in vain.
    (this.request as Partial<Deno.TcpConn>).setNoDelay?.(true);
    const limits = limitsFor(this.#own);
    this.#isOldProtocol = this.#own.protocolVersion === "HTTP/1.0";
    const { requestTimeout = Infinity } = this.server;
    this.#requestTimeout = Math.min(limits.requestTimeout, requestTimeout);
    const { accessLog } = this.constructor as typeof BaseHTTPRequestHandler;
    if (accessLog !== undefined && accessLog !== false) {
      this.#log = accessLog;
      if (this[TRAFFIC] === undefined) this.#traffic = ownTraffic();
    }
    const connection = this.#connection = new HTTPConnection(
      this.request,
      limits,
      this.#owner,
      this[TRAFFIC],
    );
    // The shutdown may have begun before there was anything to drain.
    if (this.#patience !== undefined) connection.drain(this.#patience);
    try {
      const interrupted = await new Promise<Interruption | void>(
        (resolve, reject) => {
          this.#interrupt = resolve;
          this.#serveAll(connection).then(resolve, reject);
        },
      );
      if (interrupted === undefined) return;
      const { answer } = interrupted;
      if (answer === undefined) await connection.leave();
      else await this.#refuse(answer);
    } finally {
      connection.close();
      await connection.lookingOut;
    }
  }

  /** Serves one request after the other, unless it is interrupted. */
  async #serveAll(connection: HTTPConnection): Promise<void> {
    const handle = () => this.handleOneRequest();
    do {
      let incoming: IncomingRequest | undefined;
      try {
        const asking = connection.ask();
        if (asking !== undefined) {
          const n = await asking;
          if (connection.givenUp) return;
          incoming = connection.took(n);
        }
      } catch (error) {
        if (connection.givenUp) return;
        connection.failed(error);
      }
      if (incoming === undefined) {
        try {
          incoming = await connection.next();
        } catch (error) {
          if (!(error instanceof HTTPError)) throw error;
          return await this.#refuse(error);
        }
        if (incoming === undefined) return await connection.leave();
      }
      // Only then can its answer say whether it is the last.
      if (connection.lookingOut) {
        await connection.lookingOut;
        // That may have been longer than most requests take.
        connection.note();
      }
      this.#begin(incoming);
      const scope = this.#scope!;
      const trace = tracing === undefined ? undefined : this.#trace(incoming);
      const entry = this.#log === undefined
        ? undefined
        : this.#enter(this.#log, scope.rawHeaders);
      const { expect } = incoming;
      const isUnmarked = !this[IN_REACH] && !incoming.upgrades &&
        expect === undefined && trace === undefined;
      let failure: { readonly error: unknown } | undefined;
      if (isUnmarked) beginUnmarked();
      try {
        try {
          if (expect !== undefined && expect !== "100-continue") {
            throw new HTTPError(417);
          }
          if (this.#requestTimeout !== Infinity) this.#limitTime(scope);
          this.#gathers = true;
          const call = expect === undefined
            ? handle
            : () => this.#handleExpecting();
          const served = isUnmarked ? handle() : serving.run(
            scope,
            trace === undefined ? call : () => trace.run(call),
          );
          if (served !== undefined) {
            this.#gathers = false;
            this.#body?.release();
            connection.note();
            await this.#inTime(served);
          }
          if (
            this.#ready === undefined && this.#takeover === undefined &&
            (!this.#head.isSent || this.#body !== undefined)
          ) {
            const finished = this.#finishResponse();
            this.#gathers = false;
            if (finished !== undefined) await this.#inTime(finished);
          }
          this.#gathers = false;
          const ready = this.#ready;
          if (ready !== undefined) {
            const before = this.#out;
            // Interim responses, or some of the head, may have been sent before it.
            if (before !== undefined && before.bufferedAmount > 0) {
              await this.#inTime(before.flush());
            }
            let left = ready;
            if (this.#timedOut === undefined) {
              let taken: number;
              try {
                taken = await connection.beginWrite(ready);
              } catch (error) {
                connection.notWritten(error);
              }
              connection.wrote(taken, ready.length);
              left = taken === ready.length ? NOTHING : ready.subarray(taken);
            }
            if (left.length > 0) await this.#inTime(connection.write(left));
            const following = this.#following;
            if (following !== undefined) {
              await this.#inTime(connection.write(following));
            }
            this.#ready = this.#following = undefined;
            if (this.#borrowed !== undefined) returnMemory(this.#borrowed);
            this.#borrowed = undefined;
          }
          this.#answered(true);
        } catch (error) {
          this.#gathers = false;
          this.#body?.release();
          trace?.failed(error);
          if (this.#takeover === undefined) {
            await this.#answerFailure(error, scope);
          } else failure = { error };
        }
        if (this.#takeover !== undefined) {
          await this.#takeover.ended(failure).catch((error) => {
            if (failure === undefined) trace?.failed(error);
            this.#answered(false);
            throw error;
          });
        }
      } finally {
        trace?.end(this[STATUS], scope.isAnswered);
        if (entry !== undefined) this.#leaveLog(entry);
        if (isUnmarked) endUnmarked();
        // What was not sent may be read from still.
        if (this.#borrowed !== undefined) forgetMemory();
        this.#borrowed = undefined;
        scope.end();
        this.#rfile?.[LEAVE]();
        this.#scope = this.#overdue = this.#timedOut = undefined;
      }
    } while (
      !this.closeConnection && this.#takeover === undefined &&
      (this.#incoming.complete || await connection.discardBody())
    );
  }

  /** @ignore */
  override [SETTLE](failed: boolean): void | Promise<unknown> {
    const settled = this.#takeover?.settle(failed);
    const sent = failed ? undefined : this.#out?.[END]();
    return settled ?? sent;
  }

  /**
   * Ends the connection when the requests have been answered that have come, and
   * now if there are none: what a connection that is kept alive is for is over.
   * The first request of a connection is waited for as its limits say.
   *
   * @param gracePeriod How long the shutdown waits, in milliseconds.
   */
  override onShutdown(gracePeriod: number = Infinity): void {
    this.#patience ??= gracePeriod / 2;
    this.#connection?.drain(this.#patience);
    this.#takeover?.shutDown();
    this.#shutdown?.abort(shuttingDown());
  }

  /**
   * Takes the connection over from HTTP, to speak another protocol on it: for a
   * request that asks for that (`Upgrade`, RFC 9110, section 7.8), or for a tunnel
   * (CONNECT, section 9.3.6). No byte is lost: what had been read behind the
   * request comes first. HTTP reads and writes nothing more.
   *
   * Send the response before, with 101 or, to CONNECT, 200, by `sendResponse`,
   * `sendHeader` and `endHeaders`; or write all of it to the connection itself.
   *
   * The connection is the handler's until the promise of its method resolves, or
   * of `fetch`. Then what was written is sent, and the connection is closed. Until
   * then the times and limits of HTTP count no more, `requestTimeout` neither, but
   * those of the server do: `idleTimeout` closes a connection that is silent both
   * ways, and a shutdown aborts it after the grace period. `onShutdown` and
   * `shutdownSignal` tell that one has begun. `signal` is aborted when `rfile` or
   * `wfile` meets an error, and when the server aborts the connection.
   *
   * @returns The connection, and streams that read and write it.
   * @throws {Error} If the request asks for nothing of that kind, if its body has
   * not all come, if another response was begun, or if the connection was taken
   * over already.
   * @throws {Deno.errors.BadResource} If the request is over.
   *
   * @example A protocol of its own
   * ```ts
   * import { BaseHTTPRequestHandler } from "@wire/socketserver/http";
   * import { TCPServer } from "@wire/socketserver";
   * import { strictEqual } from "node:assert";
   *
   * class Echo extends BaseHTTPRequestHandler {
   *   async doGET(): Promise<void> {
   *     this.sendResponse(101);
   *     this.sendHeader("Connection", "Upgrade");
   *     this.sendHeader("Upgrade", "echo");
   *     this.endHeaders();
   *     const { rfile, wfile } = this.hijack();
   *     for await (const line of rfile) await wfile.write(`${line}\n`);
   *   }
   *   override logMessage(): void {}
   * }
   *
   * await using server = new TCPServer({ hostname: "127.0.0.1", port: 0 }, Echo);
   * server.serveForever();
   *
   * using client = await Deno.connect(server.addr);
   * await client.write(new TextEncoder().encode(
   *   "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello\n",
   * ));
   * await client.closeWrite();
   * const answer = await new Response(client.readable).text();
   * strictEqual(answer.slice(0, 13), "HTTP/1.1 101 ");
   * strictEqual(answer.endsWith("\r\n\r\nhello\n"), true);
   * ```
   */
  hijack(): HijackedConnection<Address> {
    return this[TAKE_OVER]().hijacked;
  }

  /**
   * Serves one request: calls the method that is named after the request's.
   *
   * @returns Nothing, or a promise to wait for.
   */
  handleOneRequest(): void | Promise<void> {
    const method = (this as unknown as Record<string, unknown>)[
      `do${this.command}`
    ];
    if (typeof method !== "function") {
      return this.sendError(501, `Unsupported method ("${this.command}")`);
    }
    return method.call(this);
  }

  /**
   * Called for a request with `Expect: 100-continue`, whose client waits to be
   * told to send its body, before the method that is named after the request's.
   * A subclass may refuse the body: it sends a response and returns false.
   *
   * The base sends nothing and returns true: the client is told to go on when
   * `rfile` is first read. To tell it before, call `sendResponseOnly(100)` and
   * `endHeaders()`.
   *
   * @returns Whether the request is to be served, or a promise of that.
   */
  handleExpect100(): boolean | Promise<boolean> {
    return true;
  }

  /**
   * Begins a response: its status line, `Server` and `Date`. Also logs the
   * request.
   *
   * @param status The status, 200 to 999; 101 where the connection is then taken
   * over by {@linkcode BaseHTTPRequestHandler.hijack}.
   * @param message The reason phrase; by default the status's own.
   * @throws {Error} If a response was begun already.
   * @throws {RangeError} If the status is out of range.
   * @throws {TypeError} If the message holds a line ending.
   */
  sendResponse(status: number, message?: string): void {
    if (
      isInterim(status) && !this.#head.endsInterim && !this.#switches(status)
    ) {
      throw new RangeError(
        `Cannot send a response of status ${status}: ${
          status === 101
            ? "the request asks for no upgrade"
            : "it would not be the last of this request; call sendResponseOnly() instead"
        }`,
      );
    }
    this.#beginResponse(status, message);
    this.logRequest(status);
    const version = this.versionString();
    if (version !== "") this.sendHeader("Server", version);
    this.sendHeader("Date", this.dateTimeString());
  }

  /**
   * Begins a response with its status line alone, and does not log it.
   *
   * With a status from 100 to 199, 101 excepted, it is an interim response:
   * `endHeaders()` sends it, and the response to the request is still to be
   * begun. `103` with `Link` headers tells a browser what it is going to need
   * (RFC 8297). A client of HTTP/1.0, which would take it for the last, is sent
   * none (RFC 9110, section 15.2).
   *
   * @param status The status, 100 to 999; 101 as in `sendResponse`.
   * @param message The reason phrase; by default the status's own.
   * @throws {Error} If a response was begun already.
   * @throws {RangeError} If the status is out of range.
   * @throws {TypeError} If the message holds a line ending.
   */
  sendResponseOnly(status: number, message?: string): void {
    if (status === 101 && !this.#switches(status)) {
      throw new RangeError(
        "Cannot send a response of status 101: the request asks for no upgrade",
      );
    }
    this.#beginResponse(status, message);
  }

  /**
   * Adds a header to the response that was begun.
   *
   * `Content-Length` must be what is then written. `Transfer-Encoding` may only
   * be `chunked`, and need not be sent: `wfile` makes the chunks.
   *
   * @param name Its name.
   * @param value Its value.
   * @throws {Error} If no response was begun, or its headers are sent.
   * @throws {TypeError} If the name is no token, or the value holds a line
   * ending or another control character.
   */
  sendHeader(name: string, value: string): void {
    if (!this.#isOpen) this.#refuseField(`send the header "${name}"`);
    this.#head.add(name, value, this.command);
    if (this.#head.saysClose) this.closeConnection = true;
  }

  /**
   * Ends the headers of the response and sends them, together with what of the
   * body is written at once.
   *
   * @throws {Error} If no response was begun, or its headers are sent.
   */
  endHeaders(): void {
    if (!this.#isOpen) this.#refuseField("end the headers");
    const head = this.#head;
    if (head.isFollowed) return this.#sendInterim();
    const go = this.#connection.takeContinue(head.status);
    const framing = head.frame(
      this.command,
      this.requestVersion === "HTTP/1.1" && !this.#isOldProtocol,
    );
    if (framing.by === "close" || this.#connection.ending) {
      this.closeConnection = true;
    }
    head.endConnection(
      this.command,
      this.closeConnection,
      this.requestVersion === "HTTP/1.0",
    );
    head.isSent = head.isBegun = true;
    const text = `${go}${head.text}\r\n`;
    this.#entry?.headSent(text.length);
    const body = this.#responseBody();
    body.start(framing);
    body.gather(text);
    if (!this.#gathers || framing.by === "close") body.release();
  }

  /**
   * Sends what there is of the headers, before they are complete: others may
   * follow, and `endHeaders()` ends them. A response that is slow to be made
   * shows its client so that it was begun; it can then not become another one.
   * An interim response is sent whole, by `endHeaders()`.
   *
   * @throws {Error} If no response was begun, or its headers are sent.
   */
  flushHeaders(): void {
    if (!this.#isOpen) this.#refuseField("send the headers");
    const head = this.#head;
    if (head.isFollowed || head.text === "") return;
    const go = this.#connection.takeContinue(head.status);
    head.isBegun = true;
    const begin = encodeHead(`${go}${head.text}`);
    this.#entry?.headSent(begin.length);
    this.#output().write(begin);
    head.text = "";
  }

  /**
   * Sends a whole response that tells of an error, and logs it. One that has no
   * content, to HEAD and with 1xx, 204, 205 or 304, is sent without the page.
   * With 1xx, of which no client expects to be the last, the connection ends.
   *
   * @param status The status, 100 to 999, and mostly 400 to 599.
   * @param message What is wrong, for the client; by default the status's own
   * phrase.
   * @param explain More about it; by default what
   * {@linkcode BaseHTTPRequestHandler.responses} says of the status.
   * @returns A promise that resolves when it is sent. It rejects with
   * `RangeError` if the status is out of range, or is 1xx and the client speaks
   * HTTP/1.0, and with `Error` if a response was begun already.
   */
  async sendError(
    status: number,
    message: string = this.#own.responses[status]?.[0] ?? "Error",
    explain: string = this.#own.responses[status]?.[1] ?? "",
  ): Promise<void> {
    this.#requireInTime(`send an error of status ${status}`);
    await this.#sendError({ status, message, headers: {} }, explain);
  }

  /**
   * The body of the response that tells of an error: `errorMessageFormat` with
   * what it is about.
   *
   * @param status The status.
   * @param message What is wrong, not escaped.
   * @param explain More about it, not escaped.
   * @returns A page of HTML.
   */
  errorPage(status: number, message: string, explain: string): string {
    return formatError(this.#own.errorMessageFormat, {
      code: status,
      message,
      explain,
    });
  }

  /**
   * Called for each response, with its status, when that is begun. Logs the
   * request's first line, the status and the size, `-` for what is not known,
   * unless {@linkcode BaseHTTPRequestHandler.accessLog} of the class is set.
   *
   * @param code The status.
   * @param size How many bytes the body has. Responses are logged when they
   * begin, and not told.
   */
  logRequest(code: number | string = "-", size: number | string = "-"): void {
    if (this.#own.accessLog !== undefined) return;
    this.logMessage(`"${this.requestLine || "-"}" ${code} ${size}`);
  }

  /**
   * Called for each response that tells of an error. The base logs it, whatever
   * {@linkcode BaseHTTPRequestHandler.accessLog} is: an override that does nothing
   * silences it.
   *
   * @param message What was wrong.
   */
  logError(message: string): void {
    this.logMessage(message);
  }

  /**
   * Writes one line to stderr: the client's address, the time and the message.
   * Characters that a terminal would act on are escaped.
   *
   * @param message The message.
   */
  logMessage(message: string): void {
    console.error(
      `${escapeLine(this.addressString())} - - [${this.logDateTimeString()}] ${
        escapeLine(message)
      }`,
    );
  }

  /**
   * What `Server` says. The base names `serverVersion` and `sysVersion`: this
   * module and Deno. An empty string sends no such header.
   *
   * @returns The text.
   */
  versionString(): string {
    const { serverVersion, sysVersion } = this.#own;
    return serverVersion === "" || sysVersion === ""
      ? serverVersion + sysVersion
      : `${serverVersion} ${sysVersion}`;
  }

  /**
   * A time in the form that HTTP headers have, RFC 9110, section 5.6.7.
   *
   * @param time Milliseconds since the epoch; by default now.
   * @returns The text.
   */
  dateTimeString(time?: number): string {
    return time === undefined ? currentDate() : new Date(time).toUTCString();
  }

  /**
   * The current time as it is logged: ISO 8601, in UTC.
   *
   * @returns The text.
   */
  logDateTimeString(): string {
    return new Date().toISOString();
  }

  /**
   * The client's address as it is logged. Where a trusted proxy tells who its
   * client is, that is it.
   *
   * @returns An IP address or a path, or another name that a proxy has given it.
   */
  addressString(): string {
    const { forwarded } = this;
    if (forwarded !== undefined) return forwarded.name;
    const address = this.clientAddress as Deno.Addr;
    if ("hostname" in address) return address.hostname;
    return "path" in address && address.path ? address.path : "unix";
  }

  #begin(incoming: IncomingRequest): void {
    this.#incoming = incoming;
    this.command = incoming.method;
    this.path = incoming.target;
    this.requestVersion = versionName(incoming.minorVersion);
    this.closeConnection = !incoming.keepAlive || this.#isOldProtocol;
    this.#rfile = undefined;
    this.#clearResponse();
    this.#scope = new RequestScope(this.#owner, incoming, this.#mark);
  }

  /** Has what aborts the connection's signal abort the request's. */
  #followConnection(): void {
    if (this.#followsConnection) return;
    this.#followsConnection = true;
    const signal = super.signal;
    const follow = () => this.#scope?.abort(signal.reason);
    signal.addEventListener("abort", follow, { once: true });
    if (signal.aborted) follow();
  }

  #clearResponse(): void {
    this.#head.clear();
    this.#wfile =
      this.#body =
      this.#ready =
      this.#following =
        undefined;
  }

  get #own(): typeof BaseHTTPRequestHandler {
    return this.constructor as typeof BaseHTTPRequestHandler;
  }

  /** What the response that was begun may have behind its head. */
  #content(): Content {
    return this.#head.content(this.command);
  }

  /** Whether a response changes the protocol, as the request asks for. */
  #switches(status: number): boolean {
    return status === 101 && this.#incoming.upgrades;
  }

  #beginResponse(status: number, message: string | undefined): void {
    this.#requireInTime(`send a response of status ${status}`);
    if (this.#head.status !== 0) {
      throw this.#misused(
        `Cannot send a response of status ${status}: one of status ${this.#head.status} was begun`,
      );
    }
    const own = this.#own;
    // HTTP/1.0 has none of 1xx, and whoever is sent one speaks HTTP/1.1.
    const version = this.#isOldProtocol && !isInterim(status)
      ? "HTTP/1.0"
      : "HTTP/1.1";
    if (message === undefined && own.responses !== RESPONSES) {
      message = own.responses[status]?.[0];
    }
    this.#head.begin(status, message, version);
  }

  /** Sends a response that others follow. */
  #sendInterim(): void {
    const head = `${this.#head.text}\r\n`;
    // Whoever sends it is about to have said what the client waits for.
    if (this.#head.status === 100) this.#connection.takeContinue();
    this.#clearResponse();
    if (this.requestVersion === "HTTP/1.1") {
      this.#output().write(encodeHead(head));
    }
  }

  /** The request of the code that runs, where that is an earlier one. */
  get #late(): RequestScope | undefined {
    // What runs then has been called by it.
    if (this.#gathers) return undefined;
    const calling = serving.getStore();
    return calling === undefined || calling === this.#scope ||
        calling.connection !== this.#mark
      ? undefined
      : calling;
  }

  /** @throws {Deno.errors.BadResource} If the request of who calls is over. */
  #requireInTime(what: string): void {
    if (this.#late === undefined) {
      if (this.#takeover === undefined) return;
      throw this.#misused(`Cannot ${what}: the connection was taken over`);
    }
    const error = requestOverError(what);
    markLeftBehind(error, this);
    throw error;
  }

  /** Whether the head of a response is being made, by who may make it. */
  get #isOpen(): boolean {
    return this.#late === undefined && this.#takeover === undefined &&
      this.#head.isOpen;
  }

  /** @throws {Error} Always: the head of the response is not open to who calls. */
  #refuseField(what: string): never {
    this.#requireInTime(what);
    throw this.#misused(`Cannot ${what}: ${this.#head.fault}`);
  }

  /** A call out of order, mostly by what a handler has not awaited. */
  #misused(message: string): Error {
    const error = new Error(message);
    markLeftBehind(error, this);
    return error;
  }

  /** Serves a request whose client waits to be told to send its body. */
  async #handleExpecting(): Promise<void> {
    // RFC 9110, section 10.1.1: that of HTTP/1.0 is ignored.
    const goesOn = this.#incoming.minorVersion === 0 ||
      await this.handleExpect100();
    if (typeof goesOn !== "boolean") {
      throw new TypeError(
        `Cannot answer ${this.command} ${this.path}: handleExpect100() must return true or false, returned ${
          inspectBounded(goesOn)
        }`,
      );
    }
    if (goesOn) await this.handleOneRequest();
  }

  /** Answers a request whose method has failed. */
  async #answerFailure(error: unknown, scope: RequestScope): Promise<void> {
    // What failed on its way to the client cannot be told to the client.
    const answer = !this.#head.isBegun;
    if (scope.isClientEnd(error)) {
      // Nobody is there to be told, and nothing has failed.
      this.closeConnection = true;
      return;
    }
    if (answer) this.#clearResponse();
    if (answer && error instanceof HTTPError) {
      return await this.#answer(error);
    }
    this.closeConnection = true;
    if (answer) await this.#answer(new HTTPError(scope.over ? 503 : 500));
    throw error;
  }

  /** Begins the trace of a request, if it is to have one. */
  #trace(
    { method = "", target = "", host, minorVersion = 1, rawHeaders = [] }:
      Partial<IncomingRequest>,
  ): RequestTrace | undefined {
    return tracing!.request(this, {
      ...{ method, target, host, rawHeaders, encrypted: this.encrypted },
      version: `1.${minorVersion}`,
    });
  }

  /** Notes a request that is going to be logged. */
  #enter(
    log: Exclude<AccessLog, false>,
    rawHeaders: readonly string[],
  ): RequestEntry {
    return this.#entry = new RequestEntry(log, {
      method: this.command,
      target: this.path,
      protocol: this.requestVersion,
      rawHeaders,
    }, this[TRAFFIC]!);
  }

  /** Logs a request that is over. */
  #leaveLog(entry: RequestEntry): void {
    entry.write(this, this[STATUS]);
    this.#entry = undefined;
  }

  /**
   * Has the request end when it has taken `requestTimeout`. A handler that goes
   * on afterwards is not waited for, and finds that its request is finished.
   */
  #limitTime(scope: RequestScope): void {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(ignore);
    this.#timedOut = promise;
    this.#overdue = () => {
      const error = new DOMException(
        `The request took longer than requestTimeout, ${this.#requestTimeout} ms`,
        "TimeoutError",
      );
      scope.abort(error);
      scope.end();
      // What was begun ends here: its end would make it look whole.
      if (this.#head.isBegun) this.#out?.[END]()?.catch(ignore);
      reject(error);
    };
    this.#connection.limitRequest(this.#requestTimeout);
  }

  /** Waits for what is done for the request, but no longer than it may take. */
  #inTime(work: Promise<unknown>): Promise<unknown> {
    return this.#timedOut === undefined
      ? work
      : Promise.race([work, this.#timedOut]);
  }

  #finishResponse(): void | Promise<void> {
    const head = this.#head;
    if (head.status === 0 || head.isFollowed) {
      throw new Error(
        `Cannot finish the response to ${this.command} ${this.path}: the handler sent none; await what it starts, or extend FetchRequestHandler to return a Response`,
      );
    }
    if (head.status === 101 && !head.endsInterim) {
      throw new Error(
        `Cannot finish the response to ${this.command} ${this.path}: it was 101, and nobody has taken the connection over; call hijack()`,
      );
    }
    // A write that was refused is told before a head that would hide it.
    const ended = this.#wfile?.[END]();
    return ended === undefined
      ? this.#endResponse()
      : ended.then(() => this.#endResponse());
  }

  /** Ends the headers and the body, and has a response sent that is whole. */
  #endResponse(): void | Promise<void> {
    if (!this.#head.isSent) {
      if (this.#head.lacksLength(this.command)) {
        this.sendHeader("Content-Length", "0");
      }
      this.endHeaders();
    }
    const body = this.#body;
    body?.end();
    const head = body?.gatheredHead;
    if (body === undefined || head === undefined) return this.#out?.flush();
    this[SEND_WHOLE](head, body.gatheredText);
    // It has been taken over.
    this.#body = undefined;
  }

  /** Answers what cannot be read as a request, or comes too slowly. */
  async #refuse(error: HTTPError): Promise<void> {
    // Its method decides what the answer may have, even where it is refused.
    const refused: Partial<IncomingRequest> = this.#connection.refused ?? {};
    const { method = "", target = "", minorVersion = 1, rawHeaders = [] } =
      refused;
    this.#refused = rawHeaders;
    const trace = tracing === undefined ? undefined : this.#trace(refused);
    this.command = method;
    this.path = target;
    this.requestVersion = versionName(minorVersion);
    this.#clearResponse();
    this.closeConnection = true;
    const entry = this.#log === undefined
      ? undefined
      : this.#enter(this.#log, rawHeaders);
    try {
      await this.#answer(error);
    } finally {
      trace?.end(this[STATUS], true);
      if (entry !== undefined) this.#leaveLog(entry);
    }
  }

  async #answer(error: HTTPError): Promise<void> {
    await this.#sendError(
      error,
      this.#own.responses[error.status]?.[1] ?? "",
    );
    await this.#finishResponse();
    this.#answered(true);
  }

  /** Takes note of whether all of the response was written. */
  #answered(isWhole: boolean): void {
    this.#scope?.answered(isWhole);
    if (this.#entry !== undefined) this.#entry.complete = isWhole;
  }

  async #sendError(
    error: Pick<HTTPError, "status" | "message" | "headers">,
    explain: string,
  ): Promise<void> {
    const { status, message, headers } = error;
    // What was written before there was a head has broken the writer.
    if (!this.#head.isSent) this.#wfile = this.#body = undefined;
    if (isInterim(status)) {
      if (this.requestVersion !== "HTTP/1.1") {
        throw new RangeError(
          `Cannot send an error of status ${status}: the client speaks HTTP/1.0, which has no status below 200`,
        );
      }
      if (this.#head.status === 0) {
        this.#head.endsInterim = this.closeConnection = true;
      }
    }
    this.logError(`code ${status}, message ${message}`);
    this.sendResponse(status, asPhrase(message));
    for (const [name, value] of Object.entries(headers)) {
      this.sendHeader(name, value);
    }
    const content = this.#content();
    if (content === "none" || content === "empty") return this.endHeaders();
    const page = new TextEncoder().encode(
      this.errorPage(status, message, explain),
    );
    this.sendHeader("Content-Type", this.#own.errorContentType);
    this.sendHeader("Content-Length", String(page.length));
    this.endHeaders();
    await this.wfile.write(page);
  }

  #output(): StreamWriter {
    if (this.#out === undefined) {
      this.#out = new StreamWriter(this.#connection, { limit: Infinity });
      this.#out[OWN](this);
    }
    return this.#out;
  }

  #responseBody(): ResponseBody {
    return this.#body ??= new ResponseBody(this.#output());
  }
}

function limitsFor(Handler: typeof BaseHTTPRequestHandler): HTTPLimits {
  let limits = limitsOf.get(Handler);
  if (limits === undefined) {
    limits = completeHTTPLimits(Handler.limits);
    limitsOf.set(Handler, limits);
  }
  return limits;
}

/** What `shutdownSignal` is aborted with. */
function shuttingDown(): DOMException {
  return new DOMException("The server shuts down", "AbortError");
}

function versionName(minorVersion: number): string {
  return minorVersion === 1 ? "HTTP/1.1" : "HTTP/1.0";
}

/** What is for the client to read may be more than a status line may hold. */
function asPhrase(message: string): string {
  return message.replaceAll(/[^\t\x20-\x7e]+/g, " ");
}
