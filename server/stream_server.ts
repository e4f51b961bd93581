import { addBorrower } from "../handlers/streams/_lending.ts";
import type { Unsent } from "../handlers/base_request_handler.ts";
import { StreamRequestHandler } from "../handlers/stream_request_handler.ts";
import {
  BaseServer,
  type RequestHandlerClass,
  type ServerOptions,
} from "./base_server.ts";
import { Deadlines, type Expiring } from "./_closing/deadlines.ts";
import { handlerClass, type HandlerFunction } from "./_core/handler_class.ts";
import { IdleConnection } from "./_closing/idle_connection.ts";
import { Lingering } from "./_closing/linger.ts";
import { checkTime } from "./_core/options.ts";

export type { HandlerFunction };

/** Options that every server of connections has. */
export interface StreamServerOptions<Address extends Deno.Addr = Deno.Addr>
  extends ServerOptions<Address> {
  /**
   * How long a connection may carry no byte either way while its handler runs,
   * in milliseconds. Past it the handler's signal is aborted and the connection
   * closed.
   *
   * @default {Infinity}
   */
  readonly idleTimeout?: number;
  /**
   * How long to wait at most, after the handler, until the peer has taken the
   * reply, in milliseconds. Meanwhile what the peer still sends is thrown away,
   * at most 64 MiB of it; 5 seconds of silence end the wait too. Before that,
   * writes that the handler did not await may take as long as the peer takes
   * any byte of them within this time. 0 closes once they are written (30
   * seconds without progress end that too), which lets the kernel throw away
   * the reply if the peer has sent anything that was not read.
   *
   * @default {30000}
   */
  readonly lingerTimeout?: number;
}

/** What a stream server takes as its handler. */
export type StreamHandler<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
> =
  | RequestHandlerClass<Connection, Address>
  | HandlerFunction<StreamRequestHandler<Address>>;

const DEFAULT_LINGER_TIMEOUT = 30_000;

/** What a handler left to be sent when it ended. */
interface Flush extends Expiring<Flush> {
  readonly request: Deno.Conn;
  readonly unsent: Unsent;
  /** How many bytes were left when last looked at. */
  left: number;
  /** Since when, in `performance.now()` time. */
  since: number;
}

/** A connection that is watched for silence. */
interface Watched<Address extends Deno.Addr>
  extends Expiring<Watched<Address>> {
  readonly connection: IdleConnection<Address>;
}

/** The base of the servers of connections: TCP, TLS and Unix stream sockets. */
export abstract class StreamServer<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
> extends BaseServer<Connection, Address> {
  readonly #listener: Deno.Listener<Connection, Address>;
  readonly #lingering: Lingering<Connection> | undefined;
  readonly #flushes: Deadlines<Flush>;
  #accepting: Promise<Connection> | undefined;
  #lends = false;
  readonly #idle: Deadlines<Watched<Address>> | undefined;

  /**
   * Constructs a new instance.
   *
   * @param open Opens the listener. What it throws, the constructor throws.
   * @param handler A handler class, or a function that receives a
   * {@linkcode StreamRequestHandler}.
   * @param options Options that every server of connections has.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If `handler` is neither a handler class nor a function.
   */
  constructor(
    open: () => Deno.Listener<Connection, Address>,
    handler: StreamHandler<Connection, Address>,
    options: StreamServerOptions<Address> = {},
  ) {
    const {
      idleTimeout = Infinity,
      lingerTimeout = DEFAULT_LINGER_TIMEOUT,
    } = options;
    checkTime("idleTimeout", idleTimeout);
    checkTime("lingerTimeout", lingerTimeout);
    let listener!: Deno.Listener<Connection, Address>;
    super(
      () => listener = open(),
      handlerClass(
        handler,
        StreamRequestHandler as RequestHandlerClass<Connection, Address>,
      ),
      options,
    );
    this.#listener = listener;
    this.#lingering = lingerTimeout > 0
      ? new Lingering(lingerTimeout, (request) => this.closeRequest(request))
      : undefined;
    const flushTimeout = lingerTimeout || DEFAULT_LINGER_TIMEOUT;
    this.#flushes = new Deadlines(
      (flush) => {
        const left = flush.unsent.bufferedAmount;
        if (left !== flush.left) flush.since = performance.now();
        flush.left = left;
        return flush.since + flushTimeout;
      },
      ({ request }) =>
        this.abortRequest(
          request as Connection,
          new DOMException(
            `The client took nothing of what was left to be sent for lingerTimeout, ${flushTimeout} ms`,
            "TimeoutError",
          ),
        ),
    );
    if (idleTimeout !== Infinity) {
      this.#idle = new Deadlines(
        ({ connection }) => connection.lastActive + idleTimeout,
        ({ connection }) =>
          this.abortRequest(
            connection as unknown as Connection,
            new DOMException(
              `The connection was idle for longer than idleTimeout, ${idleTimeout} ms`,
              "TimeoutError",
            ),
          ),
      );
    }
  }

  /**
   * Accepts the next connection.
   *
   * @returns The connection and its peer's address.
   */
  override async getRequest(): Promise<[Connection, Address]> {
    const accepting = this.#listener.accept();
    this.#accepting = accepting;
    const accepted = await accepting;
    if (!this.#lends) {
      // Its listener is Deno's, so this is one of Deno's connections.
      this.#lends = true;
      addBorrower(Object.getPrototypeOf(accepted));
    }
    return [
      this.#idle === undefined
        ? accepted
        : new IdleConnection(accepted) as unknown as Connection,
      accepted.remoteAddr,
    ];
  }

  /**
   * Runs the handler, watched for silence where there is an `idleTimeout`.
   *
   * @param request The connection.
   * @param clientAddress Its peer's address.
   * @returns Nothing, or a promise that resolves when the handler has ended.
   */
  override finishRequest(
    request: Connection,
    clientAddress: Address,
  ): void | Promise<void> {
    if (!(request instanceof IdleConnection)) {
      return super.finishRequest(request, clientAddress);
    }
    // Handshakes and verifyRequest have taken their time.
    request.lastActive = performance.now();
    const finished = super.finishRequest(request, clientAddress);
    if (finished === undefined) return;
    const watched: Watched<Address> = { connection: request };
    this.#idle?.add(watched);
    return finished.finally(() => this.#idle?.delete(watched));
  }

  /** @ignore */
  override settling(request: Connection, unsent: Unsent): void {
    const left = unsent.bufferedAmount;
    if (left === 0) return;
    const flush: Flush = { request, unsent, left, since: performance.now() };
    const forget = () => this.#flushes.delete(flush);
    this.#flushes.add(flush);
    unsent.flush().then(forget, forget);
  }

  /**
   * Ends the connection so that the reply arrives, then closes it.
   *
   * @param request The connection.
   */
  override shutdownRequest(request: Connection): Promise<void> {
    this.release(request);
    return this.#lingering?.end(request) ??
      Promise.try(() => this.closeRequest(request));
  }

  /**
   * Closes the connection now. Closing it again changes nothing.
   *
   * @param request The connection.
   */
  override closeRequest(request: Connection): void | Promise<void> {
    try {
      request.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** @ignore */
  override releaseRequest(request: Connection): void {
    try {
      request.close();
    } catch {
      // Closed already, or one that cannot be.
    }
  }

  /** @ignore */
  override releaseResources(): void | Promise<void> {
    this.#lingering?.finish();
  }

  /** Closes the listener, which is gone when its last accept has ended. @ignore */
  override async stopListening(): Promise<void> {
    super.stopListening();
    await this.#accepting?.catch(() => {
      // Whoever asked for it is told.
    });
  }
}
