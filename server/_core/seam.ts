import type {
  ABORT,
  CLOSING,
  Closing,
  HandlerHost,
} from "../../handlers/_host.ts";
import type { Unsent } from "../../handlers/_unsent.ts";

/** The handler of a request, or what stands for it where it runs elsewhere. */
export interface RunningHandler {
  /** The request is over before its handler is. Called once. */
  [ABORT](reason: unknown): void;
  /** The server shuts down. Called once. */
  onShutdown(): void | Promise<void>;
  /** How its connection is to be closed by now. */
  [CLOSING](): Closing;
}

/** A request in progress, for what prepares, runs and ends it. */
export interface InProgress<Request, Address extends Deno.Addr>
  extends HandlerHost {
  /** What was accepted. */
  readonly request: Request;
  readonly clientAddress: Address;
  /**
   * Has its handler told what becomes of it.
   *
   * @throws What it was aborted with, if it already is.
   */
  handledBy(handler: RunningHandler): void;
  /** Its handler runs elsewhere from now on. */
  handedOver(): void;
  /**
   * Keeps its place among those that count until something has settled, though
   * the request itself may be given up before.
   */
  holdPlace(until: Promise<unknown>): void;
  /** Shuts its server down, which does not wait for this request. */
  shutdown(options: { readonly gracePeriod?: number }): Promise<void>;
}

/**
 * What differs between the kinds of servers: how a request is prepared, ended
 * and released. A server of connections and one of datagrams each give theirs
 * to `BaseServer`; a part that is left out does nothing and costs nothing.
 */
export interface Transport<Request, Address extends Deno.Addr> {
  /**
   * Does something before or after a handler: a handshake, a watch for silence.
   *
   * @param served The request.
   * @param handle Runs the handler.
   */
  readonly around?:
    | ((
      served: InProgress<Request, Address>,
      handle: () => void | Promise<void>,
    ) => void | Promise<void>)
    | undefined;
  /** A handler has ended; what it left to be sent is still being sent. */
  settling?(served: InProgress<Request, Address>, unsent: Unsent): void;
  /** Ends a request, mostly so that the reply arrives. It is closed after that. */
  end?(request: Request, closing: Closing): Promise<void> | undefined;
  /** Closes a request now. Closing it again changes nothing. */
  close?(request: Request): void;
  /**
   * Stops listening, where that is more than closing the socket, which is done
   * at the latest when no request is in progress.
   */
  stopListening?(closeSocket: () => void): void | Promise<void>;
  /** The socket is closed and no request is in progress. */
  finish?(): void;
}

/** What those that run a server's handlers elsewhere may ask of it. */
export interface RunnerHost {
  /** The address the server is bound to. */
  readonly addr: Deno.Addr;
  /** Shuts the server down, for what a handler has left running. */
  shutdown(options: { readonly gracePeriod?: number }): void;
  /** Tells `handleError` what belongs to no request. */
  report(error: unknown): void;
}

/** Runs the handlers of a server elsewhere: in threads, in processes. */
export interface Runner {
  /**
   * Makes ready. Called once, when the socket is open.
   *
   * @throws If handlers cannot be run; then the server is not constructed.
   */
  start(host: RunnerHost): void;
  /** What to wait for before the next request is accepted, if anything. */
  congestion(): Promise<void> | undefined;
  /**
   * Runs the handler of one request.
   *
   * @param served The request in progress.
   * @param request What the handler gets, which a hook may have wrapped.
   * @param clientAddress The client's address.
   */
  run(
    served: InProgress<unknown, Deno.Addr>,
    request: unknown,
    clientAddress: Deno.Addr,
  ): Promise<void>;
  /** No request is in progress, and none will come. */
  close(): Promise<void>;
}

/** What this module's own classes hand to `BaseServer` beside its options. */
export interface Seam<Request, Address extends Deno.Addr> {
  readonly transport?: Transport<Request, Address>;
  readonly runner?: Runner;
  /** The names of the options that subclasses and mixins have added. */
  readonly optionNames?: readonly string[];
}

/** Where that is among the options, out of sight of everybody else. */
const SEAM: unique symbol = Symbol("seam");

/** What a subclass or a mixin has handed on with the options. */
export function seamOf<Request, Address extends Deno.Addr>(
  options: object,
): Seam<Request, Address> {
  return (options as { [SEAM]?: Seam<Request, Address> })[SEAM] ?? {};
}

/** The options with something more to hand on. */
export function withSeam<
  Options extends object,
  Request,
  Address extends Deno.Addr,
>(options: Options, seam: Seam<Request, Address>): Options {
  const before = seamOf<Request, Address>(options);
  const optionNames = [before, seam].flatMap((each) => each.optionNames ?? []);
  return { ...options, [SEAM]: { ...before, ...seam, optionNames } };
}
