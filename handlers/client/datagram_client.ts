import { checkKeys } from "../_known_keys.ts";
import { MAX_DATAGRAM_SIZE } from "../datagram_request_handler.ts";
import { LimitOverrunError } from "../streams/stream_errors.ts";
import { checkLimits } from "./_limit.ts";
import { phaseError } from "./_phase_error.ts";
import {
  openReplySocket,
  type Peer,
  type ReplySocket,
} from "./_reply_socket.ts";

const DEFAULT_TIMEOUT = 2_000;
const DEFAULT_ATTEMPTS = 3;
/** How many buffers are kept for requests to come. */
const MOST_SPARE = 4;

/** Options of {@linkcode DatagramClient.request}. */
export interface RequestOptions {
  /** Ends the request, with the reason it is aborted for. */
  readonly signal?: AbortSignal;
  /**
   * How long each attempt waits for an answer, in milliseconds.
   *
   * @default {2000}
   */
  readonly timeout?: number;
  /**
   * How often the payload is sent until an answer comes.
   *
   * @default {3}
   */
  readonly attempts?: number;
}

const OPTIONS: readonly (keyof RequestOptions)[] = [
  ...["signal", "timeout", "attempts"] as const,
];

/** What a client was made with. */
interface Settings {
  /** Where the server is, as errors name it. */
  readonly text: string;
  readonly maxRequests: number;
  readonly maxSize: number;
  readonly folder: string | undefined;
}

const encoder = new TextEncoder();
const ignore = () => {};

/**
 * A client of a server of datagrams. Instances are made by
 * {@linkcode connectDatagram}.
 *
 * Each attempt of each request has a socket of its own, and so an address that
 * nobody was answered at before. Requests may wait side by side, and an answer is
 * never taken for that of another request, however late it comes: of the request
 * that it belongs to, all attempts are listened for until the first answer, and
 * what comes after that comes to an address that is gone.
 */
export class DatagramClient implements AsyncDisposable {
  readonly #peers: readonly Peer[];
  readonly #settings: Settings;
  readonly #requests = new Set<Request>();
  /** What nothing is received into. */
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];
  #closed = false;
  /** How many are not over: a send that waits cannot be taken back. */
  #waiting = 0;

  /**
   * @param peers The addresses of the server.
   * @param settings What answers may take, and where they come to.
   * @ignore
   */
  constructor(peers: readonly Peer[], settings: Settings) {
    this.#peers = peers;
    this.#settings = settings;
  }

  /**
   * Where the server is: of a name that has several addresses, the first.
   *
   * @returns The server's address.
   */
  get addr(): Deno.NetAddr | Deno.UnixAddr {
    const [peer] = this.#peers as [Peer];
    return "path" in peer
      ? { transport: "unixpacket", path: peer.path }
      : { transport: "udp", hostname: peer.hostname, port: peer.port };
  }

  /**
   * Sends a datagram, and waits for one in answer. Where none comes in time, the
   * same is sent again: a server may get it more than once, as it may from the
   * network alone. Of a name that has several addresses, the next is asked then.
   *
   * Only what the address that was asked sends is taken for an answer. Over UDP the
   * sender of a datagram can be forged by whoever can guess the port of the client.
   *
   * @param payload Text (as UTF-8) or bytes. Leave them unchanged until an answer
   * has come.
   * @param options How long, and how often.
   * @returns The answer.
   * @throws {Deno.errors.BadResource} If the client is closed, also meanwhile.
   * @throws {Deno.errors.Busy} If `maxRequests` are waiting.
   * @throws {DOMException} "TimeoutError" if no attempt is answered in time.
   * @throws {LimitOverrunError} If the answer is larger than `maxSize`.
   * @throws {RangeError} If an option is out of range, or the payload of UDP has more
   * than 65,507 bytes.
   * @throws {TypeError} If an option is unknown, or an argument of another type.
   * @throws {Error} Of the class that Deno has for it, if sending fails.
   */
  async request(
    payload: string | Uint8Array,
    options: RequestOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    checkKeys("option", options, OPTIONS, undefined, "request");
    const {
      signal,
      timeout = DEFAULT_TIMEOUT,
      attempts = DEFAULT_ATTEMPTS,
    } = options;
    checkLimits({ signal, timeout }, "request");
    checkAttempts(attempts);
    const bytes = typeof payload === "string"
      ? encoder.encode(payload)
      : payload;
    checkPayload(bytes);
    this.#checkSize(bytes.length);
    this.#checkRoom();
    signal?.throwIfAborted();
    this.#waiting++;
    const request = new Request(
      this.#peers,
      this.#settings,
      this.#buffers,
      bytes,
    );
    this.#requests.add(request);
    const abort = () => request.fail(signal!.reason);
    signal?.addEventListener("abort", abort);
    try {
      return await request.ask(attempts, timeout);
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#requests.delete(request);
      void request.sent().then(() => this.#waiting--);
    }
  }

  /**
   * Ends all requests that wait. Calling it again changes nothing.
   *
   * @returns A promise that resolves when they have ended.
   */
  async close(): Promise<void> {
    this.#closed = true;
    for (const request of this.#requests) request.fail(closedError());
    await Promise.allSettled(
      Array.from(this.#requests, (request) => request.answered),
    );
  }

  /**
   * As {@linkcode DatagramClient.close}.
   *
   * @returns A promise that resolves when it is closed.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Of Unix sockets the kernel has another limit, which can be changed. */
  #checkSize(size: number): void {
    if (size <= MAX_DATAGRAM_SIZE || "path" in this.#peers[0]!) return;
    throw new RangeError(
      `Cannot request from ${this.#settings.text}: a datagram carries at most ${MAX_DATAGRAM_SIZE} bytes, and the payload has ${size}; send less at once`,
    );
  }

  #checkRoom(): void {
    if (this.#closed) throw closedError();
    const { maxRequests, text } = this.#settings;
    if (this.#waiting < maxRequests) return;
    throw new Deno.errors.Busy(
      `Cannot request: ${maxRequests} requests to ${text} wait already; await some of them, or raise maxRequests`,
    );
  }
}

/** One request, until it has an answer or there will be none. */
class Request {
  readonly #peers: readonly Peer[];
  readonly #settings: Settings;
  /** Takes what nothing is received into any more. */
  readonly #buffers: Uint8Array<ArrayBuffer>[];
  readonly #payload: Uint8Array;
  readonly #sockets: ReplySocket[] = [];
  readonly #answer = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  #ended = false;
  /** Settles when what is being sent has been taken. */
  #sending: Promise<unknown> | undefined;

  constructor(
    peers: readonly Peer[],
    settings: Settings,
    buffers: Uint8Array<ArrayBuffer>[],
    payload: Uint8Array,
  ) {
    this.#peers = peers;
    this.#settings = settings;
    this.#buffers = buffers;
    this.#payload = payload;
    this.#answer.promise.catch(ignore);
  }

  /** Settles with the answer, or when there will be none. */
  get answered(): Promise<unknown> {
    return this.#answer.promise;
  }

  /** Sends the payload until an answer comes. */
  async ask(
    attempts: number,
    timeout: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    try {
      for (let made = 0; made < attempts && !this.#ended; made++) {
        // What waits for a server that does not read, of Unix sockets, will reach
        // it when it does. Another one would only wait behind it.
        if (this.#sending === undefined) this.#attempt(made);
        await this.#answerWithin(timeout);
      }
      const { text } = this.#settings;
      this.fail(
        new DOMException(
          `Cannot request: no answer of ${text} came to ${attempts} attempts within ${timeout} ms each`,
          "TimeoutError",
        ),
      );
      return await this.#answer.promise;
    } finally {
      for (const socket of this.#sockets) socket.close();
    }
  }

  /** Gives it up. What is over already stays as it is. */
  fail(reason: unknown): void {
    this.#ended = true;
    this.#answer.reject(reason);
  }

  /** Resolves when nothing waits to be sent. */
  async sent(): Promise<void> {
    await this.#sending?.catch(ignore);
  }

  #attempt(number: number): void {
    const peer = this.#peers[number % this.#peers.length]!;
    const { folder } = this.#settings;
    let socket: ReplySocket;
    try {
      socket = openReplySocket(peer, folder);
    } catch (error) {
      return this.#failAt("opening a socket", error);
    }
    this.#sockets.push(socket);
    const sending = socket.send(this.#payload);
    this.#sending = sending;
    sending.then(
      () => {
        this.#sending = undefined;
        // Deno lends one of Unix to one operation at a time. The kernel keeps what
        // comes meanwhile.
        void this.#receive(socket);
      },
      (error) => {
        this.#sending = undefined;
        this.#failAt("sending", error);
      },
    );
  }

  async #receive(socket: ReplySocket): Promise<void> {
    const { maxSize, text } = this.#settings;
    // One byte more: what is too long would be cut off in silence.
    const buffer = this.#buffers.pop() ?? new Uint8Array(maxSize + 1);
    try {
      const answer = await socket.receive(buffer);
      if (answer.length > maxSize) {
        throw new LimitOverrunError(
          `Cannot take the answer of ${text}: it is larger than maxSize, ${maxSize} bytes`,
          maxSize,
        );
      }
      this.#ended = true;
      // A short one must not hold the whole buffer.
      this.#answer.resolve(answer.slice());
      if (this.#buffers.length < MOST_SPARE) this.#buffers.push(buffer);
    } catch (error) {
      // That the socket is closed at the end is no failure.
      if (!this.#ended) this.fail(error);
    }
  }

  #failAt(phase: string, error: unknown): void {
    const { text } = this.#settings;
    this.fail(
      phaseError(`Cannot request from ${text}`, phase, error, undefined),
    );
  }

  /** Waits for the end of the request, for so long. */
  async #answerWithin(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      if (ms !== Infinity) timer = setTimeout(resolve, ms);
    });
    try {
      await Promise.race([this.#answer.promise.catch(ignore), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function closedError(): Error {
  return new Deno.errors.BadResource("Cannot request: the client is closed");
}

function checkAttempts(attempts: unknown): void {
  if (Number.isInteger(attempts) && attempts as number > 0) return;
  throw new RangeError(
    `Cannot request: attempts must be a positive integer, received ${
      Deno.inspect(attempts)
    }`,
  );
}

function checkPayload(payload: unknown): void {
  if (payload instanceof Uint8Array) return;
  throw new TypeError(
    `Cannot request: the payload must be a string or a Uint8Array, received ${
      Deno.inspect(payload, { iterableLimit: 4 })
    }`,
  );
}
