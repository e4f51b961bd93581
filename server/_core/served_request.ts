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

/** What the requests of one server have in common. */
export interface Serving<Request, Address extends Deno.Addr> {
  readonly hooks: RequestHooks<Request, Address>;
  readonly room: Room<ServedRequest<Request, Address>>;
  readonly reporter: Reporter<Request, Address>;
  readonly transport: Transport<Request, Address>;
  /** Those of `requestTimeout`, if there is one. */
  readonly deadlines:
    | Deadlines<ServedRequest<Request, Address>>
    | undefined;
  /**
   * By what was accepted, where hooks are overridden: they may go on in another
   * context than that of their request.
   */
  readonly byRequest: Map<Request, ServedRequest<Request, Address>> | undefined;
  readonly ending: {
    /** Whether the server has begun to shut down. */
    readonly stopping: boolean;
    shutdown(
      gracePeriod: number | undefined,
      caller: ServedRequest<Request, Address>,
    ): Promise<void>;
  };
}

// deno-lint-ignore no-explicit-any -- requests of servers of all kinds.
type AnyServedRequest = ServedRequest<any, any>;

/**
 * What an asynchronous context says. It is not the request itself, which V8 may
 * keep for as long as a context, and that is long.
 */
interface Scope {
  /** The request inside which code runs, while it is in progress. */
  served: AnyServedRequest | undefined;
  /** The request inside which the server was told to serve, if any. */
  readonly outer: AnyServedRequest | undefined;
}

/**
 * Whose handler or hook calls. An accept loop has a scope of its own, in which
 * each request starts: one that waits for something keeps it, and the loop takes
 * another. So a datagram that is answered at once costs no context, which would
 * cost as much as that.
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
 * @returns `undefined` outside of all, and for what a request has left behind.
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
  // What is not found has been wrapped by a hook, and that in its context.
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
  /** Its place in the room; -1 when it has ended. */
  place = -1;
  /** For how many of the server's shutdowns its handler waits. */
  awaitedShutdowns = 0;
  readonly #scope: Scope;
  #waits: boolean;
  /** Called when it is handed over or does not count any more. */
  #onHandled: (() => void) | undefined;
  /** Whether it counts against the limit of requests. */
  #counted = true;
  /** What its place is kept for, if anything. */
  #holding: Promise<unknown> | undefined;
  /** Whether only its end is left, for which no handler is to blame. */
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
    // Requests are made by accept loops.
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

  /** Code of its handler or of a hook will run when `start` has returned. */
  waits(): void {
    this.#waits = true;
  }

  handledBy(handler: RunningHandler): void {
    // While verifyRequest was thinking.
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    this.#handler = handler;
    if (this.serving.ending.stopping) this.tellShuttingDown();
  }

  /** The handler is told that the server shuts down. */
  tellShuttingDown(): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    void this.serving.reporter.attempt(
      () => handler.onShutdown(),
      this.request,
      this.clientAddress,
    );
  }

  handedOver(): void {
    this.#onHandled?.();
    this.#onHandled = undefined;
  }

  /**
   * The handler has ended, and the request is on its way out: it gives its place
   * to the next.
   */
  beginEnd(): void {
    this.#ending = true;
    this.#uncount();
  }

  /** How it is to be closed, its handler having ended. */
  get closing(): Closing {
    return this.#handler?.[CLOSING]() ?? "linger";
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
    // That a client takes its time after the reply is no fault of the handler.
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

  /** A request that did not wait has no scope any more, and hooks need one. */
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

  /** Nothing runs any more that has the request. */
  #settle(): void {
    this.#exit();
  }

  /** Nothing is left to wait for. */
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

  /** Closes what was accepted, as its handler does not, or not soon enough. */
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

  /** Calls the hook that is the last to release a request, and makes up for it. */
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

/** Discards what was accepted too late to be served. */
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
    // It is closed already, or one of the user's own that cannot be.
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
