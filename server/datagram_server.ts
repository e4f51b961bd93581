import {
  type DatagramRequest,
  DatagramRequestHandler,
  type DatagramSocket,
} from "../handlers/datagram_request_handler.ts";
import type { RequestServer } from "../handlers/base_request_handler.ts";
import { countIn } from "../handlers/_traffic.ts";
import { BaseServer } from "./base_server.ts";
import { withPermittedSends } from "./_core/permitted_sends.ts";
import { seamOf, withSeam } from "./_core/seam.ts";
import { countSends } from "./_numbers/counted_sends.ts";
import { COUNTERS } from "./_numbers/counters.ts";
import type {
  RequestHandlerClass,
  ServerOptions,
  ServerSocket,
} from "./server_options.ts";
import { handlerClass, type HandlerFunction } from "./_core/handler_class.ts";

/** What a datagram server takes as its handler. */
export type DatagramHandler<Address extends Deno.Addr, Config = unknown> =
  | RequestHandlerClass<DatagramRequest<Address>, Address, Config>
  | HandlerFunction<DatagramRequestHandler<Address, RequestServer<Config>>>;

/** What a datagram server listens on. */
export interface ReceivingSocket<Address extends Deno.Addr>
  extends ServerSocket<Address>, DatagramSocket<Address> {
  /** The address it is bound to. */
  readonly addr: Address;
  /**
   * Waits for the next datagram.
   *
   * @param buffer Where its payload goes.
   * @returns The part of `buffer` that holds it, and the sender's address.
   */
  receive(
    buffer: Uint8Array<ArrayBuffer>,
  ): Promise<[Uint8Array<ArrayBuffer>, Address]>;
}

/**
 * The size of the buffer, in bytes. The longest payload over UDP is shorter, so a
 * datagram that fills it has been cut.
 */
const BUFFER_SIZE = 65_536;
/** The most that is taken whole, in bytes. */
const LONGEST_PACKET = BUFFER_SIZE - 1;

/** The base of the servers of datagrams: UDP and Unix datagram sockets. */
export abstract class DatagramServer<
  Address extends Deno.Addr,
  Config = unknown,
> extends BaseServer<DatagramRequest<Address>, Address, Config> {
  readonly #socket: ReceivingSocket<Address>;
  /** Every datagram is received into it, and copied out of it. */
  readonly #buffer = new Uint8Array(BUFFER_SIZE);

  /**
   * Constructs a new instance.
   *
   * @param open Opens the socket. What it throws, the constructor throws.
   * @param handler A handler class, or a function that receives a
   * {@linkcode DatagramRequestHandler}.
   * @param options Options that every server has.
   * @throws {Deno.errors.NotSupported} Without `--unstable-net`.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If `handler` is neither a handler class of its kind nor a
   * function, or an option or a key of the address has an unknown name.
   */
  constructor(
    open: () => ReceivingSocket<Address>,
    handler: DatagramHandler<Address, Config>,
    options: ServerOptions<Address, DatagramRequest<Address>, Config> = {},
  ) {
    let socket!: ReceivingSocket<Address>;
    const counters = new Float64Array(COUNTERS);
    super(
      () => {
        if (Deno.listenDatagram === undefined) {
          throw new Deno.errors.NotSupported(
            'Cannot create server: Deno.listenDatagram is unstable, run again with the --unstable-net flag, or have "unstable": ["net"] in deno.json',
          );
        }
        return socket = countSends(withPermittedSends(open()), counters);
      },
      handlerClass(
        handler,
        DatagramRequestHandler as RequestHandlerClass<
          DatagramRequest<Address>,
          Address,
          Config
        >,
      ),
      withSeam(options, {
        transport: {
          // Close nothing here: the socket sends the replies of those in progress.
          stopListening: () => {},
          counts: (served) =>
            countIn(served, (served.request as DatagramRequest)[0].length),
          ...seamOf(options).transport,
        },
        watch: { counters },
      }),
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
    if (data.length > LONGEST_PACKET) {
      throw new Deno.errors.InvalidData(
        `Cannot receive a datagram from ${
          Deno.inspect(sender)
        }: it is longer than ${LONGEST_PACKET} bytes`,
      );
    }
    return [[data.slice(), this.#socket], sender];
  }
}
