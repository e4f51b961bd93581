import { GrowingBytes } from "../../_growing_bytes.ts";
import {
  markLeftBehind,
  type StreamOwner,
} from "../../streams/_left_behind.ts";
import type { IncomingRequest } from "./request_parser.ts";

const ignore = () => {};

/** What a request needs of the connection that it came on. */
export interface RequestOwner {
  /** The request's signal is wanted: whatever aborts it is to be looked for. */
  watch(): void;
  /** Takes the next chunk of its body; `null` behind the last. */
  readChunk(
    request: IncomingRequest,
  ): Promise<Uint8Array<ArrayBuffer> | null>;
}

/**
 * What belongs to one request and ends with it. Its connection and its handler
 * serve others afterwards, so that whoever keeps a `Request` keeps only this.
 */
export class RequestScope {
  /** Called when the request is aborted, to end what is under way for it. */
  onAbort: ((reason: unknown) => void) | undefined;
  /** Stands for the connection that it came on, and is told what nobody awaits. */
  readonly connection: StreamOwner;
  readonly #incoming: IncomingRequest;
  #owner: RequestOwner | undefined;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;
  #clientEnded = false;
  #headers: Headers | undefined;
  /** Whether all of the response was written. */
  #answered = false;
  #completed: PromiseWithResolvers<void> | undefined;

  /**
   * @param owner What it needs of its connection.
   * @param incoming The request.
   * @param connection Stands for that connection, the same object each time.
   */
  constructor(
    owner: RequestOwner,
    incoming: IncomingRequest,
    connection: StreamOwner,
  ) {
    this.#owner = owner;
    this.#incoming = incoming;
    this.connection = connection;
  }

  /** Whether it asks for another protocol, or for a tunnel. */
  get upgrades(): boolean {
    return this.#incoming.upgrades;
  }

  /** Names and values of its headers in turn. */
  get rawHeaders(): readonly string[] {
    return this.#incoming.rawHeaders;
  }

  /** Its headers, the same object each time. */
  get headers(): Headers {
    if (this.#headers !== undefined) return this.#headers;
    this.copyHeaders(this.#headers = new Headers());
    return this.#headers;
  }

  /** Adds its headers. */
  copyHeaders(to: Headers): void {
    const { rawHeaders } = this.#incoming;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      to.append(rawHeaders[i]!, rawHeaders[i + 1]!);
    }
  }

  /** Aborted when the request is over before it is answered. */
  get signal(): AbortSignal {
    this.watch();
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) {
        this.#controller.abort(this.#aborted.reason);
      }
    }
    return this.#controller.signal;
  }

  /** Why it was aborted, if it was. */
  get aborted(): { readonly reason: unknown } | undefined {
    return this.#aborted;
  }

  /** Whether it was answered, or given up. */
  get over(): boolean {
    return this.#owner === undefined;
  }

  /** Has whatever aborts the request looked for from now on. */
  watch(): void {
    this.#owner?.watch();
  }

  /** Aborts a request that is being served. */
  abort(reason: unknown): void {
    if (this.over || this.#aborted !== undefined) return;
    this.#aborted = { reason };
    markLeftBehind(reason, this.connection);
    // The signal comes first, as in `Deno.serve`: whoever hears it may close the stream
    // of a response, which is an error once that has been cancelled.
    this.#controller?.abort(reason);
    this.onAbort?.(reason);
  }

  /** Aborts it since its client has ended its side. */
  abortByClient(): void {
    if (this.over || this.#aborted !== undefined) return;
    this.#clientEnded = true;
    this.abort(
      new DOMException(
        "The client ended the connection before it was answered",
        "AbortError",
      ),
    );
  }

  /** Whether `error` says no more than that the client has ended its side. */
  isClientEnd(error: unknown): boolean {
    return this.#clientEnded && error === this.#aborted?.reason;
  }

  /** The body, of which nothing is read before it is asked for. */
  body(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: async (controller) => {
        let chunk: Uint8Array<ArrayBuffer> | null;
        try {
          chunk = await this.#readChunk();
        } catch (error) {
          markLeftBehind(error, this.connection);
          throw error;
        }
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
    }, { highWaterMark: 0 });
  }

  /** Reads the body to its end. */
  async readBody(): Promise<Uint8Array<ArrayBuffer>> {
    const body = new GrowingBytes<ArrayBuffer>();
    try {
      let chunk: Uint8Array<ArrayBuffer> | null;
      while ((chunk = this.#chunkThere() ?? await this.#readChunk()) !== null) {
        body.add(chunk);
        // Most have come as one, and nobody else is to be asked for the end.
        if (this.#isAllRead) break;
      }
    } catch (error) {
      markLeftBehind(error, this.connection);
      throw error;
    }
    const bytes = body.bytes();
    // Where they were joined while they waited, their memory may be larger, and
    // whoever takes it must find nothing else there.
    return bytes.length === bytes.buffer.byteLength
      ? bytes
      : new Uint8Array(bytes);
  }

  /** What has come, if the request goes on. */
  #chunkThere(): Uint8Array<ArrayBuffer> | undefined {
    if (this.over || this.#incoming.abandoned) return undefined;
    this.#incoming.wanted = true;
    return this.#incoming.chunks.shift();
  }

  get #isAllRead(): boolean {
    const { complete, abandoned, chunks } = this.#incoming;
    return complete && !abandoned && chunks.length === 0;
  }

  async #readChunk(): Promise<Uint8Array<ArrayBuffer> | null> {
    const incoming = this.#incoming;
    if (this.#owner !== undefined) return await this.#owner.readChunk(incoming);
    // What came too late was thrown away.
    if (incoming.complete && !incoming.abandoned) {
      return incoming.chunks.shift() ?? null;
    }
    throw bodyIsOver();
  }

  /** All of the response was written, or that turns out to be untrue. */
  answered(isWhole: boolean): void {
    this.#answered = isWhole;
  }

  /** Whether all of the response was written. */
  get isAnswered(): boolean {
    return this.#answered;
  }

  /** Resolves when the response was sent; rejects where the request is over before. */
  get completed(): Promise<void> {
    if (this.#completed === undefined) {
      this.#completed = Promise.withResolvers();
      // Nobody need look at it.
      this.#completed.promise.catch(ignore);
      if (this.over) this.#settleCompleted(this.#completed);
    }
    return this.#completed.promise;
  }

  #settleCompleted({ resolve, reject }: PromiseWithResolvers<void>): void {
    if (this.#answered) resolve();
    else reject(this.#aborted?.reason ?? responseCutShort());
  }

  /** The request is over: what its connection does now is for another. */
  end(): void {
    this.#owner = this.onAbort = undefined;
    if (this.#completed !== undefined) this.#settleCompleted(this.#completed);
  }
}

/** What reading the body of a request that is over fails with. */
export function bodyIsOver(): Error {
  return new Deno.errors.BadResource(
    "Cannot read the body: the request is finished; did its handler await all that it started?",
  );
}

function responseCutShort(): Error {
  return new Error(
    "The response was not sent as a whole: its handler failed while it was sent",
  );
}
