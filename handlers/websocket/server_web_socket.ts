import type { Takeover } from "../http/_connection/takeover.ts";
import { markLeftBehind, type StreamOwner } from "../streams/_left_behind.ts";
import { isCloseCode, MOST_OF_REASON, NO_CODE } from "./_frames/close_frame.ts";
import type { Handshake } from "./_handshake.ts";
import { BEGIN, FAIL } from "./_inside.ts";
import { Guards } from "./_listeners.ts";
import {
  abnormalEnd,
  Session,
  type SessionOwner,
  type WebSocketEnd,
  type WebSocketMessage,
} from "./_session.ts";
import type { CompleteUpgradeOptions } from "./upgrade_options.ts";

export type { WebSocketEnd, WebSocketMessage };

/** The events of a {@linkcode ServerWebSocket}, by their types. */
export interface ServerWebSocketEventMap {
  /** Messages can be sent. */
  open: Event;
  /** A message has come: a text, or what `binaryType` says. */
  message: MessageEvent<string | ArrayBuffer | Blob>;
  /** The connection has failed; `close` follows. */
  error: Event | ErrorEvent;
  /** All is over. */
  close: CloseEvent;
}

type EventType = keyof ServerWebSocketEventMap;

/**
 * A function that is called with an event. `this` is the socket, by the type that a
 * browser's has: so a {@linkcode ServerWebSocket} can be given where that is asked for.
 */
export type ServerWebSocketListener<
  Type extends keyof ServerWebSocketEventMap,
> = (
  this: WebSocket,
  event: ServerWebSocketEventMap[Type],
) => unknown;

/** What waits for a message, and is told that there is none any more. */
type Waiting = (result: IteratorResult<WebSocketMessage, undefined>) => void;

const STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;
const NO_MORE: IteratorReturnResult<undefined> = {
  done: true,
  value: undefined,
};

/** What a message handler attribute is set to. */
type Handlers = {
  [Type in EventType]?: ServerWebSocketListener<Type> | null;
};

/**
 * The server's side of a WebSocket: RFC 6455. Instances are made by
 * {@linkcode upgradeWebSocket}.
 *
 * It is what a browser's `WebSocket` is, with the differences that a server needs:
 *
 * - `for await (const message of socket)` gives the messages as well, text or bytes,
 *   and holds the client back: the next one is read when it is asked for. The loop
 *   ends when the connection does, however that comes about; `closed` tells how.
 *   Where messages are neither listened to nor asked for, one waits, and the client
 *   is held back; pings behind it are answered when it has been taken.
 * - `send()` gives a promise. Whoever awaits it cannot outrun a slow client. While
 *   much waits to be sent, nothing is read, so that a client cannot ask for more
 *   than it takes.
 * - `close()` takes every code that may be sent, 1001 and 1011 among them.
 * - What a listener throws, or an `async` one rejects with, is reported to the
 *   server's `handleError` and closes the socket with 1011. It ends nobody else's.
 *
 * Pings are answered by themselves. At a shutdown the socket is closed with 1001.
 */
export class ServerWebSocket extends EventTarget
  implements AsyncIterable<WebSocketMessage> {
  /** The socket has no connection yet. */
  static readonly CONNECTING: 0 = STATES.CONNECTING;
  /** Messages can be sent. */
  static readonly OPEN: 1 = STATES.OPEN;
  /** One of both sides has said its end. */
  static readonly CLOSING: 2 = STATES.CLOSING;
  /** All is over. */
  static readonly CLOSED: 3 = STATES.CLOSED;
  /** The socket has no connection yet. */
  readonly CONNECTING: 0 = STATES.CONNECTING;
  /** Messages can be sent. */
  readonly OPEN: 1 = STATES.OPEN;
  /** One of both sides has said its end. */
  readonly CLOSING: 2 = STATES.CLOSING;
  /** All is over. */
  readonly CLOSED: 3 = STATES.CLOSED;
  /**
   * How the connection has ended: with the code and the reason of the Close frame
   * that has come, 1005 if that had none, and 1006 if none has. It never rejects.
   */
  readonly closed: Promise<WebSocketEnd>;
  /**
   * What the `data` of a message event is that is no text. Loops get bytes.
   *
   * @default {"arraybuffer"}
   */
  binaryType: BinaryType = "arraybuffer";
  readonly #handshake: Handshake;
  readonly #options: CompleteUpgradeOptions;
  readonly #guards = new Guards((error) => this.#listenerFailed(error));
  readonly #handlers: Handlers = {};
  readonly #resolveClosed: (end: WebSocketEnd) => void;
  #state: 0 | 1 | 2 | 3 = STATES.CONNECTING;
  #session: Session | undefined;
  #owner: StreamOwner | undefined;
  /** How to close what is not open yet. */
  #closeAtOnce: { readonly code: number; readonly reason: string } | undefined;
  /** Whether messages are dispatched as events. */
  #listens = false;
  /** Whether to others than `onmessage` too. */
  #hasOthers = false;
  /** How many iterators get messages instead, which have not been left. */
  #iterators = 0;
  /** Whether the message that was given to one last is being worked at. */
  #working = false;
  /** Called when it is not any more. */
  #worked: (() => void) | undefined;
  /** The message that nobody has taken yet. */
  #held: WebSocketMessage | undefined;
  /** Called when it has been taken. */
  #taken: (() => void) | undefined;
  /** Those that wait for a message, in the order in which they came. */
  readonly #waiting: Waiting[] = [];

  /**
   * Constructs a new instance. {@linkcode upgradeWebSocket} does this.
   *
   * @param handshake What was agreed upon.
   * @param options What the client may do.
   * @ignore
   */
  constructor(handshake: Handshake, options: CompleteUpgradeOptions) {
    super();
    this.#handshake = handshake;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<WebSocketEnd>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  /**
   * How far the connection is: `CONNECTING` until the response has been sent,
   * `OPEN`, `CLOSING` or `CLOSED`.
   *
   * @returns The state.
   */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#state;
  }

  /**
   * What a browser's socket has the URL in. A server's has none.
   *
   * @returns An empty string.
   */
  get url(): string {
    return "";
  }

  /**
   * The subprotocol that was agreed upon.
   *
   * @returns Its name, or an empty string.
   */
  get protocol(): string {
    return this.#handshake.protocol;
  }

  /**
   * The extensions that were agreed upon.
   *
   * @returns Them, as the response names them, or an empty string.
   */
  get extensions(): string {
    return this.#handshake.extensions;
  }

  /**
   * How much was sent and is not taken yet by the connection.
   *
   * @returns The number of bytes, those of messages alone.
   */
  get bufferedAmount(): number {
    return this.#session?.bufferedAmount ?? 0;
  }

  /**
   * Sends a message. Several of a tick go out together.
   *
   * @param data A text, or bytes, which are copied.
   * @returns A promise that resolves to whether the connection has taken it. It
   * does not reject: where the socket is closing or closed, or fails meanwhile, it
   * gives `false`, and need not be awaited.
   * @throws {DOMException} "InvalidStateError" if the socket is still connecting.
   * @throws {TypeError} If `data` is neither.
   */
  send(data: string | BufferSource): Promise<boolean> {
    const message = typeof data === "string" ? data : bytesOf(data);
    if (this.#session === undefined) {
      // It never got a connection.
      if (this.#state === STATES.CLOSED) return Promise.resolve(false);
      throw new DOMException(
        'Cannot send a message: the socket is connecting; wait for "open", which comes when the response has been returned',
        "InvalidStateError",
      );
    }
    return this.#session.send(message);
  }

  /**
   * Closes the socket: sends what waits, then a Close frame, and waits for that of
   * the client, at most for `closeTimeout`. What still comes is not received.
   *
   * @param code Why: 1000 to 1003, 1007 to 1014, or 3000 to 4999 (RFC 6455, section
   * 7.4). Left out, the client is told none.
   * @param reason Why, in at most 123 bytes of UTF-8.
   * @throws {DOMException} "InvalidAccessError" if the code is none that may be
   * sent, "SyntaxError" if the reason is longer.
   */
  close(code?: number, reason: string = ""): void {
    const told = closeReason(code, reason);
    if (this.#session === undefined) this.#closeAtOnce ??= told;
    else this.#session.close(told);
  }

  /**
   * The messages from now on. One that has come already is the first.
   *
   * @returns An iterator that ends where the connection does. Leaving its loop
   * closes nothing: another goes on with the next message.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<
    WebSocketMessage,
    undefined
  > {
    this.#iterators++;
    let isLeft = false;
    const iterator: AsyncIterableIterator<WebSocketMessage, undefined> = {
      next: () => isLeft ? Promise.resolve(NO_MORE) : this.#next(),
      return: () => {
        if (!isLeft) this.#iterators--;
        isLeft = true;
        this.#workedOn();
        return Promise.resolve(NO_MORE);
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * Adds a listener.
   *
   * @param type What it listens to.
   * @param listener The listener. What it throws or rejects with is reported to the
   * server.
   * @param options Those of every `EventTarget`.
   */
  override addEventListener<Type extends keyof ServerWebSocketEventMap>(
    type: Type,
    listener: ServerWebSocketListener<Type>,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /**
   * Adds a listener.
   *
   * @param type What it listens to.
   * @param listener The listener.
   * @param options Those of every `EventTarget`.
   */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    if (listener === null) return;
    if (type === "message") this.#hasOthers = true;
    this.#add(type, listener, options);
  }

  /**
   * Removes a listener.
   *
   * @param type What it listens to.
   * @param listener The listener.
   * @param options Those of every `EventTarget`.
   */
  override removeEventListener<Type extends keyof ServerWebSocketEventMap>(
    type: Type,
    listener: ServerWebSocketListener<Type>,
    options?: boolean | EventListenerOptions,
  ): void;
  /**
   * Removes a listener.
   *
   * @param type What it listens to.
   * @param listener The listener.
   * @param options Those of every `EventTarget`.
   */
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void {
    if (listener === null) return;
    super.removeEventListener(type, this.#guards.of(listener), options);
  }

  /**
   * Called when messages can be sent.
   *
   * @returns The listener, if one is set.
   */
  get onopen(): ServerWebSocketListener<"open"> | null {
    return this.#handlers.open ?? null;
  }

  /** @param listener The listener. */
  set onopen(listener: ServerWebSocketListener<"open"> | null) {
    this.#setHandler("open", listener);
  }

  /**
   * Called with each message.
   *
   * @returns The listener, if one is set.
   */
  get onmessage(): ServerWebSocketListener<"message"> | null {
    return this.#handlers.message ?? null;
  }

  /** @param listener The listener. */
  set onmessage(listener: ServerWebSocketListener<"message"> | null) {
    this.#setHandler("message", listener);
  }

  /**
   * Called when the connection has failed.
   *
   * @returns The listener, if one is set.
   */
  get onerror(): ServerWebSocketListener<"error"> | null {
    return this.#handlers.error ?? null;
  }

  /** @param listener The listener. */
  set onerror(listener: ServerWebSocketListener<"error"> | null) {
    this.#setHandler("error", listener);
  }

  /**
   * Called when all is over.
   *
   * @returns The listener, if one is set.
   */
  get onclose(): ServerWebSocketListener<"close"> | null {
    return this.#handlers.close ?? null;
  }

  /** @param listener The listener. */
  set onclose(listener: ServerWebSocketListener<"close"> | null) {
    this.#setHandler("close", listener);
  }

  /**
   * Gives the socket its connection.
   *
   * @param takeover The connection.
   * @param head The response that opens it, which is sent first.
   * @ignore
   */
  [BEGIN](takeover: Takeover<Deno.Addr>, head: Uint8Array): void {
    this.#owner = takeover.mark;
    const owner: SessionOwner = {
      received: (message) => this.#received(message),
      busy: () => this.#busy(),
      closing: () => this.#closing(),
      ended: (end) => this.#ended(end),
    };
    const session = new Session(
      takeover,
      head,
      this.#handshake,
      this.#options,
      owner,
    );
    this.#session = session;
    this.#state = STATES.OPEN;
    takeover.rentTo(session);
    if (this.#closeAtOnce !== undefined) session.close(this.#closeAtOnce);
    // Whoever has called may still add listeners.
    queueMicrotask(() => {
      if (session.isOpen) this.dispatchEvent(new Event("open"));
      session.start();
    });
  }

  /**
   * The socket gets no connection.
   *
   * @param error Why.
   * @ignore
   */
  [FAIL](error: unknown): void {
    this.#ended(abnormalEnd(error));
  }

  #add(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, this.#guards.of(listener), options);
    if (type === "message") this.#listen();
  }

  #received(message: WebSocketMessage): Promise<void> | undefined {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.#working = true;
      waiting({ done: false, value: message });
    } else if (this.#iterators > 0 || !this.#listens) {
      return this.#hold(message);
    } else this.#dispatch(message);
    return undefined;
  }

  #hold(message: WebSocketMessage): Promise<void> {
    this.#held = message;
    return new Promise((resolve) => this.#taken = resolve);
  }

  #release(): void {
    this.#held = undefined;
    this.#taken?.();
    this.#taken = undefined;
  }

  #next(): Promise<IteratorResult<WebSocketMessage, undefined>> {
    this.#workedOn();
    const message = this.#held;
    if (message !== undefined) {
      this.#working = true;
      this.#release();
      return Promise.resolve({ done: false, value: message });
    }
    if (this.#state >= STATES.CLOSING) return Promise.resolve(NO_MORE);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whoever got the last message is done with it. */
  #workedOn(): void {
    this.#working = false;
    this.#worked?.();
    this.#worked = undefined;
  }

  #busy(): Promise<void> | undefined {
    if (!this.#working || this.#waiting.length > 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#worked;
    this.#worked = () => {
      before?.();
      resolve();
    };
    return promise;
  }

  #listen(): void {
    this.#listens = true;
    const message = this.#held;
    if (message === undefined || this.#iterators > 0) return;
    // The listener is added first, and called then.
    queueMicrotask(() => {
      if (this.#held !== message || this.#iterators > 0) return;
      this.#dispatch(message);
      this.#release();
    });
  }

  #dispatch(message: WebSocketMessage): void {
    const data = typeof message === "string"
      ? message
      : this.binaryType === "blob"
      ? new Blob([message])
      : message.buffer;
    const { message: handler } = this.#handlers;
    if (this.#hasOthers || !handler) {
      this.dispatchEvent(new MessageEvent("message", { data }));
    } else this.#guards.call(handler, this, new ReceivedEvent(this, data));
  }

  #closing(): void {
    this.#state = STATES.CLOSING;
    this.#release();
    this.#workedOn();
    for (const waiting of this.#waiting.splice(0)) waiting(NO_MORE);
  }

  #ended(end: WebSocketEnd): void {
    this.#closing();
    this.#state = STATES.CLOSED;
    const { code, reason, wasClean, error } = end;
    if (error !== undefined && !(error instanceof Deno.errors.UnexpectedEof)) {
      const { message } = error;
      this.dispatchEvent(new ErrorEvent("error", { error, message }));
    }
    this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean }));
    this.#resolveClosed(end);
  }

  #setHandler<Type extends EventType>(
    type: Type,
    listener: ServerWebSocketListener<Type> | null,
  ): void {
    const handlers = this.#handlers;
    const isFirst = handlers[type] === undefined;
    (handlers as Record<Type, typeof listener>)[type] =
      typeof listener === "function" ? listener : null;
    // It keeps the place among the others that its first value had.
    if (isFirst) {
      this.#add(
        type,
        (event) =>
          handlers[type]?.call(this, event as ServerWebSocketEventMap[Type]),
      );
    }
  }

  /** What a listener has failed with is the handler's failure. */
  #listenerFailed(error: unknown): void {
    if (this.#session?.failed(error)) return;
    // It was still at work when all was over.
    const late = error instanceof Error ? error : new Error(
      "A listener of a WebSocket rejected with what is no error",
      { cause: error },
    );
    if (this.#owner !== undefined) markLeftBehind(late, this.#owner);
    Promise.reject(late);
  }
}

/** A message for `onmessage` alone: to dispatch it would take as long as to read it. */
class ReceivedEvent extends MessageEvent<string | ArrayBuffer | Blob> {
  readonly #target: ServerWebSocket;

  constructor(target: ServerWebSocket, data: string | ArrayBuffer | Blob) {
    super("message");
    // A property like any other: to read it out of an object takes longer.
    (this as { data: typeof data }).data = data;
    this.#target = target;
  }

  override get target(): ServerWebSocket {
    return this.#target;
  }

  override get currentTarget(): ServerWebSocket {
    return this.#target;
  }
}

/** @throws {TypeError} If it is neither a buffer nor a view of one. */
function bytesOf(data: BufferSource): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  if (
    data instanceof ArrayBuffer ||
    (data as unknown) instanceof SharedArrayBuffer
  ) return new Uint8Array(data);
  throw new TypeError(
    `Cannot send ${
      (data as unknown) instanceof Blob
        ? "a Blob: await its bytes() first"
        : `${
          data === null ? "null" : typeof data
        }: a message is a text or bytes`
    }`,
  );
}

/** @throws {DOMException} If it may not be sent. */
function closeReason(
  code: number | undefined,
  reason: string,
): { readonly code: number; readonly reason: string } {
  if (code === undefined && reason !== "") code = 1000;
  if (code !== undefined && !isCloseCode(code)) {
    throw new DOMException(
      `Cannot close a WebSocket with the code ${code}: it must be 1000 to 1003, 1007 to 1014, or 3000 to 4999`,
      "InvalidAccessError",
    );
  }
  const { length } = new TextEncoder().encode(reason);
  if (length > MOST_OF_REASON) {
    throw new DOMException(
      `Cannot close a WebSocket with a reason of ${length} bytes: at most ${MOST_OF_REASON} can be sent`,
      "SyntaxError",
    );
  }
  return { code: code ?? NO_CODE, reason };
}
