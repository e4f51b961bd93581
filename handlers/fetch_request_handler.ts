import {
  BaseHTTPRequestHandler,
  connectionOf,
  incomingOf,
  writeRaw,
} from "./base_http_request_handler.ts";
import { currentDate, encodeHead, statusLine } from "./_http/head.ts";
import type { IncomingRequest } from "./_http/request_parser.ts";
import { HTTPError } from "./http_error.ts";
import type { HTTPLimits } from "./http_limits.ts";

/**
 * A function that answers requests, as `Deno.serve` takes it. It also receives
 * the handler, which knows the client's address and the connection's signal.
 */
export type FetchFunction = (
  request: Request,
  handler: FetchRequestHandler<Deno.Addr>,
) => Response | Promise<Response>;

/** A class of handlers that answer with `fetch`. */
export type FetchRequestHandlerClass = typeof FetchRequestHandler;

/** A chunk up to this size goes out together with the head, in bytes. */
const JOIN_UP_TO = 64 * 1024;

/**
 * A handler of HTTP that answers a `Request` with a `Response`.
 *
 * Bodies stream both ways, with backpressure. A response whose body is known
 * whole gets a `Content-Length`. What the handler throws is answered with 500,
 * an {@linkcode HTTPError} with its own status.
 *
 * `request.signal` is aborted when the client resets the connection, and when
 * the request is ended by a timeout or by a shutdown's grace period.
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
export class FetchRequestHandler<Address extends Deno.Addr = Deno.Addr>
  extends BaseHTTPRequestHandler<Address> {
  /**
   * Makes a handler class of a function.
   *
   * @param answer The function.
   * @param limits What a client may ask for.
   * @returns A handler class, for every kind of server whose handlers run in
   * this thread.
   */
  static from(
    answer: FetchFunction,
    limits: Partial<HTTPLimits> = {},
  ): FetchRequestHandlerClass {
    return class FetchFunctionHandler<Address extends Deno.Addr = Deno.Addr>
      extends FetchRequestHandler<Address> {
      static override readonly limits = limits;
      override fetch(request: Request): Response | Promise<Response> {
        return answer(request, this);
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
   * Serves one request with `fetch`.
   *
   * @returns A promise that resolves when the response is sent.
   */
  override async handleOneRequest(): Promise<void> {
    const request = this.#request();
    const answered = this.fetch(request);
    const response = answered instanceof Promise ? await answered : answered;
    if (!(response instanceof Response)) {
      throw new TypeError(
        `Cannot answer ${this.command} ${this.path}: the handler returned ${
          Deno.inspect(response)
        }, not a Response`,
      );
    }
    await this.#respond(response);
  }

  /** Does nothing: unlike its base, this handler logs only errors. */
  override logRequest(_status: number): void {}

  /** Does nothing: a client's mistakes are the client's. */
  override logError(_message: string): void {}

  /**
   * As the base's. This handler does not name the server.
   *
   * @returns An empty string.
   */
  override versionString(): string {
    return "";
  }

  #request(): Request {
    const incoming = incomingOf(this);
    const { rawHeaders } = incoming;
    const headers: [string, string][] = [];
    for (let i = 0; i < rawHeaders.length; i += 2) {
      headers.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
    }
    const url = targetUrl(incoming, this.encrypted);
    const method = incoming.method;
    try {
      if (!incoming.hasBody) {
        return new ServedRequest(this, url, { method, headers });
      }
      return new ServedRequest(this, url, {
        method,
        headers,
        body: method === "GET" || method === "HEAD" ? null : this.#body(),
      });
    } catch (cause) {
      // The URL was checked, so it is the method: CONNECT, TRACE or TRACK.
      throw new HTTPError(501, `Unsupported method ("${method}")`, { cause });
    }
  }

  #body(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const connection = connectionOf(this);
    const incoming = incomingOf(this);
    return new ReadableStream({
      pull: async (controller) => {
        // Of a request that is over nothing is read any more.
        const chunk = incomingOf(this) === incoming
          ? await connection.readChunk()
          : null;
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
    }, { highWaterMark: 0 });
  }

  async #respond(response: Response): Promise<void> {
    const { status } = response;
    if (status === 0 || response.type === "error") {
      throw new TypeError(
        `Cannot answer ${this.command} ${this.path}: Response.error() has no status`,
      );
    }
    let head = statusLine(status, response.statusText || undefined);
    let length: number | undefined;
    let dated = false;
    for (const [name, value] of response.headers) {
      switch (name) {
        case "content-length":
          if (!/^\d{1,15}$/.test(value)) {
            throw new TypeError(
              `Cannot answer ${this.command} ${this.path}: the response's Content-Length is "${value}"`,
            );
          }
          length = Number(value);
          continue;
        case "transfer-encoding":
          // How the body is framed is decided here.
          continue;
        case "connection":
          if (/(^|,)[ \t]*close[ \t]*(,|$)/i.test(value)) {
            this.closeConnection = true;
          }
          continue;
        case "date":
          dated = true;
      }
      head += `${name}: ${value}\r\n`;
    }
    if (!dated) head += `date: ${currentDate()}\r\n`;
    const { draining, continueOwed } = connectionOf(this);
    if (draining || continueOwed) this.closeConnection = true;
    const bodyless = status === 204 || status === 304;
    if (response.body === null || bodyless || this.command === "HEAD") {
      await response.body?.cancel();
      if (!bodyless) {
        const known = response.body === null ? length ?? 0 : length;
        if (known !== undefined) head += `content-length: ${known}\r\n`;
      }
      return void await writeRaw(this, encodeHead(this.#endHead(head)));
    }
    await this.#stream(head, response.body, length);
  }

  /** Sends a head and the body behind it. */
  async #stream(
    head: string,
    body: ReadableStream<Uint8Array>,
    length: number | undefined,
  ): Promise<void> {
    const reader = body.getReader();
    try {
      let read = await reader.read();
      let following: Promise<ReadableStreamReadResult<Uint8Array>> | undefined;
      if (length === undefined && !read.done) {
        // A body that was given whole ends at once behind its only chunk.
        following = reader.read();
        const next = await settledAtOnce(following);
        if (next?.done) length = read.value.length;
      }
      if (length === undefined && read.done) length = 0;
      let chunked = false;
      if (length !== undefined) head += `content-length: ${length}\r\n`;
      else if (this.requestVersion === "HTTP/1.1") {
        chunked = true;
        head += "transfer-encoding: chunked\r\n";
      } else this.closeConnection = true;
      let before = encodeHead(this.#endHead(head));
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
          await this.#write(before, chunk, chunked);
          before = NOTHING;
        } else if (before.length > 0) {
          await writeRaw(this, before);
          before = NOTHING;
        }
        read = await (following ?? reader.read());
        following = undefined;
      }
      if (length !== undefined && sent < length) {
        throw new Error(
          `Cannot answer ${this.command} ${this.path}: the body ended after ${sent} bytes, its Content-Length is ${length}`,
        );
      }
      if (chunked) await writeRaw(this, LAST_CHUNK);
      else if (before.length > 0) await writeRaw(this, before);
    } catch (error) {
      await reader.cancel(error).catch(() => {
        // Its source failed, which is what is thrown.
      });
      throw error;
    }
  }

  /** Writes one chunk of a body behind what must come before it. */
  async #write(
    before: Uint8Array<ArrayBuffer>,
    chunk: Uint8Array,
    chunked: boolean,
  ): Promise<void> {
    if (chunked) {
      before = concat(
        before,
        encodeHead(`${chunk.length.toString(16)}\r\n`),
      );
    }
    if (chunk.length <= JOIN_UP_TO) {
      await writeRaw(
        this,
        chunked ? concat(before, chunk, CRLF) : concat(before, chunk),
      );
      return;
    }
    if (before.length > 0) await writeRaw(this, before);
    await writeRaw(this, chunk);
    if (chunked) await writeRaw(this, CRLF);
  }

  #endHead(head: string): string {
    if (this.closeConnection) return `${head}connection: close\r\n\r\n`;
    return this.requestVersion === "HTTP/1.0"
      ? `${head}connection: keep-alive\r\n\r\n`
      : `${head}\r\n`;
  }
}

const NOTHING = new Uint8Array(0);
const CRLF = encodeHead("\r\n");
const LAST_CHUNK = encodeHead("0\r\n\r\n");

/** A `Request` whose signal is its handler's, made when it is asked for. */
class ServedRequest extends Request {
  readonly #handler: FetchRequestHandler<Deno.Addr>;

  constructor(
    handler: FetchRequestHandler<Deno.Addr>,
    url: string,
    init: RequestInit,
  ) {
    super(url, init);
    this.#handler = handler;
  }

  override get signal(): AbortSignal {
    return this.#handler.signal;
  }
}

/** The whole URL of a request, RFC 9112, section 3.3. */
function targetUrl(
  { target, host, method }: IncomingRequest,
  encrypted: boolean,
): string {
  const origin = `${encrypted ? "https" : "http"}://${host || "localhost"}`;
  const url = target.startsWith("/")
    ? origin + target
    : target === "*" || method === "CONNECT"
    ? origin
    : target;
  // Whatever is in the host must stay in the host.
  if (!URL.canParse(url) || /[/?#@\\]/.test(host ?? "")) {
    throw new HTTPError(400, "The request's URL is not valid");
  }
  return url;
}

/** What a promise resolved with, if it did before a few microtasks were over. */
async function settledAtOnce<T>(promise: Promise<T>): Promise<T | undefined> {
  let result: T | undefined;
  promise.then((value) => result = value, () => {
    // Whoever awaits it is told.
  });
  for (let turn = 0; turn < 3 && result === undefined; turn++) await null;
  return result;
}

function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
