import type { ForwardedClient } from "../forwarded_settings.ts";
import { HTTPError } from "../http_error.ts";
import { originForm } from "./request_target.ts";

/** What belongs to a request, as `RequestScope` has it. */
interface RequestParts {
  readonly signal: AbortSignal;
  /** Adds its headers. */
  copyHeaders(to: Headers): void;
  /** Its body as a stream. */
  body(): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Reads its body to the end. */
  readBody(): Promise<Uint8Array<ArrayBuffer>>;
}

/** What a request is for, as it came. */
interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly host: string | undefined;
  readonly hasBody: boolean;
}

/** That of the URLs of a connection. */
export type Scheme = "http" | "https";
/** What a trusted proxy tells of the request that it was sent. */
type Forwarded = Pick<ForwardedClient, "proto" | "host">;

/**
 * The name under which Deno 2.9.6 looks for the signal of a `Request`, when the
 * request is copied as well. Only by it do copies get the signal.
 */
const SIGNAL = Object.getOwnPropertySymbols(Request.prototype)
  .find(({ description }) => description === "signal") ?? Symbol("signal");

/** A `Request` whose signal is made when it is asked for. */
class WholeRequest extends Request {
  readonly #scope: RequestParts;

  constructor(scope: RequestParts, head: RequestHead, url: string) {
    super(url, {
      method: head.method,
      body: bodyOf(scope, head),
    });
    this.#scope = scope;
    scope.copyHeaders(this.headers);
  }

  override get signal(): AbortSignal {
    return this.#scope.signal;
  }

  get [SIGNAL](): AbortSignal {
    return this.#scope.signal;
  }
}

/**
 * A `Request` of which only that is made which is asked for. A whole one costs as
 * much as three answers; most handlers look at its method and its URL, at some of
 * its headers, and read its body to the end.
 *
 * Deno keeps what a `Request` has under symbols, by which `fetch`, the constructor
 * of `Request` and `clone()` find it. This one answers to the same symbols, by
 * those of a whole one that it makes then.
 */
class LazyRequest {
  readonly #scope: RequestParts;
  readonly #head: RequestHead;
  readonly #scheme: Scheme;
  readonly #forwarded: Forwarded | undefined;
  #url: string | undefined;
  #headers: Headers | undefined;
  #whole: WholeRequest | undefined;
  /** Whether the body was read here. */
  #isRead = false;

  constructor(
    scope: RequestParts,
    head: RequestHead,
    scheme: Scheme,
    forwarded: Forwarded | undefined,
  ) {
    this.#scope = scope;
    this.#head = head;
    this.#scheme = scheme;
    this.#forwarded = forwarded;
  }

  get method(): string {
    return this.#head.method;
  }

  get url(): string {
    return this.#url ??= urlOf(this.#head, this.#scheme, this.#forwarded);
  }

  get headers(): Headers {
    if (this.#headers === undefined) {
      this.#headers = new Headers();
      this.#scope.copyHeaders(this.#headers);
    }
    return this.#headers;
  }

  get signal(): AbortSignal {
    return this.#scope.signal;
  }

  get [SIGNAL](): AbortSignal {
    return this.#scope.signal;
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return mayHaveBody(this.#head) ? this.whole().body : null;
  }

  get bodyUsed(): boolean {
    return this.#whole?.bodyUsed ?? this.#isRead;
  }

  async text(): Promise<string> {
    return decoder.decode(await this.bytes());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const { buffer, byteLength } = await this.bytes();
    return buffer.byteLength === byteLength
      ? buffer
      : buffer.slice(0, byteLength);
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    // A whole one knows what has become of its body, and what to say of it.
    if (this.#whole !== undefined || this.#isRead) return this.whole().bytes();
    this.#isRead = mayHaveBody(this.#head);
    return this.#isRead && this.#head.hasBody
      ? this.#scope.readBody()
      : Promise.resolve(new Uint8Array());
  }

  /** The request that is whole, which is made once. */
  whole(): WholeRequest {
    if (this.#whole === undefined) {
      this.#whole = new WholeRequest(this.#scope, this.#head, this.url);
      // It was read, and nobody else is to read it.
      if (this.#isRead) void this.#whole.body?.getReader().cancel();
    }
    // Those that were asked for may have been changed.
    if (this.#headers !== undefined) {
      copyAll(this.#headers, this.#whole.headers);
    }
    return this.#whole;
  }
}

const decoder = new TextDecoder();

/** Whether a `Request` may have its body, which is empty where none was sent. */
function mayHaveBody({ hasBody, method }: RequestHead): boolean {
  switch (method) {
    case "GET":
    case "HEAD":
      return false;
    // They have no content (RFC 9110, sections 9.3.6 and 9.3.8), and Deno makes
    // no `Request` of them.
    case "CONNECT":
    case "TRACE":
      return hasBody;
    default:
      return true;
  }
}

/** What a whole `Request` is given as its body. */
function bodyOf(
  scope: RequestParts,
  head: RequestHead,
): ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null {
  if (!mayHaveBody(head)) return null;
  // Deno makes a stream of no bytes when it is asked for, and `fetch()` sends
  // their length.
  return head.hasBody ? scope.body() : new Uint8Array();
}

/**
 * The whole URL of a request, RFC 9112, section 3.3, in the form that a `Request`
 * has. What a trusted proxy tells of the request that it was sent counts instead of
 * what it has sent itself.
 *
 * @throws {HTTPError} If it is none.
 */
function urlOf(
  { target, host }: RequestHead,
  scheme: Scheme,
  forwarded: Forwarded | undefined,
): string {
  const origin = `${forwarded?.proto ?? scheme}://${
    forwarded?.host ?? (host || "localhost")
  }`;
  const url = target.startsWith("/")
    ? origin + target
    : target === "*"
    ? origin
    : forwarded === undefined
    ? target
    : origin + originForm(target);
  try {
    return new URL(url).href;
  } catch (cause) {
    throw new HTTPError(400, "The request's URL is not valid", { cause });
  }
}

/** Makes `to` have what `from` has. */
function copyAll(from: Headers, to: Headers): void {
  for (const name of [...to.keys()]) to.delete(name);
  for (const [name, value] of from) to.append(name, value);
}

/**
 * Whether requests are made of which nothing is made before it is asked for, by
 * this version of Deno. Otherwise whole ones are.
 */
export const makesLazyRequests: boolean = becomeRequests();

/**
 * Makes what a handler is given as its request.
 *
 * @param scope What belongs to it.
 * @param head What it is for.
 * @param scheme That of the connection's URLs.
 * @param forwarded What a trusted proxy tells of it, if one does.
 */
export function servedRequest(
  scope: RequestParts,
  head: RequestHead,
  scheme: Scheme,
  forwarded?: Forwarded,
): Request {
  return makesLazyRequests
    ? servedAs<Request>(new LazyRequest(scope, head, scheme, forwarded))
    : new WholeRequest(scope, head, urlOf(head, scheme, forwarded));
}

function servedAs<T>(value: unknown): T {
  return value as T;
}

/** Has lazy requests be instances of `Request`, if that works. */
function becomeRequests(): boolean {
  const { prototype } = LazyRequest;
  Object.setPrototypeOf(prototype, Request.prototype);
  Object.defineProperty(prototype, "constructor", { value: Request });
  const example = new Request("http://localhost/");
  const kept = example as unknown as Record<symbol, unknown>;
  for (const symbol of Object.getOwnPropertySymbols(example)) {
    // The brand of an object of the web platform is itself.
    if (kept[symbol] === symbol) {
      Object.defineProperty(prototype, symbol, { value: symbol });
      continue;
    }
    Object.defineProperty(prototype, symbol, {
      get(this: LazyRequest) {
        return (this.whole() as unknown as typeof kept)[symbol];
      },
      set(this: LazyRequest, value: unknown) {
        (this.whole() as unknown as typeof kept)[symbol] = value;
      },
    });
  }
  return isLikeAny();
}

/** Whether they are taken for what they are meant to be, by all that looks. */
function isLikeAny(): boolean {
  const { signal } = new AbortController();
  const scope: RequestParts = {
    signal,
    copyHeaders: (to) => to.append("x-a", "b"),
    body: () => new ReadableStream(),
    readBody: () => Promise.resolve(new Uint8Array()),
  };
  const head = { method: "PUT", target: "/a", host: "b", hasBody: false };
  const lazy = () =>
    servedAs<Request>(new LazyRequest(scope, head, "http", undefined));
  try {
    return [new Request(lazy()), lazy().clone()].every((copy) =>
      copy.method === "PUT" && copy.url === "http://b/a" &&
      copy.headers.get("x-a") === "b"
    ) && lazy().redirect === "follow" && lazy() instanceof Request;
  } catch {
    return false;
  }
}
