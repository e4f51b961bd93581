import { AsyncLocalStorage } from "node:async_hooks";
import type { Unsent } from "../../handlers/base_request_handler.ts";
import type { Deadlines, Expiring } from "../_closing/deadlines.ts";
import type { Reporter } from "./reporter.ts";
import type { Guest, Room } from "./room.ts";
import type { InProgress, RequestListener, Transport } from "./seam.ts";

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
 * The request inside which code runs. A server that is started inside a handler
 * accepts in that handler's context, so its requests know the outer one.
 */
const running = new AsyncLocalStorage<AnyServedRequest>();

/**
 * The request of a server inside whose handler or hooks the caller runs, also
 * where that is inside another server's.
 *
 * @returns `undefined` outside of all, and for what a request has left behind.
 */
export function callingRequest<Request, Address extends Deno.Addr>(
  serving: Serving<Request, Address>,
): ServedRequest<Request, Address> | undefined {
  let served = running.getStore();
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
  /** The request inside whose handler this one's server was started, if any. */
  readonly outer: AnyServedRequest | undefined;
  /** Its place in the room; -1 when it has ended. */
  place = -1;
  /** For how many of the server's shutdowns its handler waits. */
  awaitedShutdowns = 0;
  /** Called when it is handed over or does not count any more. */
  #onHandled: (() => void) | undefined;
  /** Whether it counts against the limit of requests. */
  #counted = true;
  /** Whether only its end is left, for which no handler is to blame. */
  #ending = false;
  #listener: RequestListener | undefined;
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
    this.outer = running.getStore();
    this.#onHandled = onHandled;
  }

  /** Serves it. Returns when its handler waits for something, or has ended. */
  start(): void {
    const { room, deadlines, byRequest } = this.serving;
    room.enter(this);
    deadlines?.add(this);
    byRequest?.set(this.request, this);
    running.run(this, verify, this);
  }

  listenWith(listener: RequestListener): void {
    // While verifyRequest was thinking.
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    this.#listener = listener;
    if (this.serving.ending.stopping) this.tellShuttingDown();
  }

  /** The handler is told that the server shuts down. */
  tellShuttingDown(): void {
    const listener = this.#listener;
    if (listener === undefined) return;
    void this.serving.reporter.attempt(
      () => listener.shuttingDown(),
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

  settling(unsent: Unsent): void {
    this.serving.transport.settling?.(this, unsent);
  }

  shutdown(options: { readonly gracePeriod?: number }): Promise<void> {
    return this.serving.ending.shutdown(options.gracePeriod, this);
  }

  abort(reason: unknown): void {
    if (this.#aborted !== undefined) return;
    // That a client takes its time after the reply is no fault of the handler.
    this.#aborted = { reason, reported: this.#ending };
    this.#listener?.aborted(reason);
    void this.#close();
    this.#abandonTimer = setTimeout(() => {
      void this.#reportAborted();
      this.#exit();
    }, ABANDON_AFTER);
  }

  /** For `verify` alone. */
  verify(): void {
    const { hooks } = this.serving;
    let done: void | Promise<void>;
    try {
      const verdict = hooks.verifyRequest(this.request, this.clientAddress);
      done = typeof verdict === "boolean"
        ? this.#process(verdict)
        : Promise.resolve(verdict).then((served) => this.#process(served));
    } catch (error) {
      return void this.#failed(error);
    }
    if (done === undefined) this.#succeeded();
    else done.then(() => this.#succeeded(), (error) => this.#failed(error));
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
    this.serving.transport.settled?.(this.request);
    this.#exit();
  }

  /** Nothing is left to wait for. */
  #exit(): void {
    if (this.place < 0) return;
    const { room, byRequest } = this.serving;
    if (this.#abandonTimer !== undefined) clearTimeout(this.#abandonTimer);
    // V8 may keep a context, and so this request, for long.
    this.#listener = undefined;
    byRequest?.delete(this.request);
    this.#uncount();
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
    return this.#callLast(() => this.serving.hooks.closeRequest(this.request));
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

function verify(served: AnyServedRequest): void {
  served.verify();
}
