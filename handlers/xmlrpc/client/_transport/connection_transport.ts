import {
  Agent,
  type ClientRequest,
  type ClientRequestArgs,
  type IncomingMessage,
  request as startRequest,
} from "node:http";
import type { Duplex } from "node:stream";
import { inspectBounded } from "../../../_inspect_bounded.ts";
import { ConnectionDuplex } from "./connection_duplex.ts";
import type { Answer, Transport } from "./transport.ts";

/** What makes a connection to the server. */
export type Connect = () => Promise<Deno.Conn> | Deno.Conn;

/** How long the head of an answer may be, in bytes. */
const MAX_HEADER_SIZE = 16 * 1024;

/**
 * How long a connection is kept that carries no call, in milliseconds. It is less
 * where the server says so in `Keep-Alive`.
 */
const IDLE_TIMEOUT = 60_000;

/**
 * How many bytes may come for each byte of an answer, and beside them: interim
 * responses, chunks of one byte, which take six, and their extensions are all in
 * there.
 */
const OVERHEAD = 8;
const MOST_BESIDE = 1024 * 1024;

/** Calls in HTTP/1.1 over connections that somebody else makes. */
export class ConnectionTransport implements Transport {
  readonly #agent: ConnectionAgent;
  readonly #options: ClientRequestArgs;

  constructor(
    url: URL,
    headers: Headers,
    connect: Connect,
    maxSize: number,
  ) {
    this.#agent = new ConnectionAgent(
      connect,
      OVERHEAD * maxSize + MOST_BESIDE,
    );
    this.#options = {
      agent: this.#agent,
      method: "POST",
      path: url.pathname + url.search,
      headers: {
        ...Object.fromEntries(headers),
        host: url.host,
      },
      maxHeaderSize: MAX_HEADER_SIZE,
    };
  }

  send(body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const request = startRequest({
      ...this.#options,
      headers: {
        ...this.#options.headers as Record<string, string>,
        "content-length": body.length,
      },
    });
    signal.addEventListener("abort", () => request.destroy(), { once: true });
    let failure: unknown;
    request.on("response", (message) => {
      try {
        resolve(answerOf(message, () => failure));
      } catch (error) {
        request.destroy();
        reject(error);
      }
    });
    request.on("error", (error) => {
      failure = transportError(error, request);
      reject(failure);
    });
    request.on("close", () => reject(noAnswer(request)));
    request.end(body);
    return promise;
  }

  close(): void {
    this.#agent.close();
  }
}

/** The calls that go over a connection that has carried others. */
const followers = new WeakSet<ClientRequest>();

/** Keeps connections for further calls. */
class ConnectionAgent extends Agent {
  readonly #connect: Connect;
  readonly #maxBytes: number;
  #closed = false;

  constructor(connect: Connect, maxBytes: number) {
    super({ keepAlive: true, timeout: IDLE_TIMEOUT });
    this.#connect = connect;
    this.#maxBytes = maxBytes;
  }

  override createConnection(
    _options: ClientRequestArgs,
    done?: (error: Error | null, stream: Duplex) => void,
  ): Duplex {
    // Node's types know of no stream that comes later, and of none that fails.
    const none = undefined as unknown as Duplex;
    this.#create().then(
      (stream) => done?.(null, stream),
      // Node would take what is false for success.
      (error) => done?.(error || new Error(`connect threw ${error}`), none),
    );
    return none;
  }

  /**
   * A kept connection that ends before the answer may have carried the call to
   * its end. Deno makes it again, which Node does not, where a request says that
   * its socket is reused.
   */
  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    super.reuseSocket(socket, request);
    request.reusedSocket = false;
    followers.add(request);
  }

  close(): void {
    this.#closed = true;
    this.destroy();
  }

  async #create(): Promise<Duplex> {
    const connect = this.#connect;
    const connection = await connect();
    if (!isConnection(connection)) {
      throw new TypeError(
        `Cannot call: connect must give a Deno.Conn, received ${
          inspectBounded(connection)
        }`,
      );
    }
    const stream = new ConnectionDuplex(connection, this.#maxBytes);
    // It came too late for `destroy` to see it.
    if (this.#closed) stream.destroy();
    return stream;
  }
}

function isConnection(given: Partial<Deno.Conn> | undefined): boolean {
  return [given?.read, given?.write, given?.close]
    .every((method) => typeof method === "function");
}

/** @param failure Why a body has ended too soon, where that is known. */
function answerOf(message: IncomingMessage, failure: () => unknown): Answer {
  const headers = new Headers();
  const { rawHeaders } = message;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  }
  return {
    status: message.statusCode!,
    statusText: message.statusMessage ?? "",
    headers,
    body: wholeBody(message, failure),
    coding: codingOf(headers),
  };
}

async function* wholeBody(
  message: IncomingMessage,
  failure: () => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    yield* message;
  } catch (error) {
    // Node says that it was aborted, whatever the connection has said.
    throw failure() ?? error;
  }
  if (!message.complete) {
    throw new Deno.errors.UnexpectedEof("The connection has ended");
  }
}

function codingOf(headers: Headers): Answer["coding"] {
  const coding = headers.get("content-encoding")?.toLowerCase() ?? "identity";
  if (coding === "identity") return coding;
  return coding === "gzip" || coding === "x-gzip" ? "gzip" : "unknown";
}

/** The error of a call without an answer, as Deno has it where Node has its own. */
function transportError(error: unknown, request: ClientRequest): unknown {
  const { code, message } = Object(error) as NodeJS.ErrnoException;
  if (typeof code !== "string") return error;
  if (code.startsWith("HPE_")) {
    return new Deno.errors.InvalidData(
      `The server does not answer in HTTP/1.1: ${message}`,
      { cause: error },
    );
  }
  return code === "ECONNRESET" &&
      !(error instanceof Deno.errors.ConnectionReset)
    ? noAnswer(request, error)
    : error;
}

function noAnswer(request: ClientRequest, cause?: unknown): Error {
  return new Deno.errors.ConnectionReset(
    `The connection has ended before the answer${
      followers.has(request) ? ", after it had carried other calls" : ""
    }; the server may have made the call`,
    cause === undefined ? {} : { cause },
  );
}
