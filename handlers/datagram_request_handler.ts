import { END, LEAVE, OWN } from "./streams/_owned.ts";
import { SETTLE, SUSPEND } from "./_host.ts";
import {
  BaseRequestHandler,
  type RequestServer,
} from "./base_request_handler.ts";
import { reply } from "./_replying.ts";
import { StreamReader } from "./streams/stream_reader.ts";
import { WholeSource } from "./streams/_whole_source.ts";
import { StreamWriter } from "./streams/stream_writer.ts";

/** The socket half of a {@linkcode DatagramRequest}. */
export interface DatagramSocket<Address extends Deno.Addr = Deno.Addr> {
  /** The address the socket is bound to. */
  readonly addr: Deno.Addr;
  /**
   * Sends one datagram.
   *
   * @param data Its payload, at most 65,507 bytes over IPv4.
   * @param address Where it goes.
   * @returns How many bytes were sent.
   */
  send(data: Uint8Array, address: Address): Promise<number>;
}

/**
 * What a datagram server accepts: the payload, which is the handler's to keep, and
 * the socket it arrived on.
 */
export type DatagramRequest<Address extends Deno.Addr = Deno.Addr> = readonly [
  data: Uint8Array<ArrayBuffer>,
  socket: DatagramSocket<Address>,
];

/** The most an IPv4 UDP datagram can carry: 65,535 less 8 (RFC 768) and 20 (RFC 791). */
export const MAX_DATAGRAM_SIZE = 65_507;

/**
 * A handler of one datagram. `rfile` reads the payload; what is written to
 * `wfile` is sent back as one datagram after `handle`, unless the handler threw
 * or wrote nothing. An empty
 * reply is sent with `socket.send`.
 *
 * @example Answering in upper case
 * ```ts
 * import { DatagramRequestHandler, UDPServer } from "@wire/socketserver";
 *
 * class Upper extends DatagramRequestHandler {
 *   override handle() {
 *     const text = new TextDecoder().decode(this.packet);
 *     this.wfile.write(text.toUpperCase());
 *   }
 * }
 *
 * await using server = new UDPServer({ hostname: "127.0.0.1", port: 0 }, Upper);
 * ```
 */
export class DatagramRequestHandler<
  Address extends Deno.Addr = Deno.Addr,
  Server extends RequestServer = RequestServer,
> extends BaseRequestHandler<DatagramRequest<Address>, Address, Server> {
  #rfile: StreamReader | undefined;
  #wfile: StreamWriter | undefined;
  #reply: Uint8Array | undefined;
  /** Whether the reply is in memory that the handler may change. */
  #lent = false;
  /** Whether the handler waits, or has waited, for something. */
  #suspended = false;
  /** Whether the handler has ended. */
  #over = false;

  /**
   * The payload of the datagram, 0 to 65,507 bytes.
   *
   * @returns The bytes, the handler's to keep.
   */
  get packet(): Uint8Array<ArrayBuffer> {
    return this.request[0];
  }

  /**
   * The socket the datagram arrived on, to send more than one datagram or to
   * another address.
   *
   * @returns The server's socket.
   */
  get socket(): DatagramSocket<Address> {
    return this.request[1];
  }

  /**
   * Reads the payload as a stream that ends where the datagram does.
   *
   * @returns The reader of this datagram.
   */
  get rfile(): StreamReader {
    if (this.#rfile === undefined) {
      this.#rfile = new StreamReader(new WholeSource(this.packet));
      this.#rfile[OWN](this);
      if (this.#over) this.#rfile[LEAVE]();
    }
    return this.#rfile;
  }

  /**
   * Collects the reply. It holds as much as one datagram can.
   *
   * @returns The writer of the reply.
   */
  get wfile(): StreamWriter {
    if (this.#wfile === undefined) {
      this.#wfile = new StreamWriter({
        writeSync: (data) => this.#collect(data),
      });
      this.#wfile[OWN](this);
      if (this.#over) void this.#wfile[END]();
    }
    return this.#wfile;
  }

  /**
   * The handler may change what it wrote once its write has resolved, which one
   * that waits for nothing does not see before the reply is sent.
   *
   * @ignore
   */
  override [SUSPEND](): void {
    this.#suspended = true;
    if (this.#lent) this.#reply = this.#reply?.slice();
    this.#lent = false;
  }

  /** @ignore */
  override [SETTLE](failed: boolean): void | Promise<unknown> {
    this.#over = true;
    this.#rfile?.[LEAVE]();
    const ended = this.#wfile?.[END]();
    if (failed || this.#reply === undefined) return ended;
    const sent = reply(this.socket, this.#reply, this.clientAddress);
    return ended === undefined ? sent : Promise.all([ended, sent]);
  }

  #collect(data: Uint8Array): void {
    const before = this.#reply;
    const size = (before?.length ?? 0) + data.length;
    if (size > MAX_DATAGRAM_SIZE) {
      // Drop it all: half a reply is of no use.
      this.#reply = undefined;
      throw new RangeError(
        `Cannot reply with ${size} bytes: a datagram carries at most ${MAX_DATAGRAM_SIZE}`,
      );
    }
    if (before === undefined) {
      this.#lent = !this.#suspended && data.buffer === this.packet.buffer;
      this.#reply = this.#lent ? data : data.slice();
      return;
    }
    this.#lent = false;
    this.#reply = new Uint8Array(size);
    this.#reply.set(before);
    this.#reply.set(data, before.length);
  }
}
