import {
  type DatagramRequest,
  DatagramRequestHandler,
} from "../handlers/datagram_request_handler.ts";
import {
  BaseServer,
  type RequestHandlerClass,
  type ServerOptions,
  type ServerSocket,
} from "./base_server.ts";
import { handlerClass, type HandlerFunction } from "./_handler_class.ts";

/** What a datagram server takes as its handler. */
export type DatagramHandler<Address extends Deno.Addr> =
  | RequestHandlerClass<DatagramRequest<Address>, Address>
  | HandlerFunction<DatagramRequestHandler<Address>>;

/** The longest payload is shorter; one byte more would show a cut. */
const BUFFER_SIZE = 65_536;

/** The base of the servers of datagrams: UDP and Unix datagram sockets. */
export abstract class DatagramServer<Address extends Deno.Addr>
  extends BaseServer<DatagramRequest<Address>, Address> {
  readonly #socket: Deno.DatagramConn;
  /** Every datagram is received into it; a handler gets a copy of its size. */
  readonly #buffer = new Uint8Array(BUFFER_SIZE);

  /**
   * Constructs a new instance.
   *
   * @param open Opens the socket. What it throws, the constructor throws.
   * @param handler A handler class, or a function that receives a
   * {@linkcode DatagramRequestHandler}.
   * @param options Options that every server has.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If `handler` is neither a handler class nor a function.
   */
  constructor(
    open: () => Deno.DatagramConn,
    handler: DatagramHandler<Address>,
    options: ServerOptions<Address> = {},
  ) {
    let socket!: Deno.DatagramConn;
    super(
      () => {
        if (Deno.listenDatagram === undefined) {
          throw new Deno.errors.NotSupported(
            "Cannot create server: Deno.listenDatagram is unstable, run again with the --unstable-net flag",
          );
        }
        socket = open();
        // ref() and unref() are there; only Deno's types leave them out.
        return socket as unknown as ServerSocket<Address>;
      },
      handlerClass(
        handler,
        DatagramRequestHandler as RequestHandlerClass<
          DatagramRequest<Address>,
          Address
        >,
      ),
      options,
    );
    this.#socket = socket;
  }

  /**
   * Receives the next datagram.
   *
   * @returns The datagram with the socket, and the sender's address.
   */
  override async getRequest(): Promise<[DatagramRequest<Address>, Address]> {
    const [data, sender] = await this.#socket.receive(this.#buffer);
    const payload = data.slice() as Uint8Array<ArrayBuffer>;
    return [[payload, this.#socket], sender as Address];
  }

  /** Keeps the socket open until the replies in progress are sent. @ignore */
  override stopListening(): void {}
}
