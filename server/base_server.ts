import { AsyncLocalStorage } from "node:async_hooks";
import {
  abortHandler,
  type BaseRequestHandler,
  type RequestServer,
  runHandler,
  type Unsent,
} from "../handlers/base_request_handler.ts";
import {
  isClientError,
  isClosedError,
  isDisconnect,
} from "./_core/accept_errors.ts";
import {
  Deadlines,
  type Expiring,
  LONGEST_DELAY,
} from "./_closing/deadlines.ts";
import { checkCount, checkSignal, checkTime } from "./_core/options.ts";

/** A handler class, as a server of `Request`s from `Address`es takes it. */
export type RequestHandlerClass<Request, Address extends Deno.Addr> = new (
  request: Request,
  clientAddress: Address,
  server: RequestServer,
) => BaseRequestHandler<unknown, Deno.Addr | null>;

/** Options that every server has. */
export interface ServerOptions<Address extends Deno.Addr = Deno.Addr> {
  /**
   * How many requests may be in progress at once. At the limit the server
   * stops accepting: clients wait in the kernel's backlog and none is dropped.
   * 1 serves strictly one after the other, as Python's plain servers do.
   *
   * @default {16384}
   */
  readonly maxConnections?: number;
  /**
   * How long `handleRequest` waits for a request before it calls
   * `handleTimeout`, in milliseconds.
   *
   * @default {Infinity}
   */
  readonly timeout?: number;
  /**
   * How long a handler may take, from `setup` to `finish`, in milliseconds.
   * Past it the handler's signal is aborted and its connection closed.
   *
   * @default {Infinity}
   */
  readonly requestTimeout?: number;
  /**
   * How long a shutdown waits for running handlers where it is not told, in
   * milliseconds.
   *
   * @default {15000}
   */
  readonly gracePeriod?: number;
  /** Shuts the server down when aborted. */
  readonly signal?: AbortSignal;
  /**
   * Called once, with the address the server is bound to, when it starts to
   * serve. What it throws rejects the `serveForever` or `handleRequest` that
   * called it; a promise is not waited for, and what it rejects with goes to
   * `handleError`.
   */
  readonly onListen?: (address: Address) => void;
}

/** Options of {@linkcode BaseServer.shutdown}. */
export interface ShutdownOptions {
  /**
   * How long running handlers may take to finish, in milliseconds. After it
   * their signals are aborted and their connections closed.
   *
   * @default {15000} or the server's `gracePeriod`
   */
  readonly gracePeriod?: number;
}

/** What a server listens on. {@linkcode Deno.Listener} is one. */
export interface ServerSocket<Address extends Deno.Addr> {
  /** The address it is bound to. */
  readonly addr: Address;
  /** Stops listening. */
  close(): void;
  /** Lets the socket keep the process alive. */
  ref(): void;
  /** Lets the process end while the socket is open. */
  unref(): void;
}

/** What is told of what becomes of a request while its handler runs. */
export interface RequestListener {
  /** The request is over before its handler is. Called once. */
  aborted(reason: unknown): void;
  /** The server shuts down. Called once. */
  shuttingDown(): void | Promise<void>;
}

/** Tells a handler that runs here. */
class LocalListener implements RequestListener {
  readonly #handler: BaseRequestHandler<unknown, Deno.Addr | null>;

  constructor(handler: BaseRequestHandler<unknown, Deno.Addr | null>) {
    this.#handler = handler;
  }

  aborted(reason: unknown): void {
    abortHandler(this.#handler, reason);
  }

  shuttingDown(): void | Promise<void> {
    return this.#handler.onShutdown();
  }
}

/** One request in progress. */
interface Activity<Request, Address>
  extends Expiring<Activity<Request, Address>> {
  readonly server: object;
  readonly request: Request;
  readonly clientAddress: Address;
  readonly started: number;
  /** The request inside whose handler this server was started, if any. */
  readonly within: Activity<unknown, unknown> | undefined;
  /** Whether code of its handler or of hooks may run after `#run`. */
  waits: boolean;
  /** The context in which that runs, if it does. */
  scope: Scope | undefined;
  /** Its handler, once there is one. */
  listener: RequestListener | undefined;
  aborted: { readonly reason: unknown; reported: boolean } | undefined;
  /** For how many of the server's shutdowns its handler waits. */
  awaitedShutdowns: number;
  /** Whether it still counts against `maxConnections`. */
  counted: boolean;
  /** Told when it no longer counts, by `handleRequest`. */
  onHandled: (() => void) | undefined;
  /** Ends the wait for a handler that was aborted and does not return. */
  abandonTimer: ReturnType<typeof setTimeout> | undefined;
  /** Its place among the server's activities; -1 once it has ended. */
  index: number;
}

const DEFAULT_MAX_CONNECTIONS = 16_384;
const DEFAULT_GRACE_PERIOD = 15_000;
/**
 * How long accepting pauses when the system has no descriptor or memory left,
 * in milliseconds. Ranch and Thousand Island wait as long.
 */
const ACCEPT_PAUSE = 100;
/** How often overridden `serviceActions` run, in milliseconds; CPython's `poll_interval`. */
const SERVICE_INTERVAL = 500;
/** How long an aborted handler may take to wind down, in milliseconds. */
const ABANDON_AFTER = 1_000;
/**
 * What an asynchronous context says. V8 may keep a context for long: so it does
 * not have the request itself, but this, which forgets it in the end.
 */
interface Scope {
  /** The request inside whose handler this is, while it is in progress. */
  activity: Activity<unknown, unknown> | undefined;
}

/**
 * The contexts of requests in progress, for `shutdown` called inside a handler.
 * A server accepts in a context of its own, and so each handler starts in it. One
 * that has more to do later leaves with it, and the server takes another: a
 * context for a datagram that is answered at once would cost as much as that.
 */
const scopes = new AsyncLocalStorage<Scope>();
/** The one whose handler has not waited for anything yet. */
let starting: Activity<unknown, unknown> | undefined;

function runningActivity(): Activity<unknown, unknown> | undefined {
  return starting ?? scopes.getStore()?.activity;
}

/** The handler that has just been called waits for something. */
function noteWaiting(): void {
  if (starting !== undefined) starting.waits = true;
}

/**
 * The base of all servers: what happens between a socket and a handler,
 * whatever kind of socket it is.
 *
 * Each step of a request is a method to override, called in this order:
 * `getRequest`, `verifyRequest`, `processRequest` (which calls `finishRequest`,
 * where the handler runs, and `shutdownRequest`), `closeRequest`. Whatever one
 * of them throws goes to `handleError`, and the server goes on.
 *
 * Handlers run concurrently on the event loop.
 */
export abstract class BaseServer<Request, Address extends Deno.Addr>
  implements RequestServer, AsyncDisposable {
  /** Resolves when the socket is closed and no request is in progress. */
  readonly finished: Promise<void>;
  readonly #socket: ServerSocket<Address>;
  readonly #Handler: RequestHandlerClass<Request, Address>;
  readonly #maxConnections: number;
  readonly #timeout: number;
  readonly #waits: boolean;
  readonly #gracePeriod: number;
  /** In no order: one that ends gives its place to the last. */
  readonly #activities: Activity<Request, Address>[] = [];
  readonly #requestDeadlines:
    | Deadlines<Activity<Request, Address>>
    | undefined;
  readonly #unlinkSignals: (() => void)[] = [];
  #counted = 0;
  #serviceTimer: ReturnType<typeof setInterval> | undefined;
  #unreffed = false;
  #serving = false;
  #stopping = false;
  /** Whether `stopListening` is done. */
  #stopped = false;
  #closed = false;
  #onListen: ((address: Address) => void) | undefined;
  #finish!: () => void;
  /** Wakes the accept loop: a place is free, a pause is over, or it must stop. */
  #wake: (() => void) | undefined;
  /** What `handleRequest` asked for and has not been given yet. */
  #accepting: Promise<void> | undefined;
  #accepted: PromiseSettledResult<[Request, Address]> | undefined;
  #acceptFailing = false;
  #graceTimers = new Set<ReturnType<typeof setTimeout>>();
  /** Told when a request ends, by shutdowns called inside a handler. */
  #drainWatchers = new Set<() => void>();

  /**
   * Constructs a new instance: checks the options, then opens the socket.
   *
   * @param open Opens the socket. What it throws, the constructor throws.
   * @param Handler The handler class.
   * @param options Options that every server has.
   * @param waits Whether all handlers are taken to wait for something, which
   * need not be looked for then.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If `signal` is not an `AbortSignal`.
   */
  constructor(
    open: () => ServerSocket<Address>,
    Handler: RequestHandlerClass<Request, Address>,
    options: ServerOptions<Address> = {},
    waits = true,
  ) {
    const {
      maxConnections = DEFAULT_MAX_CONNECTIONS,
      timeout = Infinity,
      requestTimeout = Infinity,
      gracePeriod = DEFAULT_GRACE_PERIOD,
    } = options;
    checkCount("maxConnections", maxConnections, 1);
    checkTime("timeout", timeout);
    checkTime("requestTimeout", requestTimeout);
    checkTime("gracePeriod", gracePeriod);
    checkSignal(options.signal);
    this.#Handler = Handler;
    this.#maxConnections = maxConnections;
    this.#timeout = timeout;
    this.#waits = waits;
    this.#gracePeriod = gracePeriod;
    this.#onListen = options.onListen;
    if (requestTimeout !== Infinity) {
      this.#requestDeadlines = new Deadlines(
        (activity) => activity.started + requestTimeout,
        (activity) =>
          this.#abort(
            activity,
            new DOMException(
              `The request took longer than requestTimeout, ${requestTimeout} ms`,
              "TimeoutError",
            ),
          ),
      );
    }
    this.finished = new Promise((resolve) => this.#finish = resolve);
    this.#socket = open();
    if (options.signal !== undefined) this.#shutdownOn(options.signal);
  }

  /**
   * The address the server is bound to, its port chosen if 0 was asked for.
   *
   * @returns The address.
   */
  get addr(): Address {
    return this.#socket.addr;
  }

  /** Lets the server keep the process alive, as it does from the start. */
  ref(): void {
    this.#unreffed = false;
    this.#socket.ref();
    if (this.#serviceTimer !== undefined) Deno.refTimer(this.#serviceTimer);
  }

  /** Lets the process end while the server waits for requests. */
  unref(): void {
    this.#unreffed = true;
    this.#socket.unref();
    if (this.#serviceTimer !== undefined) Deno.unrefTimer(this.#serviceTimer);
  }

  /**
   * Serves until `shutdown` or `close`.
   *
   * @param options `signal` shuts the server down when aborted.
   * @returns A promise that resolves when the server has finished: it is not
   * listening any more and no request is in progress.
   * @throws {Deno.errors.Busy} If it serves already.
   * @throws {TypeError} If `signal` is not an `AbortSignal`.
   */
  async serveForever(
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    checkSignal(options.signal);
    this.#claim();
    const service = this.serviceActions !== BaseServer.prototype.serviceActions;
    if (service) {
      this.#serviceTimer = setInterval(() => this.#service(), SERVICE_INTERVAL);
      if (this.#unreffed) this.unref();
    }
    try {
      if (options.signal !== undefined) this.#shutdownOn(options.signal);
      if (!this.#stopping) this.#announce();
      await inNewScope(() => this.#acceptAll(service));
    } finally {
      clearInterval(this.#serviceTimer);
      this.#serving = false;
    }
    await this.finished;
  }

  async #acceptAll(service: boolean): Promise<void> {
    while (!this.#stopping) {
      if (!this.#hasRoom()) {
        await this.#pause();
        continue;
      }
      let accepted: [Request, Address];
      try {
        accepted = this.#accepting === undefined
          ? await this.getRequest()
          : await this.#takeAccepted();
      } catch (error) {
        if (this.#stopping) break;
        await this.#acceptFailed(error);
        continue;
      }
      this.#acceptFailing = false;
      if (this.#stopping) {
        void this.#discard(accepted);
        break;
      }
      this.#start(accepted[0], accepted[1]);
      if (service) this.#service();
    }
  }

  /**
   * Serves exactly one request: the next one, whose handler has ended when the
   * promise resolves. After the `timeout` option's milliseconds without one,
   * calls `handleTimeout` instead. A client that connects later is kept for the
   * next call.
   *
   * @returns A promise that resolves when the request has been handled.
   * @throws {Deno.errors.Busy} If the server is serving already.
   * @throws {Deno.errors.BadResource} If the server is closed.
   */
  async handleRequest(): Promise<void> {
    if (this.#stopping) {
      throw new Deno.errors.BadResource(
        "Cannot handle a request: the server is closed",
      );
    }
    this.#claim();
    const deadline = performance.now() + this.#timeout;
    let waited = false;
    try {
      this.#announce();
      while (!this.#stopping) {
        if (this.#accepting === undefined) this.#acceptAhead();
        if (this.#accepted === undefined) {
          const left = Math.max(0, deadline - performance.now());
          // Even no time at all is enough for a client that waits already.
          if (left === 0 && waited) return await this.handleTimeout();
          waited = true;
          await this.#pause(left);
          continue;
        }
        try {
          const [request, clientAddress] = await this.#takeAccepted();
          this.#acceptFailing = false;
          await new Promise<void>((resolve) =>
            inNewScope(() => this.#start(request, clientAddress, resolve))
          );
          return;
        } catch (error) {
          if (!this.#stopping) await this.#acceptFailed(error);
        }
      }
    } finally {
      this.#serving = false;
    }
  }

  /**
   * Accepts nothing more, lets running handlers finish, and after the grace
   * period aborts their signals and closes their connections.
   *
   * May be called at any time, more than once (the shortest grace period
   * counts), from a signal handler, and inside a request handler: there, the
   * promise does not wait for handlers that themselves wait for a shutdown.
   *
   * @param options The grace period.
   * @returns A promise that resolves when no request is in progress.
   * @throws {RangeError} If `gracePeriod` is not a non-negative number.
   */
  shutdown(options: ShutdownOptions = {}): Promise<void> {
    return this.#shutdown(options, this.#callingActivity());
  }

  /**
   * Shuts down as if the handler of `request` had called `shutdown`.
   *
   * @param request What was accepted.
   * @param options The grace period.
   * @returns A promise that does not wait for that handler.
   * @ignore
   */
  shutdownFrom(request: Request, options: ShutdownOptions): Promise<void> {
    return this.#shutdown(options, this.#activityOf(request));
  }

  async #shutdown(
    options: ShutdownOptions,
    caller: Activity<unknown, unknown> | undefined,
  ): Promise<void> {
    const gracePeriod = options.gracePeriod ?? this.#gracePeriod;
    checkTime("gracePeriod", gracePeriod);
    this.#stopAccepting();
    if (this.#activities.length > 0 && gracePeriod !== Infinity) {
      this.#abortAfter(gracePeriod, false);
      // Who waits for the shutdown can finish only when the others have.
      this.#abortAfter(2 * gracePeriod + ABANDON_AFTER, true);
    }
    if (caller === undefined) await this.finished;
    else await this.#drainedExceptWaiting(caller);
  }

  /**
   * Stops listening now. Requests in progress go on; `finished` tells when they
   * have ended. Calling it again changes nothing.
   */
  close(): void {
    this.#stopAccepting();
    this.#closeSocket();
  }

  /**
   * Shuts down, as `await using` does at the end of the block.
   *
   * @returns A promise that resolves when no request is in progress.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /**
   * Waits for the next request.
   *
   * @returns The request and the client's address.
   */
  abstract getRequest(): Promise<[Request, Address]>;

  /**
   * Decides whether a request is served. A request refused is shut down
   * unanswered. The base serves all.
   *
   * @param _request What was accepted.
   * @param _clientAddress The client's address.
   * @returns Whether to go on with it.
   */
  verifyRequest(
    _request: Request,
    _clientAddress: Address,
  ): boolean | Promise<boolean> {
    return true;
  }

  /**
   * Serves a verified request: `finishRequest`, then `shutdownRequest`.
   *
   * @param request What was accepted.
   * @param clientAddress The client's address.
   * @returns Nothing, or a promise that resolves when both are done.
   */
  processRequest(
    request: Request,
    clientAddress: Address,
  ): void | Promise<void> {
    const finished = this.finishRequest(request, clientAddress);
    return finished === undefined
      ? this.shutdownRequest(request)
      : finished.then(() => this.shutdownRequest(request));
  }

  /**
   * Makes an instance of the handler class and runs it.
   *
   * @param request What was accepted.
   * @param clientAddress The client's address.
   * @returns Nothing, or a promise that resolves when the handler has ended.
   */
  finishRequest(
    request: Request,
    clientAddress: Address,
  ): void | Promise<void> {
    return this.runRequest(request, clientAddress);
  }

  /**
   * Runs a handler, here and now. Mixins run it elsewhere.
   *
   * @param request What was accepted.
   * @param clientAddress The client's address.
   * @returns Nothing, or a promise that resolves when the handler has ended.
   * @ignore
   */
  runRequest(
    request: Request,
    clientAddress: Address,
  ): void | Promise<void> {
    const handler = new this.#Handler(request, clientAddress, this);
    this.listenTo(request, new LocalListener(handler));
    return runHandler(
      handler,
      (unsent) => this.settling(request, unsent),
      noteWaiting,
    );
  }

  /**
   * Called when a handler has ended, before what it left to be sent is waited
   * for.
   *
   * @param _request What was accepted.
   * @param _unsent What is left.
   * @ignore
   */
  settling(_request: Request, _unsent: Unsent): void {}

  /**
   * Called when the hooks and the handler of a request have all ended, also
   * where the server gave up waiting for them before.
   *
   * @param _request What was accepted.
   * @ignore
   */
  settled(_request: Request): void {}

  /**
   * Has a request's handler told what becomes of the request.
   *
   * @param request What was accepted.
   * @param listener Tells the handler.
   * @throws What the request was aborted with, if it already is.
   * @ignore
   */
  listenTo(request: Request, listener: RequestListener): void {
    const activity = this.#activityOf(request);
    if (activity === undefined) return;
    // While verifyRequest was thinking.
    if (activity.aborted !== undefined) throw activity.aborted.reason;
    activity.listener = listener;
    if (this.#stopping) this.#tellShuttingDown(activity);
  }

  #tellShuttingDown(activity: Activity<Request, Address>): void {
    const { listener, request, clientAddress } = activity;
    void this.#attempt(() => listener?.shuttingDown(), request, clientAddress);
  }

  /**
   * Ends a request, whether it was served or refused. The base only calls
   * `closeRequest`.
   *
   * @param request What was accepted.
   * @returns Nothing, or a promise to wait for.
   */
  shutdownRequest(request: Request): void | Promise<void> {
    return this.closeRequest(request);
  }

  /**
   * Releases what belongs to a request. The base has nothing to release.
   *
   * @param _request What was accepted.
   * @returns Nothing, or a promise to wait for.
   */
  closeRequest(_request: Request): void | Promise<void> {}

  /**
   * Releases what belongs to a request where the hooks that should have have
   * failed. The base has nothing to release.
   *
   * @param _request What was accepted.
   * @ignore
   */
  releaseRequest(_request: Request): void {}

  /**
   * Called with what a request's handler or hooks threw, with the reason where
   * a request was aborted, and without a request where accepting failed, or a
   * thread or process that ran none is gone or could not be started beside
   * others. The base prints it to stderr, in one line where the peer just went
   * away.
   *
   * @param error What was thrown.
   * @param _request The request, if the error belongs to one.
   * @param clientAddress The client's address, if the error belongs to one.
   * @returns Nothing, or a promise to wait for.
   */
  handleError(
    error: unknown,
    _request?: Request,
    clientAddress?: Address,
  ): void | Promise<void> {
    const where = clientAddress === undefined
      ? `Error on ${describe(this.addr)}`
      : `Error while serving ${describe(clientAddress)}`;
    if (isDisconnect(error) || error instanceof DOMException) {
      console.error(`${where}: ${error}`);
    } else console.error(`${where}:`, error);
  }

  /**
   * Called by `handleRequest` when no request came in time. Does nothing unless
   * overridden.
   *
   * @returns Nothing, or a promise to wait for.
   */
  handleTimeout(): void | Promise<void> {}

  /**
   * Called by `serveForever` after each request it accepted and twice a second.
   * Does nothing unless overridden.
   *
   * @returns Nothing, or a promise, which is not waited for.
   */
  serviceActions(): void | Promise<void> {}

  /**
   * Takes a request out of the count of `maxConnections` while its last bytes
   * are on their way out. It still delays the end of a shutdown.
   *
   * @param request What was accepted.
   * @ignore
   */
  release(request: Request): void {
    const activity = this.#activityOf(request);
    if (activity !== undefined) this.#uncount(activity);
  }

  /**
   * Tells `handleError` what belongs to no request.
   *
   * @param error What went wrong.
   * @ignore
   */
  reportServerError(error: unknown): void {
    void this.#report(error);
  }

  /**
   * Ends a request before its handler does.
   *
   * @param request What was accepted.
   * @param reason What its signal is aborted with and `handleError` is told.
   * @ignore
   */
  abortRequest(request: Request, reason: unknown): void {
    const activity = this.#activityOf(request);
    if (activity !== undefined) this.#abort(activity, reason);
  }

  #claim(): void {
    if (this.#serving) {
      throw new Deno.errors.Busy(
        "Cannot serve: serveForever or handleRequest is already running on this server",
      );
    }
    this.#serving = true;
  }

  #announce(): void {
    const onListen = this.#onListen;
    this.#onListen = undefined;
    const told: unknown = onListen?.(this.addr);
    if (told instanceof Promise) void this.#attempt(() => told);
  }

  #shutdownOn(signal: AbortSignal): void {
    const stop = () => void this.shutdown();
    // Later than now: a subclass may still be constructing.
    if (signal.aborted) return queueMicrotask(stop);
    signal.addEventListener("abort", stop, { once: true });
    this.#unlinkSignals.push(() => signal.removeEventListener("abort", stop));
  }

  #hasRoom(): boolean {
    return this.#counted < this.#maxConnections;
  }

  /** Waits for `#wake`, or until `ms` milliseconds have gone by. */
  async #pause(ms = Infinity): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (ms !== Infinity) {
        timer = setTimeout(resolve, Math.min(ms, LONGEST_DELAY));
      }
    });
    this.#wake = undefined;
    clearTimeout(timer);
  }

  /** Accepts in the background: an accept cannot be taken back. */
  #acceptAhead(): void {
    this.#accepting = Promise.try(() => this.getRequest()).then(
      (value) => {
        if (this.#stopping) return void this.#discard(value);
        this.#accepted = { status: "fulfilled", value };
        this.#wake?.();
      },
      (reason) => {
        this.#accepted = { status: "rejected", reason };
        this.#wake?.();
      },
    );
  }

  async #takeAccepted(): Promise<[Request, Address]> {
    await this.#accepting;
    const accepted = this.#accepted;
    this.#accepting = this.#accepted = undefined;
    if (accepted?.status === "fulfilled") return accepted.value;
    throw accepted?.reason;
  }

  /** Closes a request that no hook closes, or not soon enough. */
  #discard([request, clientAddress]: [Request, Address]): Promise<void> {
    return this.#callLast(
      () => this.closeRequest(request),
      request,
      clientAddress,
    );
  }

  /** Calls the hook that is the last to release a request, and makes up for it. */
  async #callLast(
    hook: () => unknown,
    request: Request,
    clientAddress: Address,
  ): Promise<void> {
    if (await this.#attempt(hook, request, clientAddress)) return;
    this.releaseRequest(request);
  }

  async #acceptFailed(error: unknown): Promise<void> {
    if (isClientError(error)) return void this.#report(error);
    if (isClosedError(error)) {
      // Closed by somebody else: there is nothing left to accept from.
      this.close();
      throw error;
    }
    if (!this.#acceptFailing) {
      // Once, and not ten times a second for as long as it lasts.
      this.#acceptFailing = true;
      void this.#report(error);
    }
    if (!this.#stopping) await this.#pause(ACCEPT_PAUSE);
  }

  #service(): void {
    void this.#attempt(() => this.serviceActions());
  }

  #start(
    request: Request,
    clientAddress: Address,
    onHandled?: () => void,
  ): void {
    const activity: Activity<Request, Address> = {
      server: this,
      request,
      clientAddress,
      started: this.#requestDeadlines === undefined ? 0 : performance.now(),
      within: runningActivity(),
      waits: this.#waits || this.#hasHooks,
      scope: undefined,
      listener: undefined,
      aborted: undefined,
      awaitedShutdowns: 0,
      counted: true,
      onHandled,
      abandonTimer: undefined,
      index: this.#activities.length,
    };
    this.#activities.push(activity);
    this.#counted++;
    this.#requestDeadlines?.add(activity);
    const outer = starting;
    starting = activity;
    this.#run(activity);
    starting = outer;
    if (activity.waits && activity.index >= 0) leaveScope(activity);
  }

  /** Whether a subclass has hooks that may run when `#run` has returned. */
  get #hasHooks(): boolean {
    const base = BaseServer.prototype;
    return this.processRequest !== base.processRequest ||
      this.finishRequest !== base.finishRequest ||
      this.shutdownRequest !== base.shutdownRequest ||
      this.closeRequest !== base.closeRequest;
  }

  /** Not `async`, which would cost a small datagram as much as its handler. */
  #run(activity: Activity<Request, Address>): void {
    let done: void | Promise<void>;
    try {
      const verdict = this.verifyRequest(
        activity.request,
        activity.clientAddress,
      );
      if (typeof verdict === "boolean") done = this.#proceed(activity, verdict);
      else {
        activity.waits = true;
        done = Promise.resolve(verdict).then((served) =>
          this.#proceed(activity, served)
        );
      }
    } catch (error) {
      return void this.#failed(activity, error);
    }
    if (done === undefined) this.#succeeded(activity);
    else {
      done.then(
        () => this.#succeeded(activity),
        (error) => this.#failed(activity, error),
      );
    }
  }

  #proceed(
    { request, clientAddress }: Activity<Request, Address>,
    served: boolean,
  ): void | Promise<void> {
    return served
      ? this.processRequest(request, clientAddress)
      : this.shutdownRequest(request);
  }

  #succeeded(activity: Activity<Request, Address>): void {
    if (activity.aborted === undefined) this.#settle(activity);
    else {
      this.#reportAborted(activity).then(() => this.#settle(activity));
    }
  }

  async #failed(
    activity: Activity<Request, Address>,
    error: unknown,
  ): Promise<void> {
    if (activity === starting) activity.waits = true;
    else if (activity.scope === undefined) {
      return inNewScope((scope) => {
        scope.activity = activity;
        activity.scope = scope;
        return this.#failed(activity, error);
      });
    }
    const { request, clientAddress } = activity;
    if (activity.aborted !== undefined) await this.#reportAborted(activity);
    else await this.#report(error, request, clientAddress);
    await this.#callLast(
      () => this.shutdownRequest(request),
      request,
      clientAddress,
    );
    this.#settle(activity);
  }

  /** Nothing runs any more that has the request. */
  #settle(activity: Activity<Request, Address>): void {
    this.settled(activity.request);
    this.#end(activity);
  }

  /** Forgets a request: nothing is left of it to wait for. */
  #end(activity: Activity<Request, Address>): void {
    const { index } = activity;
    if (index < 0) return;
    activity.index = -1;
    if (activity.scope !== undefined) activity.scope.activity = undefined;
    if (activity.abandonTimer !== undefined) {
      clearTimeout(activity.abandonTimer);
    }
    const last = this.#activities.pop()!;
    if (last !== activity) {
      this.#activities[index] = last;
      last.index = index;
    }
    this.#uncount(activity);
    this.#wake?.();
    if (this.#stopping) this.#drained();
  }

  #drained(): void {
    for (const watcher of this.#drainWatchers) watcher();
    this.#finishIfDrained();
  }

  /**
   * The activity of a request. Mostly it is the one whose context this runs in;
   * a subclass may have left that.
   */
  #activityOf(request: Request): Activity<Request, Address> | undefined {
    const activity = runningActivity();
    return activity?.request === request && activity.server === this
      ? activity as Activity<Request, Address>
      : this.#activities.find((activity) => activity.request === request);
  }

  #uncount(activity: Activity<Request, Address>): void {
    if (!activity.counted) return;
    activity.counted = false;
    this.#counted--;
    this.#requestDeadlines?.delete(activity);
    activity.onHandled?.();
    this.#wake?.();
  }

  #abort(activity: Activity<Request, Address>, reason: unknown): void {
    if (activity.aborted !== undefined) return;
    activity.aborted = { reason, reported: false };
    activity.listener?.aborted(reason);
    void this.#discard([activity.request, activity.clientAddress]);
    activity.abandonTimer = setTimeout(() => {
      void this.#reportAborted(activity);
      this.#end(activity);
    }, ABANDON_AFTER);
  }

  /** Reports why a request was aborted, once. */
  async #reportAborted(activity: Activity<Request, Address>): Promise<void> {
    const { aborted, request, clientAddress } = activity;
    if (aborted === undefined || aborted.reported) return;
    aborted.reported = true;
    await this.#report(aborted.reason, request, clientAddress);
  }

  #abortAfter(ms: number, waitingToo: boolean): void {
    const timer = setTimeout(() => {
      const reason = new DOMException(
        `The server shut down and the request did not finish within ${ms} ms`,
        "AbortError",
      );
      for (const activity of [...this.#activities]) {
        if (waitingToo || activity.awaitedShutdowns === 0) {
          this.#abort(activity, reason);
        }
      }
    }, Math.min(ms, LONGEST_DELAY));
    this.#graceTimers.add(timer);
  }

  /**
   * Calls a hook now, and reports what it throws or rejects with.
   *
   * @returns Whether it did neither.
   */
  async #attempt(
    hook: () => unknown,
    request?: Request,
    clientAddress?: Address,
  ): Promise<boolean> {
    try {
      await hook();
      return true;
    } catch (error) {
      await this.#report(error, request, clientAddress);
      return false;
    }
  }

  async #report(
    error: unknown,
    request?: Request,
    clientAddress?: Address,
  ): Promise<void> {
    try {
      await this.handleError(error, request, clientAddress);
    } catch (failure) {
      // The last resort: whatever a hook does, the server goes on.
      printFailure(failure, error);
    }
  }

  #stopAccepting(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const unlink of this.#unlinkSignals) unlink();
    if (this.#accepted?.status === "fulfilled") {
      void this.#discard(this.#accepted.value);
    }
    this.#accepted = undefined;
    this.#stopListening();
    this.#wake?.();
    for (const activity of [...this.#activities]) {
      this.#tellShuttingDown(activity);
    }
  }

  /**
   * Called once when the server stops accepting. The base closes the socket;
   * a datagram server keeps it for the replies that are still to be sent.
   *
   * @returns Nothing, or a promise that `finished` waits for.
   * @ignore
   */
  stopListening(): void | Promise<void> {
    this.#closeSocket();
  }

  async #stopListening(): Promise<void> {
    await this.#attempt(() => this.stopListening());
    this.#stopped = true;
    this.#finishIfDrained();
  }

  #closeSocket(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #finishIfDrained(): void {
    if (!this.#stopped || this.#activities.length > 0) return;
    for (const timer of this.#graceTimers) clearTimeout(timer);
    this.#graceTimers.clear();
    this.#closeSocket();
    this.#attempt(() => this.releaseResources()).then(this.#finish);
  }

  /**
   * Called when the socket is closed and no request is in progress.
   *
   * @returns Nothing, or a promise that `finished` waits for.
   * @ignore
   */
  releaseResources(): void | Promise<void> {}

  /** The request of this server inside whose handler the caller runs. */
  #callingActivity(): Activity<unknown, unknown> | undefined {
    let activity = runningActivity();
    while (activity !== undefined && activity.server !== this) {
      activity = activity.within;
    }
    // What a handler left running may outlive its request.
    return activity !== undefined && activity.index >= 0 ? activity : undefined;
  }

  async #drainedExceptWaiting(
    caller: Activity<unknown, unknown>,
  ): Promise<void> {
    caller.awaitedShutdowns++;
    await new Promise<void>((resolve) => {
      const check = () => {
        if (this.#activities.some((other) => other.awaitedShutdowns === 0)) {
          return;
        }
        this.#drainWatchers.delete(check);
        resolve();
      };
      this.#drainWatchers.add(check);
      for (const watcher of this.#drainWatchers) watcher();
    });
    caller.awaitedShutdowns--;
  }
}

/** Runs something in a new context, in which the outer request is as before. */
function inNewScope<T>(run: (scope: Scope) => T): T {
  const scope: Scope = { activity: runningActivity() };
  return scopes.run(scope, () => run(scope));
}

/** Leaves the current context to a request; who called takes another. */
function leaveScope(activity: Activity<unknown, unknown>): void {
  const scope = activity.scope = scopes.getStore()!;
  scope.activity = activity;
  scopes.enterWith({ activity: activity.within });
}

function printFailure(failure: unknown, error: unknown): void {
  try {
    console.error("handleError failed:", failure, "while handling:", error);
  } catch {
    console.error("handleError failed, and what was thrown cannot be printed");
  }
}

function describe(address: Deno.Addr): string {
  if ("hostname" in address) return `${address.hostname}:${address.port}`;
  if ("path" in address) return address.path ?? "an unnamed Unix socket";
  return Deno.inspect(address);
}
