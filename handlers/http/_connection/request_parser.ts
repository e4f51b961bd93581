import { appendBytes } from "../../_append_bytes.ts";
import { HTTPError } from "../http_error.ts";
import type { HTTPLimits } from "../http_limits.ts";
import { Callback, Llhttp, type LlhttpError, methodName } from "./llhttp.ts";
import { joinCookies, refuseRepeated } from "./field_lines.ts";
import { MessageBounds } from "./message_bounds.ts";
import { checkTarget, isAuthority } from "./request_target.ts";

const UNKNOWN_METHOD = "The method is not known";
const SOURCE = "SOURCE";
const NO_REQUEST = "These bytes begin no request";
/** How much of the first line of a request that is refused is told of, in bytes. */
const MOST_TOLD = 256;
/** A method and a target, as far as the latter has come: RFC 9112, section 3. */
const FIRST_LINE = /^[\r\n]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^ \r\n]+)/;
/**
 * What waits is joined up to this size, in bytes: each part costs some hundred
 * more, and a client may send its bytes one by one.
 */
const JOIN_UP_TO = 16 * 1024;
const NOTHING = new Uint8Array(0);
const latin1 = new TextDecoder("latin1");

/** A request whose headers have come. Its body may still be on its way. */
export class IncomingRequest {
  readonly method: string;
  /** As it was sent: a path, a whole URL, or `*`. */
  readonly target: string;
  /** Of HTTP/1: 0 or 1. */
  readonly minorVersion: number;
  /**
   * Names and values in turn, as they were sent, but for `Host` where the target
   * names another, and lines of `Cookie`, which are one.
   */
  readonly rawHeaders: readonly string[];
  readonly host: string | undefined;
  /** What `Expect` asks for, in lower case. */
  readonly expect: string | undefined;
  /** Whether the client lets the connection be used again. */
  readonly keepAlive: boolean;
  /** Whether a body was announced, though it may turn out empty. */
  readonly hasBody: boolean;
  /** Whether it comes in chunks, which tell its end. */
  readonly chunked: boolean;
  /** How many bytes of it were announced; 0 where that was left open. */
  readonly announced: number;
  /** What has come of the body and was not taken yet. */
  readonly chunks: Uint8Array<ArrayBuffer>[] = [];
  /** How much of the body has come, in bytes. */
  received = 0;
  /** Whether the handler has begun to read the body. */
  wanted = false;
  /** Whether all of the body has come. */
  complete = false;
  /** Whether its response was sent before all of the body had come. */
  abandoned = false;
  /**
   * Whether what follows it may be of another protocol: it asks for one, or for
   * a tunnel.
   */
  upgrades = false;

  constructor(
    method: string,
    target: string,
    minorVersion: number,
    rawHeaders: string[],
    keepAlive: boolean,
    maxBodySize: number,
  ) {
    const authority = checkTarget(method, target);
    this.method = method;
    this.target = target;
    this.minorVersion = minorVersion;
    this.rawHeaders = rawHeaders;
    this.keepAlive = keepAlive && method !== "CONNECT";
    let host: string | undefined;
    let expect: string | undefined;
    let announced: string | undefined;
    let coding: string | undefined;
    let cookies = 0;
    let lengths = 0;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!;
      // Names that are equally long are few, and only they need be compared.
      const length = 1 << name.length;
      if ((lengths & length) !== 0) refuseRepeated(rawHeaders, i);
      lengths |= length;
      switch (name.length) {
        case 4:
          if (name.toLowerCase() !== "host") break;
          if (host !== undefined) {
            throw new HTTPError(400, "The request has more than one Host");
          }
          host = rawHeaders[i + 1]!;
          if (host !== "" && !isAuthority(host)) {
            throw new HTTPError(400, "The request's Host is not valid");
          }
          // RFC 9112, section 3.2.2: what the target names counts instead.
          if (authority !== undefined) rawHeaders[i + 1] = authority;
          break;
        case 6:
          switch (name.toLowerCase()) {
            case "cookie":
              cookies++;
              break;
            case "expect": {
              const value = rawHeaders[i + 1]!.toLowerCase();
              // It is a list, of which each member must be met.
              if (expect === undefined) expect = value;
              else if (expect !== value) expect += `, ${value}`;
            }
          }
          break;
        case 14:
          // That there is one, and that it is a number, llhttp has seen to.
          if (name.toLowerCase() === "content-length") {
            announced = rawHeaders[i + 1]!;
          }
          break;
        case 17:
          if (name.toLowerCase() !== "transfer-encoding") break;
          coding = coding === undefined
            ? rawHeaders[i + 1]!
            : `${coding}, ${rawHeaders[i + 1]}`;
          break;
      }
    }
    // RFC 9112, section 3.2.
    if (host === undefined && minorVersion === 1) {
      throw new HTTPError(400, "The request has no Host");
    }
    if (coding !== undefined) {
      // RFC 9112, section 6.1: its framing cannot be trusted.
      if (minorVersion === 0) {
        throw new HTTPError(400, "HTTP/1.0 has no Transfer-Encoding");
      }
      if (coding.toLowerCase() !== "chunked") {
        throw new HTTPError(
          501,
          `The transfer coding "${coding}" is not implemented`,
        );
      }
    }
    if (announced !== undefined && Number(announced) > maxBodySize) {
      throw new HTTPError(413, `A body may have ${maxBodySize} bytes`);
    }
    if (cookies > 1) joinCookies(rawHeaders);
    if (host === undefined && authority !== undefined) {
      rawHeaders.push("Host", authority);
    }
    this.host = authority ?? host;
    this.chunked = coding !== undefined;
    this.expect = expect;
    this.announced = Number(announced ?? 0);
    this.hasBody = coding !== undefined || this.announced > 0;
  }
}

/** A request whose first line was understood, and which is not served. */
export type RefusedRequest = Pick<
  IncomingRequest,
  "method" | "target" | "minorVersion" | "rawHeaders"
>;

/**
 * Takes requests out of the bytes of one connection. Reading them is llhttp's;
 * refusing what it lets pass and a server must not, and the limits, are here.
 */
export class RequestParser extends Llhttp {
  /** Whether a request has begun whose headers are not complete. */
  midway = false;
  /** The request that no more can be read for, as far as it can be told. */
  refused: RefusedRequest | undefined;
  /** Where among the bytes that are read the last request begins. */
  #beginsAt = 0;
  /** The beginning of one of which some had come before them. */
  #begun: Uint8Array<ArrayBuffer> | undefined;
  readonly #limits: HTTPLimits;
  /** Those that were not asked for yet. */
  readonly #requests: IncomingRequest[] = [];
  /** The one whose body is being read. */
  #current: IncomingRequest | undefined;
  #failure: HTTPError | undefined;
  /** How many requests have begun with complete headers. */
  #heads = 0;
  /**
   * How many bytes have come that are no content: since the last complete
   * headers, or since the last complete body.
   */
  #framing = 0;
  #target = "";
  #rawHeaders: string[] = [];
  readonly #bounds = new MessageBounds();
  /** Whether the current request asks for another protocol. */
  #upgrades = false;
  /** Whether what comes belongs to whoever takes the connection over, if any. */
  #holding = false;
  /** What has come since. */
  #held: Uint8Array[] = [];
  /** Whether what has been held is read now, which need not be copied again. */
  #resuming = false;
  /** Whether the request before the one that is being read asked for another. */
  #behindUpgrade = false;

  constructor(limits: HTTPLimits) {
    super();
    this.#limits = limits;
    this.#startParser();
  }

  /** Why no more can be read of this connection. */
  get failure(): HTTPError | undefined {
    return this.#failure;
  }

  /** Whether there is something behind the request that was asked for last. */
  get hasMore(): boolean {
    return this.#requests.length > 0 || this.#held.length > 0;
  }

  /** Whether nothing has come, or begun to, that was not asked for. */
  get isIdle(): boolean {
    return !this.midway && !this.#holding && this.#requests.length === 0 &&
      this.#failure === undefined;
  }

  /** Takes the next request, in the order they came. */
  shift(): IncomingRequest | undefined {
    return this.#requests.shift();
  }

  /** Takes the next bytes. */
  feed(bytes: Uint8Array): void {
    if (this.#holding) this.#hold(bytes);
    else this.#feed(bytes);
  }

  /**
   * Reads on behind a request that has been answered: where it asked for another
   * protocol, and nobody has taken the connection over for that, what follows is
   * the next request (RFC 9110, section 7.8).
   */
  resume(): void {
    // The one that asked for it is the last, and may not have been asked for yet.
    if (!this.#holding || this.#requests.length > 0) return;
    this.#holding = false;
    const held = this.#held;
    this.#held = [];
    if (this.#current?.method !== "CONNECT") this.#refuseUpgrade();
    this.#resuming = true;
    for (const bytes of held) this.feed(bytes);
    this.#resuming = false;
  }

  #hold(bytes: Uint8Array): void {
    if (joinLast(this.#held, bytes)) return;
    // The buffer that they have come in is used again.
    this.#held.push(this.#resuming ? bytes : bytes.slice());
  }

  /**
   * Takes what has come behind a request that asks for another protocol.
   *
   * @param buffer Where it goes.
   * @returns How many bytes were put there; 0 where nothing is left.
   */
  takeHeld(buffer: Uint8Array): number {
    let filled = 0;
    while (filled < buffer.length && this.#held.length > 0) {
      const first = this.#held[0]!;
      const part = first.subarray(0, buffer.length - filled);
      buffer.set(part, filled);
      filled += part.length;
      if (part.length === first.length) this.#held.shift();
      else this.#held[0] = first.subarray(part.length);
    }
    return filled;
  }

  #feed(bytes: Uint8Array): void {
    const body = this.#current?.complete === false ? this.#current : undefined;
    const received = body?.received ?? 0;
    const heads = this.#heads;
    this.#beginsAt = 0;
    this.#take(bytes);
    this.#limit(bytes, body, received, heads);
    if (this.#failure !== undefined) this.refused ??= this.#tellOf(bytes);
    else if (this.midway) this.#begun = this.#beginning(bytes);
  }

  /** What has come of the request that is being read, as far as it is told of. */
  #beginning(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const before = this.#begun ?? NOTHING;
    // However slowly the rest comes, nothing more is made of it.
    if (before.length === MOST_TOLD) return before;
    const more = bytes.subarray(this.#beginsAt);
    const begun = new Uint8Array(
      Math.min(before.length + more.length, MOST_TOLD),
    );
    begun.set(before);
    begun.set(more.subarray(0, begun.length - before.length), before.length);
    return begun;
  }

  /** What can be told of a request whose head cannot be read. */
  #tellOf(bytes: Uint8Array): RefusedRequest | undefined {
    if (this.#current?.complete === false) return undefined;
    const line = FIRST_LINE.exec(latin1.decode(this.#beginning(bytes)));
    if (line === null) return undefined;
    const [, method, target] = line;
    return {
      method: method!,
      target: target!,
      minorVersion: 1,
      rawHeaders: [],
    };
  }

  /** Bounds what is no content, which nothing else does. */
  #limit(
    bytes: Uint8Array,
    body: IncomingRequest | undefined,
    received: number,
    heads: number,
  ): void {
    const { maxHeaderSize } = this.#limits;
    if (body !== undefined) {
      if (body.complete) return;
      // Of chunks, what is not their content is bounded by nothing else: it may
      // be sizes of single bytes, and little beside (RFC 9112, section 7.1.1).
      this.#framing += bytes.length - (body.received - received);
      if (this.#framing > maxHeaderSize + 8 * body.received) {
        this.#failure ??= new HTTPError(
          413,
          "The chunks of the body are mostly extensions",
        );
      }
    } else if (this.#heads === heads) {
      // Nor are empty lines before a request, and spaces before a value.
      this.#framing += bytes.length;
      if (this.#framing > 2 * maxHeaderSize) {
        this.#failure ??= new HTTPError(431);
      }
    }
  }

  #take(bytes: Uint8Array): void {
    // Each round takes at least one byte, or is the last.
    let at = 0;
    while (at < bytes.length && this.#failure === undefined) {
      if (this.#current?.method === "CONNECT") {
        this.#failure = new HTTPError(400, "No tunnel was made by CONNECT");
        return;
      }
      if (!this.midway) {
        this.#beginsAt = at;
        this.#begun = undefined;
      }
      const end = this.#partEnd(bytes, at);
      const part = at === 0 && end === bytes.length
        ? bytes
        : bytes.subarray(at, end);
      try {
        const taken = this.execute(part);
        if (typeof taken !== "number") {
          this.#failure = this.#isTargetTooLong(taken)
            ? new HTTPError(414)
            : refusal(taken, this.#behindUpgrade);
          return;
        }
        if (!(taken > 0 && taken <= part.length)) {
          this.#failure = new HTTPError(400, NO_REQUEST);
          return;
        }
        at += taken;
        if (this.#upgrades && this.#current?.complete) {
          this.#holding = true;
          if (at < bytes.length) this.#hold(bytes.subarray(at));
          return;
        }
      } catch (error) {
        this.#failure = error instanceof HTTPError
          ? error
          : new HTTPError(400, undefined, { cause: error });
      }
    }
  }

  /** Whether it was the first line that was larger than headers may be. */
  #isTargetTooLong({ code }: LlhttpError): boolean {
    return code === "HPE_HEADER_OVERFLOW" &&
      this.#bounds.lineLength > this.#limits.maxHeaderSize;
  }

  /** How far the bytes from `at` on surely belong to one request. */
  #partEnd(bytes: Uint8Array, at: number): number {
    const current = this.#current;
    if (current === undefined || current.complete || this.midway) {
      return this.#bounds.behindHead(bytes, at);
    }
    return current.chunked
      ? this.#bounds.behindChunks(bytes, at)
      : Math.min(bytes.length, at + current.announced - current.received);
  }

  /**
   * Goes on with HTTP behind a request to upgrade. The parser stops there, and
   * Deno's binding hides its errors until the next headers, so that a byte which
   * begins no request would neither be taken nor refused.
   */
  #refuseUpgrade(): void {
    this.#upgrades = false;
    this.#behindUpgrade = true;
    this.#startParser();
  }

  #startParser(): void {
    this.initialize(
      Llhttp.REQUEST,
      undefined,
      Math.min(this.#limits.maxHeaderSize, 0x7fffffff),
      0,
    );
  }

  [Callback.MessageBegin](): void {
    this.midway = true;
    this.#target = "";
    this.#rawHeaders = [];
  }

  /** Called for every 32 headers where there are more, and for trailers. */
  [Callback.Headers](rawHeaders: string[], target: string): void {
    if (!this.midway) return;
    this.#target += target;
    // How many there are in bytes is bounded by llhttp.
    for (const text of rawHeaders) this.#rawHeaders.push(text);
  }

  [Callback.HeadersComplete](
    major: number,
    minor: number,
    rawHeaders: string[] | undefined,
    method: number,
    target: string | undefined,
    _statusCode: undefined,
    _statusMessage: undefined,
    upgrade: boolean,
    keepAlive: boolean,
  ): number {
    this.midway = this.#behindUpgrade = false;
    this.#upgrades = upgrade;
    this.#heads++;
    this.#framing = 0;
    // llhttp also reads HTTP/0.9, and protocols that look like HTTP.
    if (major !== 1) {
      throw new HTTPError(505, `HTTP/${major}.${minor} is not supported`);
    }
    const name = methodName(method);
    // Those of RTSP and Icecast it reads too.
    if (name === undefined || name === SOURCE) {
      throw new HTTPError(501, UNKNOWN_METHOD);
    }
    const { fault } = this.#bounds;
    if (fault !== undefined) throw new HTTPError(400, fault);
    target ??= this.#target;
    rawHeaders ??= this.#rawHeaders;
    try {
      this.#current = this.#admit(name, target, minor, rawHeaders, keepAlive);
    } catch (error) {
      this.refused = { method: name, target, minorVersion: minor, rawHeaders };
      throw error;
    }
    // RFC 9110, section 7.8: that of HTTP/1.0 is ignored.
    this.#current.upgrades = upgrade && (minor > 0 || name === "CONNECT");
    this.#requests.push(this.#current);
    return 0;
  }

  /** @throws {HTTPError} If the request is not served. */
  #admit(
    method: string,
    target: string,
    minorVersion: number,
    rawHeaders: string[],
    keepAlive: boolean,
  ): IncomingRequest {
    const { maxHeaderCount, maxBodySize } = this.#limits;
    if (rawHeaders.length > 2 * maxHeaderCount) {
      throw new HTTPError(
        431,
        `The request has ${
          rawHeaders.length / 2
        } headers, at most ${maxHeaderCount} are allowed`,
      );
    }
    return new IncomingRequest(
      method,
      target,
      minorVersion,
      rawHeaders,
      keepAlive,
      maxBodySize,
    );
  }

  [Callback.Body](chunk: Uint8Array<ArrayBuffer>): void {
    const current = this.#current!;
    current.received += chunk.length;
    const { maxBodySize } = this.#limits;
    if (current.received > maxBodySize) {
      throw new HTTPError(413, `A body may have ${maxBodySize} bytes`);
    }
    if (!joinLast(current.chunks, chunk)) current.chunks.push(chunk);
  }

  [Callback.MessageComplete](): void {
    this.#current!.complete = true;
    this.#framing = 0;
    this.#bounds.restart();
  }
}

/** Adds bytes to the last of those that wait, if they are few enough together. */
function joinLast<Memory extends ArrayBufferLike>(
  waiting: Uint8Array<Memory | ArrayBuffer>[],
  bytes: Uint8Array,
): boolean {
  const last = waiting.at(-1);
  if (last === undefined || last.length + bytes.length > JOIN_UP_TO) {
    return false;
  }
  waiting[waiting.length - 1] = appendBytes(last, bytes, JOIN_UP_TO);
  return true;
}

/** What is answered to bytes that llhttp does not take. */
function refusal(
  { code, reason }: LlhttpError,
  behindUpgrade: boolean,
): HTTPError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new HTTPError(431);
    case "HPE_INVALID_VERSION":
      // The same is said of a line that ends in a bare line feed.
      return /HTTP version/.test(reason)
        ? new HTTPError(505)
        : new HTTPError(400, reason);
    case "HPE_PAUSED_H2_UPGRADE":
      return new HTTPError(505);
    case "HPE_INVALID_METHOD":
      // These are the bytes of a protocol that is not spoken, and no method.
      return behindUpgrade
        ? new HTTPError(400, NO_REQUEST)
        : new HTTPError(501, UNKNOWN_METHOD);
    default:
      return new HTTPError(400, reason);
  }
}
