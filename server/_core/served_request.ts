import { AsyncLocalStorage } from "node:async_hooks";
import { ABORT, CLOSING, type Closing, UNSENT } from "../../handlers/_host.ts";
import type { Traffic } from "../../handlers/_traffic.ts";
import type { Unsent } from "../../handlers/_unsent.ts";
import type { Admission, Admitted } from "../_admission/admission.ts";
import { Deadlines, type Expiring } from "../_closing/deadlines.ts";
import type { Fate, Subject } from "../_events/publisher.ts";
import { DONE, type Watch } from "../_numbers/watch.ts";
import type {
  AbortReason,
  ConnectionInfo,
  ConnectionState,
  RefusalReason,
} from "../server_stats.ts";
import type { Reporter } from "./reporter.ts";
import type { Guest, Room } from "./room.ts";
import type {
  InProgress,
  Prepared,
  RunningHandler,
  Transport,
} from "./seam.ts";

/** How long an aborted handler may take to wind down, in milliseconds. */
export const ABANDON_AFTER = 1_000;

/** The steps of a request that a server's subclass may override. */
export interface RequestHooks<Request, Address> {
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
  readonly watch: Watch;
  /** Says whose requests are let in, if anybody is not. */
  readonly admission: Admission | undefined;
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
      caller: ServedRequest<Request, Address> | undefined,
    ): Promise<void>;
  };
}

// deno-lint-ignore no-explicit-any -- requests of servers of all kinds.
type AnyServedRequest = ServedRequest<any, any>;

/**
 * The store of an asynchronous context. It points to the request and is not the
 * request itself: V8 may keep a store for as long as a context, which is long.
 *
 * It is a class since V8 notes of object literals how long they live, and would put
 * these into old memory at once, each with its request. All that a request has held
 * then survived until the next full collection, which took half of the time of a
 * small request.
 */
class Scope {
  /** The request inside which code runs, while it is in progress. */
  served: AnyServedRequest | undefined;
  /** The scope in which its server was told to serve, if that was in another's. */
  readonly outer: Scope | undefined;

  constructor(served: AnyServedRequest, outer: Scope | undefined) {
    this.served = served;
    this.outer = outer;
  }
}

/** Says for which request code runs. */
const scopes = new AsyncLocalStorage<Scope>();

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
  let scope = scopes.getStore();
  while (scope !== undefined && scope.served?.serving !== serving) {
    scope = scope.outer;
  }
  return scope?.served;
}

/**
 * The request in progress that something a hook was given belongs to.
 *
 * @returns `undefined` for what has been wrapped and not been adopted.
 */
export function servedRequestOf<Request, Address extends Deno.Addr>(
  serving: Serving<Request, Address>,
  request: Request,
): ServedRequest<Request, Address> | undefined {
  if (serving.byRequest !== undefined) return serving.byRequest.get(request);
  // Where no hook is overridden, everything runs in the context of its request.
  const served = scopes.getStore()?.served;
  return served?.serving === serving ? served : callingRequest(serving);
}

/**
 * Takes what a hook has wrapped for the request in whose context the hook runs.
 *
 * @returns The request, if that has no handler yet.
 */
export function adoptWrapped<Request, Address extends Deno.Addr>(
  serving: Serving<Request, Address>,
  wrapped: Request,
): ServedRequest<Request, Address> | undefined {
  const served = callingRequest(serving);
  if (served === undefined || served.handler !== undefined) return undefined;
  served.wrapped = wrapped;
  serving.byRequest?.set(wrapped, served);
  return served;
}

/** One request in progress, from `verifyRequest` until nothing of it is left. */
export class ServedRequest<Request, Address extends Deno.Addr>
  implements
    InProgress<Request, Address>,
    Guest,
    Subject,
    Traffic,
    Expiring<ServedRequest<Request, Address>> {
  /** For the deadlines of `requestTimeout`. */
  deadline: Expiring<ServedRequest<Request, Address>>["deadline"] = undefined;
  readonly serving: Serving<Request, Address>;
  /** What was accepted. */
  readonly request: Request;
  clientAddress: Address;
  id = 0;
  readonly since: number = Date.now();
  /** When it was accepted, in `performance.now()` time, if that matters; else 0. */
  readonly began: number;
  handled = 0;
  bytesIn = 0;
  bytesOut = 0;
  readonly totals: Float64Array;
  /** Where what moves its bytes counts them, if its connection does not. */
  traffic: Traffic | undefined = this;
  /** Its place in the room; -1 before it starts and when it has ended. */
  place = -1;
  /** For how many of the server's shutdowns its handler waits. */
  awaitedShutdowns = 0;
  seat = -1;
  /** What a hook has made of `request`, if any has. */
  wrapped: Request | undefined;
  /** Its handler, once that has been made. */
  handler: RunningHandler | undefined;
  readonly #scope: Scope;
  /** Called when it is handed over or does not count any more. */
  #onHandled: (() => void) | undefined;
  /** Whether it counts against the limit of requests. */
  #counted = true;
  /** Whether its handler has ended: no handler is to blame for what comes later. */
  #ending = false;
  /** Whether its handler runs, here or elsewhere. */
  #started = false;
  /** Whether anybody has been told of it: of its end too, then. */
  #introduced = true;
  /** Whether it is closed unanswered. */
  #refused = false;
  #fate: Fate = DONE;
  /** What its client was let in with, if that is counted. */
  #admitted: Admitted | undefined;
  #aborted: { readonly reason: unknown; reported: boolean } | undefined;
  #abandonTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param serving What the requests of its server have in common.
   * @param request What was accepted.
   * @param clientAddress The client's address.
   * @param onHandled Called once, when its handler has ended, or runs elsewhere.
   * @param admitted What the client was let in with, where that has been asked.
   */
  constructor(
    serving: Serving<Request, Address>,
    request: Request,
    clientAddress: Address,
    onHandled?: () => void,
    admitted?: Admitted,
  ) {
    this.serving = serving;
    this.request = request;
    this.clientAddress = clientAddress;
    // It takes several times as long to tell as `since`.
    this.began = serving.deadlines !== undefined || serving.watch.tells
      ? performance.now()
      : 0;
    this.totals = serving.watch.counters;
    this.#scope = new Scope(this, scopes.getStore());
    this.#onHandled = onHandled;
    this.#admitted = admitted;
  }

  /** Serves it. Returns when its handler waits for something, or has ended. */
  start(): void {
    const { room, deadlines, byRequest, transport, watch } = this.serving;
    const isKnown = transport.prepare === undefined;
    room.enter(this);
    transport.counts?.(this);
    watch.accepted(this, isKnown);
    deadlines?.add(this);
    byRequest?.set(this.request, this);
    scopes.run(
      this.#scope,
      isKnown ? ServedRequest.#run : ServedRequest.#prepare,
      this,
    );
  }

  readdress(client: Deno.Addr): void {
    this.clientAddress = client as Address;
    this.serving.room.readdress(this);
  }

  handledBy(handler: RunningHandler): void {
    // It may have been aborted while verifyRequest was waiting.
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    this.handler = handler;
    if (handler.isElsewhere !== true) {
      this.#started = true;
      this.serving.watch.started(this);
    }
    if (this.serving.ending.stopping) this.tellShuttingDown();
  }

  /** Tells its handler that the server shuts down. */
  tellShuttingDown(): void {
    const handler = this.handler;
    if (handler === undefined) return;
    this.#attempt(() => handler.onShutdown(this.serving.ending.timeLeft));
  }

  /** Calls its handler, in its own scope, and reports what that throws. */
  #attempt(call: () => unknown): void {
    const { request, clientAddress, serving: { reporter } } = this;
    void scopes.run(
      this.#scope,
      () => reporter.attempt(call, request, clientAddress),
    );
  }

  /** Gives its handler a message, while that runs. */
  tellMessage(message: unknown): void {
    const handler = this.handler;
    if (handler?.onMessage === undefined || this.#ending) return;
    this.#attempt(() => handler.onMessage!(message));
  }

  handedOver(): void {
    this.#started = true;
    this.serving.watch.started(this);
    this.#tellHandled();
  }

  #tellHandled(): void {
    this.#onHandled?.();
    this.#onHandled = undefined;
  }

  /**
   * Gives its place to the next request: its handler has ended.
   *
   * @returns How its connection is to be closed.
   */
  beginEnd(): Closing {
    this.#ending = true;
    if (this.#counted) this.#uncount();
    return this.handler?.[CLOSING]() ?? "linger";
  }

  get requestTimeout(): number {
    return this.serving.requestTimeout;
  }

  settling(unsent: Unsent): void {
    this.serving.transport.settling?.(this, unsent);
  }

  shutdown(options: { readonly gracePeriod?: number }): Promise<void> {
    const caller = this.place < 0 ? undefined : this;
    return this.serving.ending.shutdown(options.gracePeriod, caller);
  }

  /** What there is to tell of it at this moment. */
  get info(): ConnectionInfo {
    return {
      id: this.id,
      address: this.clientAddress,
      since: this.since,
      state: this.#state,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      buffered: this.handler?.[UNSENT]?.bufferedAmount ?? 0,
    };
  }

  get #state(): ConnectionState {
    if (!this.#counted) return "lingering";
    if (this.#aborted !== undefined) return "aborted";
    if (this.handler === undefined) return "accepted";
    return this.#started ? "active" : "waiting";
  }

  /** Ends it since somebody has asked for that, who need not be told. */
  closeNow(reason: Error): void {
    this.abort(reason, "closed");
    const aborted = this.#aborted!;
    if (aborted.reason === reason) aborted.reported = true;
  }

  abort(reason: unknown, cause?: AbortReason): void {
    if (this.#aborted !== undefined) return;
    // Report nothing after the handler's end: a slow client is not its fault.
    this.#aborted = { reason, reported: this.#ending };
    // One that has failed or was refused is counted as such.
    if (this.#fate === DONE && !this.#refused) {
      this.#fate = this.serving.watch.aborted(reason, cause);
    }
    // A timer that calls runs in the context of whoever has set it.
    scopes.run(this.#scope, () => {
      this.handler?.[ABORT](reason);
      void this.#close();
      this.#abandonTimer = setTimeout(() => {
        void this.#reportAborted();
        this.#exit();
      }, ABANDON_AFTER);
    });
  }

  /** What comes before all else, inside its own scope. */
  static async #prepare(this: void, served: AnyServedRequest): Promise<void> {
    const { request, serving } = served;
    const { hooks, watch, transport, reporter } = serving;
    // Nobody is told of it until it is known whose it is.
    served.#introduced = false;
    let refusal: RefusalReason | undefined;
    try {
      const prepared = await transport.prepare!(served);
      if (prepared instanceof Error) {
        await reporter.report(prepared, request, served.clientAddress);
      }
      refusal = served.#admit(prepared);
    } catch (error) {
      await served.#report(error);
      refusal = "proxy";
    }
    // It may have been given up meanwhile.
    if (served.place < 0) return;
    served.#introduce();
    if (served.#aborted !== undefined) await served.#reportAborted();
    else if (refusal === undefined) return ServedRequest.#run(served);
    else if (served.#fate === DONE) {
      served.#refused = true;
      watch.refused(served, refusal);
    }
    await callLast(
      serving,
      request,
      served.clientAddress,
      () => hooks.closeRequest(request),
    );
    served.#exit();
  }

  #introduce(): void {
    if (this.#introduced) return;
    this.#introduced = true;
    this.serving.watch.introduced(this);
  }

  /**
   * Lets its client in, now that it is known whose it is, or not.
   *
   * @returns Why not.
   */
  #admit(prepared: Prepared): RefusalReason | undefined {
    if (prepared === "refused" || prepared instanceof Error) return "proxy";
    if (prepared === "trusted" || this.#aborted !== undefined) return undefined;
    const admitted = this.serving.admission?.enter(
      this.clientAddress,
      prepared === "client",
    );
    if (typeof admitted === "string") return admitted;
    this.#admitted = admitted;
    return undefined;
  }

  /** All of a request, inside its own scope. */
  static #run(this: void, served: AnyServedRequest): void {
    const { request, clientAddress, serving: { hooks } } = served;
    let done: void | Promise<void>;
    try {
      const verdict = hooks.verifyRequest(request, clientAddress);
      done = verdict === true
        ? hooks.processRequest(request, clientAddress)
        : served.#verified(verdict);
    } catch (error) {
      return void served.#failed(error);
    }
    if (done === undefined) served.#succeeded();
    else {
      done.then(() => served.#succeeded(), (error) => served.#failed(error));
    }
  }

  /** Goes on with a request, or refuses it, when that has been decided. */
  async #verified(verdict: boolean | Promise<boolean>): Promise<void> {
    const { request, clientAddress, serving: { hooks } } = this;
    const isServed = verdict === false ? false : await verdict;
    // It may have been given up while verifyRequest was waiting.
    if (this.place < 0) return;
    if (isServed) return await hooks.processRequest(request, clientAddress);
    this.#refused = true;
    this.serving.watch.refused(this, "verify");
    await hooks.shutdownRequest(request);
  }

  #succeeded(): void {
    if (this.#aborted === undefined) this.#exit();
    else this.#reportAborted().then(() => this.#exit());
  }

  async #failed(error: unknown): Promise<void> {
    const { request, clientAddress, serving: { hooks } } = this;
    await this.#report(error);
    await callLast(
      this.serving,
      request,
      clientAddress,
      () => hooks.shutdownRequest(request),
    );
    this.#exit();
  }

  /** Reports what it has failed with. */
  async #report(error: unknown): Promise<void> {
    const { request, clientAddress, serving: { reporter, watch } } = this;
    if (this.#aborted !== undefined) return await this.#reportAborted();
    this.#fate = watch.failed(error);
    await reporter.report(error, request, clientAddress);
  }

  /** Leaves the room. */
  #exit(): void {
    if (this.place < 0) return;
    const { room, byRequest, watch } = this.serving;
    if (this.#abandonTimer !== undefined) clearTimeout(this.#abandonTimer);
    if (this.#admitted !== undefined) {
      this.serving.admission!.leave(this.#admitted);
    }
    this.#scope.served = undefined;
    byRequest?.delete(this.request);
    if (this.wrapped !== undefined) byRequest?.delete(this.wrapped);
    if (this.#counted) this.#uncount();
    room.leave(this);
    this.#introduce();
    watch.ended(this, this.#refused ? undefined : this.#fate);
  }

  #uncount(): void {
    this.#counted = false;
    this.handled = this.serving.watch.handled();
    this.serving.deadlines?.delete(this);
    if (this.#onHandled !== undefined) this.#tellHandled();
    this.serving.room.uncount(this);
  }

  /** Closes its connection, since its handler does not do so soon enough. */
  #close(): Promise<void> {
    const { hooks, transport } = this.serving;
    const closing = this.handler?.[CLOSING]() ?? "at once";
    const isCutShort = closing === "reset" || closing === "reset while read";
    return callLast(this.serving, this.request, this.clientAddress, () => {
      const ended = isCutShort
        ? transport.end?.(this.request, closing)
        : undefined;
      const close = () => hooks.closeRequest(this.request);
      return ended === undefined ? close() : ended.then(close);
    });
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

/** Discards what was accepted and will be no request in progress. */
export async function discard<Request, Address extends Deno.Addr>(
  serving: Serving<Request, Address>,
  request: Request,
  clientAddress: Address,
  reason: RefusalReason,
): Promise<void> {
  serving.watch.turnedAway(clientAddress, reason);
  await callLast(
    serving,
    request,
    clientAddress,
    () => serving.hooks.closeRequest(request),
  );
}

/** Calls the hook that releases a request, and releases it if that fails. */
async function callLast<Request, Address extends Deno.Addr>(
  { reporter, transport }: Serving<Request, Address>,
  request: Request,
  clientAddress: Address,
  hook: () => unknown,
): Promise<void> {
  if (await reporter.attempt(hook, request, clientAddress)) return;
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
        "requestTimeout",
      ),
  );
}
