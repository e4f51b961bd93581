import { addBorrower } from "../handlers/streams/_lending.ts";
import type { RequestServer } from "../handlers/base_request_handler.ts";
import { StreamRequestHandler } from "../handlers/stream_request_handler.ts";
import { Connections } from "./_closing/connections.ts";
import { handlerClass, type HandlerFunction } from "./_core/handler_class.ts";
import { IdleConnection } from "./_closing/idle_connection.ts";
import { seamOf, withSeam } from "./_core/seam.ts";
import { SOCKET } from "./_node_sockets/handover.ts";
import { admissionOf } from "./_admission/admission_of.ts";
import type { AdmissionOptions } from "./admission_options.ts";
import { BaseServer } from "./base_server.ts";
import type { ProxyProtocolOptions } from "./proxy_protocol_options.ts";
import type {
  RequestHandlerClass,
  ServerOptions,
  ServerSocket,
} from "./server_options.ts";

export type { HandlerFunction };

/** Options that every server of connections has. */
export interface StreamServerOptions<
  Address extends Deno.Addr = Deno.Addr,
  Config = unknown,
> extends ServerOptions<Address, Deno.Conn<Address>, Config> {
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
  /**
   * Takes headers of the PROXY protocol, by which a balancer tells whose
   * connection it forwards. Without it, nothing looks for them.
   */
  readonly proxyProtocol?: ProxyProtocolOptions;
  /**
   * Whom to let in: limits for each address, and networks. Of a
   * {@linkcode UnixStreamServer}, whose clients have no addresses, it takes
   * `proxyProtocol`. Without it, everybody is let in.
   */
  readonly admission?: AdmissionOptions;
  /**
   * Whether `stats()` and `connections()` count what handlers read from `request`
   * itself and write to it, too. Each such call takes a promise more then. What
   * `rfile`, `wfile` and the handlers of HTTP carry is always counted, and all is
   * where there is an `idleTimeout`.
   *
   * @default {false}
   */
  readonly countBytes?: boolean;
}

/** What a server of connections listens on. {@linkcode Deno.Listener} is one. */
export interface StreamListener<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
> extends ServerSocket<Address> {
  /**
   * Waits for the next connection.
   *
   * @returns The connection.
   */
  accept(): Promise<Connection>;
}

/** What a stream server takes as its handler. */
export type StreamHandler<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
  Config = unknown,
> =
  | RequestHandlerClass<Connection, Address, Config>
  | HandlerFunction<StreamRequestHandler<Address, RequestServer<Config>>>;

/** The base of the servers of connections: TCP, TLS and Unix stream sockets. */
export abstract class StreamServer<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
  Config = unknown,
> extends BaseServer<Connection, Address, Config> {
  readonly #listener: StreamListener<Connection, Address>;
  readonly #connections: Connections<Connection, Address>;
  #lends = false;

  /**
   * Constructs a new instance.
   *
   * @param open Opens the listener. What it throws, the constructor throws.
   * @param handler A handler class, or a function that receives a
   * {@linkcode StreamRequestHandler}.
   * @param options Options that every server of connections has.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If `handler` is neither a handler class of its kind nor a
   * function, or an option or a key of the address has an unknown name.
   */
  constructor(
    open: () => StreamListener<Connection, Address>,
    handler: StreamHandler<Connection, Address, Config>,
    options: StreamServerOptions<Address, Config> = {},
  ) {
    // A subclass that has more to do hands on a transport of its own.
    const connections = seamOf<Connection, Address>(options).transport as
      | Connections<Connection, Address>
      | undefined ??
      new Connections<Connection, Address>(options);
    let listener!: StreamListener<Connection, Address>;
    super(
      () => listener = open(),
      handlerClass(
        handler,
        StreamRequestHandler as RequestHandlerClass<
          Connection,
          Address,
          Config
        >,
      ),
      withSeam(options, {
        transport: connections,
        admission: admissionOf(options),
        optionNames: [
          ...["idleTimeout", "lingerTimeout", "proxyProtocol", "countBytes"],
          "admission",
        ],
      }),
    );
    this.#listener = listener;
    this.#connections = connections;
  }

  /**
   * What it listens on.
   *
   * @returns The listener.
   * @ignore
   */
  get [SOCKET](): StreamListener<Connection, Address> {
    return this.#listener;
  }

  /**
   * Accepts the next connection.
   *
   * @returns The connection and its peer's address.
   */
  override async getRequest(): Promise<[Connection, Address]> {
    const accepting = this.#listener.accept();
    this.#connections.accepting = accepting;
    const accepted = await accepting;
    if (!this.#lends) {
      // The listener is Deno's, so its connections keep no bytes of a write.
      this.#lends = true;
      addBorrower(Object.getPrototypeOf(accepted));
    }
    return [
      this.#connections.watches
        ? new IdleConnection(accepted) as unknown as Connection
        : accepted,
      accepted.remoteAddr,
    ];
  }
}
