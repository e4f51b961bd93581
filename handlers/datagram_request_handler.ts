import { END, LEAVE, OWN } from "./streams/_owned.ts";
import { type Served, SERVES, SETTLE } from "./_host.ts";
import {
  BaseRequestHandler,
  type RequestServer,
} from "./base_request_handler.ts";
import { isForgetful, reply } from "./_replying.ts";
import { TRAFFIC } from "./_traffic.ts";
import { giveBuffer, takeBuffer } from "./streams/_small_buffers.ts";
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
 * A handler of one datagram. Instances are made by servers, one for each datagram.
 *
 * `rfile` reads the payload; what is written to `wfile` is sent back as one datagram
 * after `handle`, unless the handler threw or wrote nothing. An empty reply is sent
 * with `socket.send`.
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
  /** @ignore */
  static override readonly [SERVES]: Served = "datagrams";
  #rfile: StreamReader | undefined;
  #wfile: StreamWriter | undefined;
  /** Where the reply is collected, its first `#size` bytes; none without one. */
  #reply: Uint8Array<ArrayBuffer> | undefined;
  #size = 0;
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

  /** @ignore */
  override [SETTLE](failed: boolean): void | Promise<unknown> {
    this.#over = true;
    this.#rfile?.[LEAVE]();
    const ended = this.#wfile?.[END]();
    if (failed || this.#reply === undefined) return ended;
    const sent = this.#send(this.#reply);
    return ended === undefined ? sent : Promise.all([ended, sent]);
  }

  #send(memory: Uint8Array<ArrayBuffer>): void | Promise<unknown> {
    const { socket } = this;
    const bytes = memory.subarray(0, this.#size);
    const traffic = this[TRAFFIC];
    // The socket counts it among those of all requests.
    if (traffic !== undefined) traffic.bytesOut += this.#size;
    const sent = reply(socket, bytes, this.clientAddress);
    if (!isForgetful(socket)) return sent;
    const free = () => giveBuffer(memory);
    if (sent === undefined) return free();
    sent.then(free, free);
    return sent;
  }

  /** Copies what is written: its memory may change once the write has resolved. */
  #collect(data: Uint8Array): void {
    const before = this.#reply;
    const size = this.#size + data.length;
    if (size > MAX_DATAGRAM_SIZE) {
      // Drop it all: half a reply is of no use.
      this.#reply = undefined;
      this.#size = 0;
      throw new RangeError(
        `Cannot reply with ${size} bytes: a datagram carries at most ${MAX_DATAGRAM_SIZE}`,
      );
    }
    let memory = before;
    if (memory === undefined || memory.length < size) {
      memory = takeBuffer(size);
      if (before !== undefined) {
        memory.set(before.subarray(0, this.#size));
        giveBuffer(before);
      }
    }
    memory.set(data, this.#size);
    this.#reply = memory;
    this.#size = size;
  }
}
