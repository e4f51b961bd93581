import type { TLSCertificate } from "../../handlers/_tls/tls_options.ts";
import type {
  ABORT,
  CLOSING,
  Closing,
  HandlerHost,
  UNSENT,
} from "../../handlers/_host.ts";
import type { Traffic } from "../../handlers/_traffic.ts";
import type { RequestServer } from "../../handlers/base_request_handler.ts";
import type { TraceSettings } from "../../handlers/_tracing.ts";
import type { Unsent } from "../../handlers/_unsent.ts";
import type { MessageHub } from "../_messages/message_hub.ts";
import type { Publisher } from "../_events/publisher.ts";
import type { WatchParts } from "../_numbers/watch.ts";
import type {
  AbortReason,
  ConnectionInfo,
  WorkersStats,
} from "../server_stats.ts";
import type { Admission } from "../_admission/admission.ts";
import type { Guest, Room } from "./room.ts";

/** The handler of a request, or what stands for it where it runs elsewhere. */
export interface RunningHandler {
  /** The request is over before its handler is. Called once. */
  [ABORT](reason: unknown): void;
  /** The server shuts down. Called once, with the milliseconds that are left. */
  onShutdown(gracePeriod: number): void | Promise<void>;
  /** The server has sent a message to its handlers, of which this is one. */
  onMessage?(message: unknown): void | Promise<void>;
  /** How its connection is to be closed by now. */
  [CLOSING](): Closing;
  /** What of it is left to be sent, if it can tell. */
  readonly [UNSENT]?: Unsent | undefined;
  /** Whether it stands for one that runs elsewhere, when that is said. */
  readonly isElsewhere?: boolean;
}

/** A request in progress, as transports and runners see it. */
export interface InProgress<Request, Address extends Deno.Addr>
  extends HandlerHost {
  /** What was accepted. */
  readonly request: Request;
  readonly clientAddress: Address;
  /**
   * Names its handler.
   *
   * @throws The reason of its abort, if it has been aborted already.
   */
  handledBy(handler: RunningHandler): void;
  /** Says that its client is at another address than the peer. */
  readdress(client: Deno.Addr): void;
  /** Ends it, for a reason that its error may not tell. */
  abort(reason: unknown, cause?: AbortReason): void;
  /** How long each request of its handler may take, where that measures them. */
  readonly requestTimeout: number;
  /** Says that its handler runs elsewhere from now on. */
  handedOver(): void;
  /** Shuts its server down, which does not wait for this request. */
  shutdown(options: { readonly gracePeriod?: number }): Promise<void>;
}

/** A request whose bytes are counted. */
export interface CountedRequest<Request> extends Traffic {
  readonly request: Request;
  /** Where what moves its bytes counts them; `undefined` where that is done. */
  traffic: Traffic | undefined;
}

/**
 * What has come of a request before anybody is asked whether it is served.
 *
 * - `"client"`: it is a client's, who may not be let in.
 * - `"unknown"`: it is that of a client whom nobody knows: the address is of somebody
 *   who has many, so that no limit of one client is for it.
 * - `"trusted"`: it is that of somebody who is always let in.
 * - `"refused"`: it is closed.
 * - an error: it is refused too, and this is why, for who is told of errors.
 */
export type Prepared = "client" | "unknown" | "trusted" | "refused" | Error;

/**
 * How a kind of server prepares, ends and releases requests. A server of
 * connections and one of datagrams each give theirs to `BaseServer`. A method
 * that is left out does nothing and costs nothing.
 */
export interface Transport<Request, Address extends Deno.Addr> {
  /** Counts the bytes of a request by itself, if it can. Called when it begins. */
  readonly counts?: ((served: CountedRequest<Request>) => void) | undefined;
  /**
   * Does something before it is asked whether a request is served: receives what
   * says whose it is.
   *
   * @param served The request.
   */
  readonly prepare?:
    | ((served: InProgress<Request, Address>) => Promise<Prepared>)
    | undefined;
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
  /** Is told that a handler has ended, and that its last bytes are being sent. */
  settling?(served: InProgress<Request, Address>, unsent: Unsent): void;
  /** Ends a request, mostly so that the reply arrives. It is closed after that. */
  end?(request: Request, closing: Closing): Promise<void> | undefined;
  /** Closes a request now. Closing it again changes nothing. */
  close?(request: Request): void;
  /**
   * Stops listening, where closing the socket is not enough or is too soon. The
   * server closes it at the latest when no request is in progress.
   */
  stopListening?(closeSocket: () => void): void | Promise<void>;
  /** Is told that the socket is closed and no request is in progress. */
  finish?(): void;
}

/** A server, as its runner sees it. */
export interface RunnerHost {
  /** The server itself, whose hooks may be its own. */
  readonly server: object;
  /** The address the server is bound to. */
  readonly addr: Deno.Addr;
  /** The configuration of its handlers, and their messages. */
  readonly messages: MessageHub;
  /** Tells whoever listens what happens in the server. */
  readonly publisher: Publisher;
  /** How many requests may be in progress at once, at first. */
  readonly limit: number;
  /** Says who is let in, where that is not everybody. */
  readonly admission: Admission | undefined;
  /**
   * Numbers requests from now on in another way.
   *
   * @param firstId The number of the next.
   * @param idStep By how much the one after it is larger.
   */
  numberFrom(firstId: number, idStep: number): void;
  /** Shuts the server down, for code that an ended handler has left running. */
  shutdown(options: { readonly gracePeriod?: number }): void;
  /**
   * Tells `handleError` of an error that belongs to no request here.
   *
   * @returns A promise that resolves when the hook is done. Never rejects.
   */
  report(error: unknown, clientAddress?: Deno.Addr): Promise<void>;
}

/** What accepts the requests of a server. `AcceptLoop` is the usual one. */
export interface ServingLoop {
  /** Whether `serveAll` runs, so that there is something to drain. */
  readonly serving: boolean;
  /** Accepts until it is stopped. */
  serveAll(): Promise<void>;
  /**
   * Accepts one request.
   *
   * @param timeout How long to wait for it, in milliseconds.
   * @returns Whether there was one before the timeout.
   */
  serveOne(timeout: number): Promise<boolean>;
  /** How many requests may be in progress at once. */
  limit: number;
  /** Accepts nothing until `resume` or `drain`. Doing it again changes nothing. */
  suspend(): void;
  /** Goes on accepting. Doing it again changes nothing. */
  resume(): void;
  /** Accepts what waits already, then stops. */
  drain(): Promise<void>;
  /** Accepts nothing more. */
  stop(): void;
}

/** What a runner adds to the numbers of its server. */
export interface RunnerNumbers {
  /** How many requests wait for a thread or a process. */
  readonly waiting: number;
  readonly workers: WorkersStats;
  /** The counters of requests that the server has not seen. */
  readonly counters?: Float64Array;
  /** How many events of these were lost. */
  readonly eventsLost?: number;
}

/** Runs the handlers of a server elsewhere: in threads, in processes. */
export interface Runner {
  /**
   * Makes ready. Called once, when the socket is open.
   *
   * @throws If handlers cannot be run; then the server is not constructed.
   */
  start(host: RunnerHost): void;
  /** A promise to await before the next request is accepted, if there is a need. */
  congestion(): Promise<void> | undefined;
  /**
   * Runs the handler of one request.
   *
   * @param served The request in progress.
   * @param request The handler's request, which a hook may have wrapped.
   * @param clientAddress The client's address.
   */
  run(
    served: InProgress<unknown, Deno.Addr>,
    request: unknown,
    clientAddress: Deno.Addr,
  ): Promise<void>;
  /** Releases everything: no request is in progress here, and none will come. */
  close(): Promise<void>;
  /** What accepts in place of the server's own loop. */
  replaceLoop?(own: ServingLoop): ServingLoop;
  /**
   * Is told of each shutdown.
   *
   * @param gracePeriod How long requests may take, in milliseconds.
   */
  shuttingDown?(gracePeriod: number): void;
  /**
   * Replaces what runs the handlers by what imports them again.
   *
   * @param gracePeriod How long requests in the old ones may take, in
   * milliseconds.
   * @returns A promise that resolves when the old ones are gone, and rejects with
   * what keeps a new one from being started.
   */
  recycle?(gracePeriod: number): Promise<void>;
  /** The server shows another certificate from now on. */
  setCertificate?(certificate: TLSCertificate): void;
  /** The server is to keep the process alive, or not. */
  keepAlive?(keep: boolean): void;
  /**
   * Has handlers traced where they run, or no more.
   *
   * @returns Whether they can be.
   */
  trace?(settings: TraceSettings | undefined): boolean;
  /** What it adds to the numbers of its server. */
  numbers(): RunnerNumbers;
  /** The requests that the server has not seen. */
  connections?(): Promise<ConnectionInfo[]>;
  /**
   * Ends one of these.
   *
   * @returns Whether there was one with that number.
   */
  closeConnection?(id: number): Promise<boolean>;
}

/** A socket that listens on TCP. `Deno.listen` opens one. */
export type TCPListener = Pick<
  Deno.TcpListener,
  "addr" | "accept" | "close" | "ref" | "unref"
>;

/** The parts that this module's classes hand to `BaseServer` with its options. */
export interface Seam<Request, Address extends Deno.Addr> {
  readonly transport?: Transport<Request, Address>;
  readonly runner?: Runner;
  /** How many requests the runner can have in progress at once. */
  readonly capacity?: number;
  /** Opens a TCP socket that listens; `Deno.listen` where it is left out. */
  readonly listen?: (
    options: Deno.TcpListenOptions,
  ) => TCPListener;
  /** Whether a socket that is closed was left only for a while. */
  readonly isLeft?: () => boolean;
  /** Whether it shuts down since another takes its place. */
  readonly isReplaced?: () => boolean;
  /** Makes the room of requests, where others have a part in it. */
  readonly makeRoom?: <Item extends Guest>(limit: number) => Room<Item>;
  /** How requests are watched, where others have a part in it. */
  readonly watch?: WatchParts;
  /** Says who is let in, where that is not everybody. */
  readonly admission?: Admission | undefined;
  /** How many threads share what that counts. */
  readonly admissionThreads?: number;
  /** What handlers see as their server; the server itself where it is left out. */
  readonly seenAs?: RequestServer;
  /** The names of the options that subclasses and mixins have added. */
  readonly optionNames?: readonly string[];
}

/** The name of the method that has a server's handlers traced. */
export const TRACE: unique symbol = Symbol("trace");

/** The name of the method that has what runs a server's handlers replaced. */
export const RECYCLE: unique symbol = Symbol("recycle");

/** The key of a seam among the options, which nobody else can name. */
const SEAM: unique symbol = Symbol("seam");

/** The seam that subclasses and mixins have handed on with the options. */
export function seamOf<Request, Address extends Deno.Addr>(
  options: object,
): Seam<Request, Address> {
  return (options as { [SEAM]?: Seam<Request, Address> })[SEAM] ?? {};
}

/** Options that hand on a seam, with the parts that they have handed on before. */
export function withSeam<
  Options extends object,
  Request,
  Address extends Deno.Addr,
>(options: Options, seam: Seam<Request, Address>): Options {
  const before = seamOf<Request, Address>(options);
  const optionNames = [before, seam].flatMap((each) => each.optionNames ?? []);
  return { ...options, [SEAM]: { ...before, ...seam, optionNames } };
}
