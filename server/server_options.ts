import type {
  BaseRequestHandler,
  RequestServer,
} from "../handlers/base_request_handler.ts";
import type { MessageSender } from "./message_sender.ts";

/**
 * A handler class, as a server of `Request`s from `Address`es takes it. It may
 * want any class of server: handlers of one class run in servers of many. `Config` is
 * the type of the configuration that it reads.
 */
export type RequestHandlerClass<
  Request,
  Address extends Deno.Addr,
  Config = unknown,
> = new (
  request: Request,
  clientAddress: Address,
  server: never,
) => BaseRequestHandler<unknown, Deno.Addr | null, RequestServer<Config>>;

/**
 * Options that every server has. `Config` is the type of the configuration of its
 * handlers.
 */
export interface ServerOptions<
  Address extends Deno.Addr = Deno.Addr,
  Request = unknown,
  Config = unknown,
> {
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
   * How long a request may take, from the moment that it is accepted until its
   * handler has ended, in milliseconds. A PROXY header, a TLS handshake,
   * `verifyRequest` and the wait for a thread or process count. Past it the handler's
   * signal is aborted and its connection closed. A handler of HTTP may take as long for
   * each request of a connection.
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
   *
   * @param address The address that the server is bound to.
   */
  onListen?(address: Address): void;
  /**
   * Decides whether a request is served, where no subclass overrides
   * `verifyRequest`. One that is refused is shut down unanswered.
   *
   * @param request What was accepted.
   * @param clientAddress The client's address.
   * @returns Whether to go on with it.
   * @default {() => true}
   */
  verify?(
    request: Request,
    clientAddress: Address,
  ): boolean | Promise<boolean>;
  /**
   * Told what went wrong, where no subclass overrides `handleError`, which says
   * what it is told. Without it, errors are printed to stderr.
   *
   * @param error What was thrown.
   * @param request The request, if the error belongs to one.
   * @param clientAddress The client's address, if the error belongs to one.
   * @returns Nothing, or a promise to wait for.
   */
  onError?(
    error: unknown,
    request?: Request,
    clientAddress?: Address,
  ): void | Promise<void>;
  /**
   * What handlers get as their `config`, wherever they run: data, as
   * {@linkcode RequestServer.post} takes it, of any size. It is copied when the server
   * is constructed, once for each thread or process, and travels neither in arguments
   * nor in the environment, where others could read it. Threads and processes that
   * start later get it too. `server.config` can be set anew. Its type is what the
   * handler class says that it reads; where the handler is a function, or the server's
   * class a subclass, what the server is told:
   * `new TCPServer<Config>(address, handler, { config })`.
   *
   * @default {undefined}
   */
  readonly config?: NoInfer<Config>;
  /**
   * Called with what handlers post, where no subclass overrides `handleMessage`,
   * which says when.
   *
   * @param message A copy of what was posted. Give it a type of your own where
   * handlers can be trusted, and check it where they cannot.
   * @param from Where the handler runs.
   * @returns Nothing, or a promise.
   */
  onMessage?(message: unknown, from: MessageSender): void | Promise<void>;
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
