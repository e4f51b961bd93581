import { AsyncLocalStorage } from "node:async_hooks";
import { ABORT, CLOSING, type Closing } from "../../handlers/_host.ts";
import type { Unsent } from "../../handlers/_unsent.ts";
import { Deadlines, type Expiring } from "../_closing/deadlines.ts";
import type { Reporter } from "./reporter.ts";
import type { Guest, Room } from "./room.ts";
import type { InProgress, RunningHandler, Transport } from "./seam.ts";

/** How long an aborted handler may take to wind down, in milliseconds. */
export const ABANDON_AFTER = 1_000;

/** The steps of a request that a server's subclass may override. */
interface RequestHooks<Request, Address> {
  verifyRequest(
    request: Request,
    clientAddress: Address,
  ): boolean | Promise<boolean>;
  processRequest(
    request: Request,
    clientAddress: Address,
  ): void | Promise<void>;
  shutdownRequest(request: Request): void | Promise<void>;
  closeRequest(request: Request): void | Promise<void>;
}

/** The things that all requests of one server share. */
export interface Serving<Request, Address extends Deno.Addr> {
  readonly hooks: RequestHooks<Request, Address>;
  readonly room: Room<ServedRequest<Request, Address>>;
  readonly reporter: Reporter<Request, Address>;
  readonly transport: Transport<Request, Address>;
  /** Those of `requestTimeout`, if there is one. */
  readonly deadlines:
    | Deadlines<ServedRequest<Request, Address>>
    | undefined;
  /** How long each request may take, where handlers measure that. */
  readonly requestTimeout: number;
  /**
   * Requests by the connection or datagram that was accepted, where hooks are
   * overridden: those may go on outside the context of their request.
   */
  readonly byRequest: Map<Request, ServedRequest<Request, Address>> | undefined;
  readonly ending: {
    /** Whether the server has begun to shut down. */
    readonly stopping: boolean;
    /** How long requests then still have, in milliseconds. */
    readonly timeLeft: number;
    shutdown(
      gracePeriod: number | undefined,
      caller: ServedRequest<Request, Address>,
    ): Promise<void>;
  };
}

// deno-lint-ignore no-explicit-any -- requests of servers of all kinds.
type AnyServedRequest = ServedRequest<any, any>;

/**
 * The store of an asynchronous context. It points to the request and is not the
 * request itself: V8 may keep a store for as long as a context, which is long.
 */
interface Scope {
  /** The request inside which code runs, while it is in progress. */
  served: AnyServedRequest | undefined;
  /** The request inside which the server was told to serve, if any. */
  readonly outer: AnyServedRequest | undefined;
}

/**
 * Says for which request code runs. Each request starts in the scope of its
 * accept loop. A request that waits for something keeps that scope, and the loop
 * takes another: so a datagram that is answered at once costs no context, which
 * would cost as much again.
 */
const scopes = new AsyncLocalStorage<Scope>();

/** Accepts in a scope that requests can start in. */
export function inAcceptScope<T>(accept: () => Promise<T>): Promise<T> {
  return scopes.run(
    { served: undefined, outer: scopes.getStore()?.served },
    accept,
  );
}

/**
 * The request of a server inside whose handler or hooks the caller runs, also
 * where that is inside another server's.
 *
 * @returns `undefined` outside of all requests, and for code that a request which
 * has ended has left running.
 */
export function callingRequest<Request, Address extends Deno.Addr>(
  serving: Serving<Request, Address>,
): ServedRequest<Request, Address> | undefined {
  let served = scopes.getStore()?.served;
  while (served !== undefined && served.serving !== serving) {
    served = served.outer;
  }
  return served !== undefined && served.place >= 0 ? served : undefined;
}

/** The request in progress that something a hook was given belongs to. */
export function servedRequestOf<Request, Address extends Deno.Addr>(
  serving: Serving<Request, Address>,
  request: Request,
): ServedRequest<Request, Address> | undefined {
  // A hook has wrapped what is not found, and hooks run in their request's context.
  return serving.byRequest?.get(request) ?? callingRequest(serving);
}

/** One request in progress, from `verifyRequest` until nothing of it is left. */
export class ServedRequest<Request, Address extends Deno.Addr>
  implements
    InProgress<Request, Address>,
    Guest,
    Expiring<ServedRequest<Request, Address>> {
  /** For the deadlines of `requestTimeout`. */
  deadline: Expiring<ServedRequest<Request, Address>>["deadline"] = undefined;
  readonly serving: Serving<Request, Address>;
  /** What was accepted. */
  readonly request: Request;
  readonly clientAddress: Address;
  /** When it was accepted, in `performance.now()` time, if that matters. */
  readonly began: number;
  /** Its place in the room; -1 before it starts and when it has ended. */
  place = -1;
  /** For how many of the server's shutdowns its handler waits. */
  awaitedShutdowns = 0;
  readonly #scope: Scope;
  #waits: boolean;
  /** Called when it is handed over or does not count any more. */
  #onHandled: (() => void) | undefined;
  /** Whether it counts against the limit of requests. */
  #counted = true;
  /** Settles when its place may be given away, if it is kept beyond its end. */
  #holding: Promise<unknown> | undefined;
  /** Whether its handler has ended: no handler is to blame for what comes later. */
  #ending = false;
  #handler: RunningHandler | undefined;
  #aborted: { readonly reason: unknown; reported: boolean } | undefined;
  #abandonTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param serving What the requests of its server have in common.
   * @param request What was accepted.
   * @param clientAddress The client's address.
   * @param onHandled Called once, when its handler has ended, or runs elsewhere.
   */
  constructor(
    serving: Serving<Request, Address>,
    request: Request,
    clientAddress: Address,
    onHandled?: () => void,
  ) {
    this.serving = serving;
    this.request = request;
    this.clientAddress = clientAddress;
    this.began = serving.deadlines === undefined ? 0 : performance.now();
    // There is a scope: only accept loops make requests.
    this.#scope = scopes.getStore()!;
    this.#waits = serving.byRequest !== undefined;
    this.#onHandled = onHandled;
  }

  /** The request inside whose handler this one's server was started, if any. */
  get outer(): AnyServedRequest | undefined {
    return this.#scope.outer;
  }

  /** Serves it. Returns when its handler waits for something, or has ended. */
  start(): void {
    const { room, deadlines, byRequest } = this.serving;
    room.enter(this);
    deadlines?.add(this);
    byRequest?.set(this.request, this);
    const scope = this.#scope;
    scope.served = this;
    this.#verify();
    if (this.#waits && this.place >= 0) {
      scopes.enterWith({ served: undefined, outer: scope.outer });
    } else scope.served = undefined;
  }

  /** Notes that its handler or a hook goes on after `start` has returned. */
  waits(): void {
    this.#waits = true;
  }

  handledBy(handler: RunningHandler): void {
    // It may have been aborted while verifyRequest was waiting.
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    this.#handler = handler;
    if (this.serving.ending.stopping) this.tellShuttingDown();
  }

  /** Tells its handler that the server shuts down. */
  tellShuttingDown(): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    void this.serving.reporter.attempt(
      () => handler.onShutdown(this.serving.ending.timeLeft),
      this.request,
      this.clientAddress,
    );
  }

  handedOver(): void {
    this.#onHandled?.();
    this.#onHandled = undefined;
  }

  /** Gives its place to the next request: its handler has ended. */
  beginEnd(): void {
    this.#ending = true;
    this.#uncount();
  }

  /** How its connection is to be closed: its handler has ended. */
  get closing(): Closing {
    return this.#handler?.[CLOSING]() ?? "linger";
  }

  get requestTimeout(): number {
    return this.serving.requestTimeout;
  }

  settling(unsent: Unsent): void {
    this.serving.transport.settling?.(this, unsent);
  }

  shutdown(options: { readonly gracePeriod?: number }): Promise<void> {
    return this.serving.ending.shutdown(options.gracePeriod, this);
  }

  holdPlace(until: Promise<unknown>): void {
    const release = () => {
      this.#holding = undefined;
      if (this.place < 0) this.#uncount();
    };
    this.#holding = until.then(release, release);
  }

  abort(reason: unknown): void {
    if (this.#aborted !== undefined) return;
    // Report nothing after the handler's end: a slow client is not its fault.
    this.#aborted = { reason, reported: this.#ending };
    this.#handler?.[ABORT](reason);
    void this.#close();
    this.#abandonTimer = setTimeout(() => {
      void this.#reportAborted();
      this.#exit();
    }, ABANDON_AFTER);
  }

  #verify(): void {
    const { hooks } = this.serving;
    let done: void | Promise<void>;
    try {
      const verdict = hooks.verifyRequest(this.request, this.clientAddress);
      if (typeof verdict === "boolean") done = this.#process(verdict);
      else {
        this.waits();
        done = Promise.resolve(verdict).then((served) => this.#process(served));
      }
    } catch (error) {
      this.waits();
      return void this.#failed(error);
    }
    if (done === undefined) this.#succeeded();
    else {
      done.then(() => this.#succeeded(), (error) => this.#failedLater(error));
    }
  }

  #process(served: boolean): void | Promise<void> {
    const { hooks } = this.serving;
    return served
      ? hooks.processRequest(this.request, this.clientAddress)
      : hooks.shutdownRequest(this.request);
  }

  #succeeded(): void {
    if (this.#aborted === undefined) this.#settle();
    else this.#reportAborted().then(() => this.#settle());
  }

  /** Gives the hooks a scope: a request that did not wait has lost its own. */
  #failedLater(error: unknown): void {
    if (this.#waits) return void this.#failed(error);
    const scope = { served: this, outer: this.outer };
    void scopes.run(scope, () => this.#failed(error));
  }

  async #failed(error: unknown): Promise<void> {
    const { hooks, reporter } = this.serving;
    const { request, clientAddress } = this;
    if (this.#aborted !== undefined) await this.#reportAborted();
    else await reporter.report(error, request, clientAddress);
    await this.#callLast(() => hooks.shutdownRequest(request));
    this.#settle();
  }

  /** Ends it: no code of it runs any more. */
  #settle(): void {
    this.#exit();
  }

  /** Leaves the room. */
  #exit(): void {
    if (this.place < 0) return;
    const { room, byRequest } = this.serving;
    if (this.#abandonTimer !== undefined) clearTimeout(this.#abandonTimer);
    if (this.#scope.served === this) this.#scope.served = undefined;
    byRequest?.delete(this.request);
    if (this.#holding === undefined) this.#uncount();
    room.leave(this);
  }

  #uncount(): void {
    if (!this.#counted) return;
    this.#counted = false;
    this.serving.deadlines?.delete(this);
    this.handedOver();
    this.serving.room.uncount();
  }

  /** Closes its connection, since its handler does not do so soon enough. */
  #close(): Promise<void> {
    const { hooks, transport } = this.serving;
    const closing = this.#handler?.[CLOSING]() ?? "at once";
    const isCutShort = closing === "reset" || closing === "reset while read";
    return this.#callLast(() => {
      const ended = isCutShort
        ? transport.end?.(this.request, closing)
        : undefined;
      const close = () => hooks.closeRequest(this.request);
      return ended === undefined ? close() : ended.then(close);
    });
  }

  /** Calls the hook that releases the request, and releases it if that fails. */
  async #callLast(hook: () => unknown): Promise<void> {
    const { reporter, transport } = this.serving;
    const { request, clientAddress } = this;
    if (await reporter.attempt(hook, request, clientAddress)) return;
    release(transport, request);
  }

  /** Reports why the request was aborted, once. */
  async #reportAborted(): Promise<void> {
    const aborted = this.#aborted;
    if (aborted === undefined || aborted.reported) return;
    aborted.reported = true;
    await this.serving.reporter.report(
      aborted.reason,
      this.request,
      this.clientAddress,
    );
  }
}

/** Discards a request that was accepted too late to be served. */
export async function discard<Request, Address extends Deno.Addr>(
  { hooks, reporter, transport }: Serving<Request, Address>,
  request: Request,
  clientAddress: Address,
): Promise<void> {
  const close = () => hooks.closeRequest(request);
  if (await reporter.attempt(close, request, clientAddress)) return;
  release(transport, request);
}

/** Releases a request where the hooks that should have have failed. */
function release<Request, Address extends Deno.Addr>(
  transport: Transport<Request, Address>,
  request: Request,
): void {
  try {
    transport.close?.(request);
  } catch {
    // It is closed already, or is an object of the user's that cannot be closed.
  }
}

/**
 * The deadlines of requests that may take only so long.
 *
 * @param requestTimeout How long, in milliseconds.
 */
export function requestDeadlines<Request, Address extends Deno.Addr>(
  requestTimeout: number,
): Deadlines<ServedRequest<Request, Address>> {
  return new Deadlines(
    (served) => served.began + requestTimeout,
    (served) =>
      served.abort(
        new DOMException(
          `The request took longer than requestTimeout, ${requestTimeout} ms`,
          "TimeoutError",
        ),
      ),
  );
}
