import "./_core/opened_early.ts";
import type { TraceSettings } from "../handlers/_tracing.ts";
import type { RequestServer } from "../handlers/base_request_handler.ts";
import { REPORT } from "../handlers/_host.ts";
import { checkKeys } from "../handlers/_known_keys.ts";
import { checkCount } from "./_core/options.ts";
import { makeParts, type Parts, startParts } from "./_core/parts.ts";
import { printError } from "./_core/reporter.ts";
import { runHandlerOf } from "./_core/run_handler.ts";
import { recycle } from "./_core/recycle.ts";
import { RECYCLE, TRACE } from "./_core/seam.ts";
import { callingRequest, servedRequestOf } from "./_core/served_request.ts";
import type { MessageSender } from "./message_sender.ts";
import type { RecycleOptions } from "./recyclable.ts";
import type { ConnectionInfo, ServerStats } from "./server_stats.ts";
import type {
  RequestHandlerClass,
  ServerOptions,
  ServerSocket,
  ShutdownOptions,
} from "./server_options.ts";

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
 * Handlers run concurrently on the event loop, and read a `Config`.
 */
export abstract class BaseServer<
  Request,
  Address extends Deno.Addr,
  Config = unknown,
> implements RequestServer<Config>, AsyncDisposable {
  readonly #Handler: RequestHandlerClass<Request, Address>;
  readonly #options: ServerOptions<Address, Request>;
  readonly #parts: Parts<Request, Address>;

  /**
   * Constructs a new instance: checks the options, then opens the socket.
   *
   * @param open Opens the socket. What it throws, the constructor throws.
   * @param Handler The handler class.
   * @param options Options that every server has.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If `signal` is not an `AbortSignal`, a callback not a
   * function, the name of an option unknown, or `config` holds what cannot travel.
   */
  constructor(
    open: () => ServerSocket<Address>,
    Handler: RequestHandlerClass<Request, Address, Config>,
    options: ServerOptions<Address, Request, Config> = {},
  ) {
    this.#Handler = Handler;
    this.#options = options;
    this.#parts = makeParts(this, BaseServer.prototype, open, Handler, options);
    startParts(this, this.#parts, options.signal);
  }

  /**
   * Tells when the server has ended.
   *
   * @returns A promise that resolves when the socket is closed and no request runs.
   */
  get finished(): Promise<void> {
    return this.#parts.ending.finished;
  }

  /**
   * The address the server is bound to, its port chosen if 0 was asked for.
   *
   * @returns The address.
   */
  get addr(): Address {
    return this.#parts.socket.addr;
  }

  /**
   * How long a request may take where its handler measures that itself.
   *
   * @returns The time in milliseconds, `Infinity` if there is no limit.
   */
  get requestTimeout(): number {
    return this.#parts.serving.requestTimeout;
  }

  /**
   * How many requests may be in progress at once: what the option of that name
   * says, and never more than the threads or processes of a server take. It may be
   * set while the server serves. Where it becomes less than there are, none of them
   * is ended, and the next waits until enough have.
   *
   * @throws {RangeError} If it is set to anything but a positive integer or
   * `Infinity`.
   */
  get maxConnections(): number {
    return this.#parts.loop.limit;
  }

  set maxConnections(limit: number) {
    checkCount("maxConnections", limit, 1, "change the server");
    this.#parts.loop.limit = Math.min(limit, this.#parts.capacity);
  }

  /**
   * Accepts nobody until `resume`: clients wait in the kernel's queue, which is as
   * long as `backlog` says, and one that was being accepted waits in the server, or in
   * each thread that accepts. Requests in progress go on. A shutdown ends it, so that
   * those who wait are served as always. Doing it again changes nothing.
   */
  suspend(): void {
    if (!this.#parts.ending.stopping) this.#parts.loop.suspend();
  }

  /** Accepts clients again, first those who wait. Doing it again changes nothing. */
  resume(): void {
    this.#parts.loop.resume();
  }

  /**
   * What handlers see as their `config`, wherever they run: a copy of the option
   * `config`, or of what it was set to last. Objects and arrays in it are frozen.
   * When it is set, all threads and processes are sent it, those to come too;
   * handlers that run see it then. Setting it copies at once.
   *
   * @throws {RangeError} If it is set to what is nested deeper than 200 levels.
   * @throws {TypeError} If it is set to what holds something that cannot travel, such
   * as a function; the error says where.
   */
  get config(): Config {
    return this.#parts.messages.config as Config;
  }

  set config(config: Config) {
    this.#parts.messages.config = config;
  }

  /**
   * Sends a message to all handlers, wherever they run: `onMessage()` of the handler
   * class is called once in each thread or process, then that of each handler that
   * runs there. Messages arrive in the order in which they were sent, later than this
   * call returns. A thread or process that starts later is not sent those before; one
   * that is starting just now is. One that dies takes with it what it has not taken.
   *
   * A thread or process that has not taken 16 MiB of them, each with 256 bytes more,
   * is sent none before it has taken half: that is told to `handleError`, and how many
   * they were when it takes some again.
   *
   * @param message What to send, as `post()` of {@linkcode RequestServer} takes it.
   * @returns To how many threads and processes it was sent; on the event loop 1, or 0
   * when the server has finished.
   * @throws {RangeError} If the message is too large.
   * @throws {TypeError} If it holds what cannot travel; the error says where.
   */
  broadcast(message: unknown): number {
    return this.#parts.messages.broadcast(message);
  }

  /**
   * Has a message handled by `handleMessage()`, as `server.post()` of a handler does.
   *
   * @param message What to send, as `post()` of {@linkcode RequestServer} takes it.
   * @returns Nothing, or a promise that resolves when there is room for more.
   * @throws {Deno.errors.Busy} If too many wait to be handled.
   * @throws {RangeError} If the message is too large.
   * @throws {TypeError} If it holds what cannot travel; the error says where.
   */
  post(message: unknown): void | Promise<void> {
    return this.#parts.messages.post(message);
  }

  /** Lets the server keep the process alive, as it does from the start. */
  ref(): void {
    this.#parts.lifecycle.keepAlive(true);
  }

  /** Lets the process end while the server waits for requests. */
  unref(): void {
    this.#parts.lifecycle.keepAlive(false);
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
  serveForever(
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    return this.#parts.lifecycle.serveForever(options);
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
  handleRequest(): Promise<void> {
    return this.#parts.lifecycle.handleRequest();
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
    await this.#parts.ending.shutdown(
      options.gracePeriod,
      callingRequest(this.#parts.serving),
    );
  }

  /**
   * Stops listening now. Requests in progress go on; `finished` tells when they
   * have ended. Calling it again changes nothing.
   */
  close(): void {
    this.#parts.ending.close();
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
   * What the server has done since it was made, and does now.
   *
   * @returns The numbers, as a plain object.
   */
  stats(): ServerStats {
    return this.#parts.numbers.stats();
  }

  /**
   * The requests in progress: connections, those that linger too, or datagrams. Of
   * threads that accept for themselves those are left out that do not answer within
   * a second; their load is in `stats()`.
   *
   * @returns A promise of what there is to tell of each.
   */
  connections(): Promise<ConnectionInfo[]> {
    return this.#parts.numbers.connections();
  }

  /**
   * Aborts a request and closes its connection, which is told to its handler's
   * signal, and not to `handleError`.
   *
   * @param id Its number, as `connections()` has told it.
   * @returns A promise of whether there was one with that number.
   * @throws {Deno.errors.TimedOut} If the thread that has it does not answer within
   * a second.
   * @throws {TypeError} If `id` is no number.
   */
  closeConnection(id: number): Promise<boolean> {
    return this.#parts.numbers.closeConnection(id);
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
    return runHandlerOf(this.#parts, this.#Handler, request, clientAddress);
  }

  /**
   * Ends a request, whether it was served or refused, so that the reply arrives:
   * a connection lingers until its peer has taken it. Then calls `closeRequest`.
   *
   * @param request What was accepted.
   * @returns Nothing, or a promise to wait for.
   */
  shutdownRequest(request: Request): void | Promise<void> {
    const served = servedRequestOf(this.#parts.serving, request);
    const closing = served?.beginEnd() ?? "linger";
    const ended = this.#parts.serving.transport.end?.(request, closing);
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
    this.#parts.serving.transport.close?.(request);
  }

  /**
   * Called with what a request's handler or hooks threw, with the reason where
   * a request was aborted, and without a request where accepting failed, or a
   * thread or process that ran none is gone or could not be started beside
   * others. The base calls the `onError` option, or prints it to stderr, with
   * control characters escaped: in one line where the peer just went away, and not
   * at all where that was before it was accepted.
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
   * Called with each message that a handler has posted, in this thread, wherever the
   * handler runs. The base calls the `onMessage` option; without that, `handleError`
   * is told once that nobody takes them.
   *
   * Handlers elsewhere are not trusted: check what they say. Until the returned
   * promise resolves the message counts as not handled.
   *
   * @param message A copy of what was posted.
   * @param from Where the handler runs.
   * @returns Nothing, or a promise; the next message does not wait for it. What it
   * rejects with goes to `handleError`.
   */
  handleMessage(
    message: unknown,
    from: MessageSender,
  ): void | Promise<void> {
    const { onMessage } = this.#options;
    if (onMessage !== undefined) return onMessage(message, from);
    this.#parts.messages.unheard();
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

  /** @ignore */
  [TRACE](settings: TraceSettings | undefined): "here" | "there" | "nowhere" {
    const { runner } = this.#parts;
    if (runner === undefined) return "here";
    return runner.trace?.(settings) === true ? "there" : "nowhere";
  }

  /** @ignore */
  [RECYCLE](options: RecycleOptions): Promise<void> {
    return recycle(this.#parts.runner!, options, this.#options);
  }

  /** @ignore */
  [REPORT](error: unknown, request: Request, from: Address): Promise<void> {
    return this.#parts.serving.reporter.report(error, request, from);
  }
}
