import "./_core/opened_early.ts";
import { RUN } from "../handlers/_host.ts";
import type { RequestServer } from "../handlers/base_request_handler.ts";
import { AcceptLoop, type Acceptor } from "./_core/accept_loop.ts";
import { checkKeys } from "../handlers/_known_keys.ts";
import { Ending } from "./_core/ending.ts";
import { checkServerOptions, checkSignal } from "./_core/options.ts";
import { awaitServing, forgetServing } from "./_core/never_served.ts";
import { printError, Reporter } from "./_core/reporter.ts";
import { Room } from "./_core/room.ts";
import { type Runner, seamOf, type ServingLoop } from "./_core/seam.ts";
import {
  adoptWrapped,
  callingRequest,
  discard,
  requestDeadlines,
  ServedRequest,
  servedRequestOf,
  type Serving,
} from "./_core/served_request.ts";
import type {
  RequestHandlerClass,
  ServerOptions,
  ServerSocket,
  ShutdownOptions,
} from "./server_options.ts";

/** How often overridden `serviceActions` run, in milliseconds; CPython's `poll_interval`. */
const SERVICE_INTERVAL = 500;

/**
 * The base of all servers: what happens between a socket and a handler,
 * whatever kind of socket it is.
 *
 * Each step of a request is a method to override, called in this order:
 * `getRequest`, `verifyRequest`, `processRequest` (which calls `finishRequest`,
 * where the handler runs, and `shutdownRequest`), `closeRequest`. Whatever one
 * of them throws goes to `handleError`, and the server goes on.
 *
 * A step that wraps the request hands the wrapped one on:
 * `super.finishRequest(wrapped, clientAddress)`. Limits, timeouts and signals
 * stay those of the request that was accepted.
 *
 * Handlers run concurrently on the event loop.
 */
export abstract class BaseServer<Request, Address extends Deno.Addr>
  implements RequestServer, AsyncDisposable {
  readonly #socket: ServerSocket<Address>;
  readonly #Handler: RequestHandlerClass<Request, Address>;
  readonly #options: ServerOptions<Address, Request>;
  readonly #serving: Serving<Request, Address>;
  readonly #ending: Ending<Request, Address>;
  readonly #runner: Runner | undefined;
  readonly #loop: ServingLoop;
  readonly #seenAs: RequestServer;
  #serviceTimer: ReturnType<typeof setInterval> | undefined;
  #announced = false;
  #unreffed = false;
  /** Whether `serveForever` or `handleRequest` runs. */
  #claimed = false;

  /**
   * Constructs a new instance: checks the options, then opens the socket.
   *
   * @param open Opens the socket. What it throws, the constructor throws.
   * @param Handler The handler class.
   * @param options Options that every server has.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If `signal` is not an `AbortSignal`, a callback not a
   * function, or the name of an option unknown.
   */
  constructor(
    open: () => ServerSocket<Address>,
    Handler: RequestHandlerClass<Request, Address>,
    options: ServerOptions<Address, Request> = {},
  ) {
    const seam = seamOf<Request, Address>(options);
    const { runner, transport = {}, optionNames } = seam;
    const { maxConnections, requestTimeout, gracePeriod } = checkServerOptions(
      options,
      optionNames,
    );
    this.#Handler = Handler;
    this.#options = options;
    this.#runner = runner;
    const socket = this.#socket = open();
    this.#seenAs = seam.seenAs ?? this;
    const room: Room<ServedRequest<Request, Address>> =
      seam.makeRoom?.(maxConnections) ?? new Room(maxConnections);
    const reporter = new Reporter<Request, Address>(
      (error, request, address) => this.handleError(error, request, address),
    );
    const loop = new AcceptLoop(this.#acceptor(), room, reporter);
    this.#loop = runner?.replaceLoop?.(loop) ?? loop;
    this.#ending = new Ending({
      ...{ loop: this.#loop, room, reporter, transport, runner, gracePeriod },
      closeSocket: () => {
        forgetServing(this);
        socket.close();
      },
    });
    const { measuresRequests: measures = false } = Handler as {
      readonly measuresRequests?: boolean;
    };
    this.#serving = {
      ...{ room, reporter, transport, hooks: this, ending: this.#ending },
      deadlines: requestTimeout === Infinity || measures
        ? undefined
        : requestDeadlines(requestTimeout),
      requestTimeout: measures ? requestTimeout : Infinity,
      byRequest: this.#overridesSteps() ? new Map() : undefined,
    };
    try {
      runner?.start({
        addr: socket.addr,
        shutdown: (options) => void this.shutdown(options),
        report: (error, clientAddress) =>
          reporter.report(error, undefined, clientAddress as Address),
      });
    } catch (error) {
      this.close();
      throw error;
    }
    if (options.signal !== undefined) this.#ending.shutdownOn(options.signal);
    awaitServing(this);
  }

  /**
   * Tells when the server has ended.
   *
   * @returns A promise that resolves when the socket is closed and no request is
   * in progress.
   */
  get finished(): Promise<void> {
    return this.#ending.finished;
  }

  /**
   * The address the server is bound to, its port chosen if 0 was asked for.
   *
   * @returns The address.
   */
  get addr(): Address {
    return this.#socket.addr;
  }

  /**
   * How long a request may take where its handler measures that itself.
   *
   * @returns The time in milliseconds, `Infinity` if there is no limit.
   */
  get requestTimeout(): number {
    return this.#serving.requestTimeout;
  }

  /** Lets the server keep the process alive, as it does from the start. */
  ref(): void {
    this.#unreffed = false;
    this.#socket.ref();
    this.#runner?.keepAlive?.(true);
    if (this.#serviceTimer !== undefined) Deno.refTimer(this.#serviceTimer);
  }

  /** Lets the process end while the server waits for requests. */
  unref(): void {
    this.#unreffed = true;
    this.#socket.unref();
    this.#runner?.keepAlive?.(false);
    if (this.#serviceTimer !== undefined) Deno.unrefTimer(this.#serviceTimer);
  }

  /**
   * Serves until `shutdown` or `close`.
   *
   * @param options `signal` shuts the server down when aborted.
   * @returns A promise that resolves when the server has finished: it is not
   * listening any more and no request is in progress.
   * @throws {Deno.errors.Busy} If it serves already.
   * @throws {TypeError} If `signal` is not an `AbortSignal`, or an option has an
   * unknown name.
   */
  async serveForever(
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    checkKeys("option", options, ["signal"], undefined, "serve");
    checkSignal(options.signal);
    this.#claim();
    if (this.serviceActions !== BaseServer.prototype.serviceActions) {
      this.#serviceTimer = setInterval(() => this.#service(), SERVICE_INTERVAL);
      if (this.#unreffed) this.unref();
    }
    try {
      if (options.signal !== undefined) {
        this.#ending.shutdownOn(options.signal);
      }
      if (!this.#ending.stopping) {
        this.#announce();
        await this.#loop.serveAll();
      } else {
        console.warn(
          `${this.constructor.name}: serveForever() returns, since the server was shut down before`,
        );
      }
    } finally {
      clearInterval(this.#serviceTimer);
      this.#claimed = false;
    }
    await this.finished;
  }

  /**
   * Serves exactly one request: the next one, whose handler has ended when the
   * promise resolves. A server of threads or processes has handed it over then,
   * so that it can serve the next one meanwhile. After the `timeout` option's
   * milliseconds without one, calls `handleTimeout` instead. A client that
   * connects later is kept for the next call.
   *
   * @returns A promise that resolves when the request has been handled.
   * @throws {Deno.errors.Busy} If the server is serving already.
   * @throws {Deno.errors.BadResource} If the server is closed.
   */
  async handleRequest(): Promise<void> {
    if (this.#ending.stopping) {
      throw new Deno.errors.BadResource(
        "Cannot handle a request: the server is closed",
      );
    }
    this.#claim();
    try {
      this.#announce();
      const { timeout = Infinity } = this.#options;
      if (!await this.#loop.serveOne(timeout)) await this.handleTimeout();
    } finally {
      this.#claimed = false;
    }
  }

  /**
   * Accepts nothing more but the clients that the kernel has let in already, lets
   * running handlers finish, and after the grace period aborts their signals and
   * closes their connections.
   *
   * May be called at any time, more than once (the shortest grace period
   * counts), from a signal handler, and inside a request handler: there, the
   * promise does not wait for handlers that themselves wait for a shutdown.
   *
   * @param options The grace period.
   * @returns A promise that resolves when no request is in progress.
   * @throws {RangeError} If `gracePeriod` is not a non-negative number.
   */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    checkKeys("option", options, ["gracePeriod"], undefined, "shut down");
    await this.#ending.shutdown(
      options.gracePeriod,
      callingRequest(this.#serving),
    );
  }

  /**
   * Stops listening now. Requests in progress go on; `finished` tells when they
   * have ended. Calling it again changes nothing.
   */
  close(): void {
    this.#ending.close();
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
   * unanswered. The base asks the `verify` option, and serves all without it.
   *
   * @param request What was accepted.
   * @param clientAddress The client's address.
   * @returns Whether to go on with it.
   */
  verifyRequest(
    request: Request,
    clientAddress: Address,
  ): boolean | Promise<boolean> {
    return this.#options.verify?.(request, clientAddress) ?? true;
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
    const served = servedRequestOf(this.#serving, request) ??
      adoptWrapped(this.#serving, request);
    if (served === undefined || served.handler !== undefined) {
      throw new Deno.errors.NotFound(
        "Cannot finish a request: it is none of this server's that waits for its handler; call finishRequest() once, inside processRequest(), and wrap a connection there or in getRequest()",
      );
    }
    const { transport } = this.#serving;
    if (transport.around === undefined) {
      return this.#runHandler(served, request, clientAddress);
    }
    return transport.around(
      served,
      () => this.#runHandler(served, request, clientAddress),
    );
  }

  /**
   * Ends a request, whether it was served or refused, so that the reply arrives:
   * a connection lingers until its peer has taken it. Then calls `closeRequest`.
   *
   * @param request What was accepted.
   * @returns Nothing, or a promise to wait for.
   */
  shutdownRequest(request: Request): void | Promise<void> {
    const served = servedRequestOf(this.#serving, request);
    const closing = served?.beginEnd() ?? "linger";
    const ended = this.#serving.transport.end?.(request, closing);
    return ended === undefined
      ? this.closeRequest(request)
      : ended.then(() => this.closeRequest(request));
  }

  /**
   * Releases what belongs to a request: closes a connection now. Doing it again
   * changes nothing.
   *
   * @param request What was accepted.
   * @returns Nothing, or a promise to wait for.
   */
  closeRequest(request: Request): void | Promise<void> {
    this.#serving.transport.close?.(request);
  }

  /**
   * Called with what a request's handler or hooks threw, with the reason where
   * a request was aborted, and without a request where accepting failed, or a
   * thread or process that ran none is gone or could not be started beside
   * others. The base calls the `onError` option, or prints it to stderr: in one
   * line where the peer just went away, with control characters escaped.
   *
   * @param error What was thrown.
   * @param request The request, if the error belongs to one.
   * @param clientAddress The client's address, if the error belongs to one.
   * @returns Nothing, or a promise to wait for.
   */
  handleError(
    error: unknown,
    request?: Request,
    clientAddress?: Address,
  ): void | Promise<void> {
    const { onError } = this.#options;
    if (onError !== undefined) return onError(error, request, clientAddress);
    printError(error, this.addr, clientAddress);
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

  #acceptor(): Acceptor<Request, Address> {
    const runner = this.#runner;
    const accept = () => this.getRequest();
    return {
      accept: runner === undefined
        ? accept
        : () => runner.congestion()?.then(accept) ?? accept(),
      serve: (request, clientAddress, handled) => {
        new ServedRequest(this.#serving, request, clientAddress, handled)
          .start();
        if (this.#serviceTimer !== undefined) this.#service();
      },
      discard: (request, clientAddress) =>
        void discard(this.#serving, request, clientAddress),
      closed: () => this.close(),
    };
  }

  /** Runs a handler: elsewhere where there is a runner, else here and now. */
  #runHandler(
    served: ServedRequest<Request, Address>,
    request: Request,
    clientAddress: Address,
  ): void | Promise<void> {
    if (this.#runner !== undefined) {
      return this.#runner.run(served, request, clientAddress);
    }
    const handler = new this.#Handler(
      request,
      clientAddress,
      this.#seenAs as never,
    );
    served.handledBy(handler);
    return handler[RUN](served);
  }

  /** Whether a subclass has hooks that may go on outside a request's context. */
  #overridesSteps(): boolean {
    const base = BaseServer.prototype;
    return this.processRequest !== base.processRequest ||
      this.finishRequest !== base.finishRequest ||
      this.shutdownRequest !== base.shutdownRequest ||
      this.closeRequest !== base.closeRequest;
  }

  #service(): void {
    void this.#serving.reporter.attempt(() => this.serviceActions());
  }

  #claim(): void {
    if (this.#claimed) {
      throw new Deno.errors.Busy(
        "Cannot serve: serveForever or handleRequest is already running on this server",
      );
    }
    this.#claimed = true;
    forgetServing(this);
  }

  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    const told: unknown = this.#options.onListen?.(this.addr);
    if (told instanceof Promise) {
      void this.#serving.reporter.attempt(() => told);
    }
  }
}
