import {
  CUT_SHORT,
  END,
  LEAVE,
  LEND_TEXTS,
  OWN,
  WATCH,
} from "./streams/_owned.ts";
import { closingOf } from "./_closing.ts";
import { isBorrower } from "./streams/_lending.ts";
import {
  ABORT,
  CLOSING,
  type Closing,
  FAIL,
  type HandlerHost,
  RUN,
  type Served,
  SERVES,
  SETTLE,
  UNSENT,
} from "./_host.ts";
import { checkBoolean } from "./_settings.ts";
import { COUNT, TRAFFIC } from "./_traffic.ts";
import {
  BaseRequestHandler,
  type RequestServer,
} from "./base_request_handler.ts";
import type { Unsent } from "./_unsent.ts";
import { type TLSInfo, tlsOf } from "./_tls/tls_info.ts";
import {
  secure,
  type Secured,
  type StartTLSOptions,
  upgrade,
} from "./_tls/upgrade.ts";
import { isEncrypted } from "./_encrypted.ts";
import { StreamReader } from "./streams/stream_reader.ts";
import { StreamWriter } from "./streams/stream_writer.ts";

/**
 * A handler of one connection, with buffered reading and ordered writing. Instances
 * are made by servers, one for each connection.
 *
 * What was written when `finish` returns is sent before the connection closes.
 *
 * @example An echo of lines of text
 * ```ts
 * import { StreamRequestHandler, TCPServer } from "@wire/socketserver";
 *
 * class Echo extends StreamRequestHandler {
 *   override async handle() {
 *     for await (const line of this.rfile) await this.wfile.write(line + "\n");
 *   }
 * }
 *
 * await using server = new TCPServer({ hostname: "127.0.0.1", port: 0 }, Echo);
 * ```
 *
 * What is not UTF-8 comes back as U+FFFD there, and every line ending as `\n`. Bytes
 * of any kind are echoed as they are read.
 *
 * @example An echo of bytes
 * ```ts
 * import { StreamRequestHandler } from "@wire/socketserver";
 *
 * class Echo extends StreamRequestHandler {
 *   override async handle() {
 *     for (let bytes; (bytes = await this.rfile.read()) !== null;) {
 *       await this.wfile.write(bytes);
 *     }
 *   }
 * }
 * ```
 */
export class StreamRequestHandler<
  Address extends Deno.Addr = Deno.Addr,
  Server extends RequestServer = RequestServer,
> extends BaseRequestHandler<Deno.Conn<Address>, Address, Server> {
  /**
   * Whether what `wfile` sends is sent at once, and not held back until the
   * client has acknowledged what was sent before (`TCP_NODELAY`, see tcp(7)).
   * `wfile` joins what is written in one tick by itself. Python's asyncio and Go
   * do the same; its name is that of `socketserver`, which does not.
   *
   * A connection in TLS has it from its handshake on.
   *
   * @default {true}
   */
  static readonly disableNagleAlgorithm: boolean = true;
  /** @ignore */
  static override readonly [SERVES]: Served = "connections";
  /** @ignore */
  static override checkSettings(): void {
    super.checkSettings();
    checkBoolean(
      "create server",
      "disableNagleAlgorithm",
      this.disableNagleAlgorithm,
    );
  }

  #rfile: StreamReader | undefined;
  #wfile: StreamWriter | undefined;
  /** What `startTLS` has made of the connection, and the reader beneath it. */
  #secured: Secured<Address> | undefined;
  /** Whether the reader is to read ahead. */
  #watches = false;
  /** Whether the handler has ended. */
  #over = false;

  /**
   * Reads what the client sends.
   *
   * @returns The reader of this connection.
   */
  get rfile(): StreamReader {
    if (this.#rfile === undefined) {
      this.#rfile = new StreamReader(this.request, {
        // What a read fails with is the handler's to see.
        onError: (error) => this[ABORT](error),
      });
      this.#rfile[OWN](this);
      this.#rfile[COUNT](this[TRAFFIC]);
      if (this.#watches) this.#rfile[WATCH]();
      if (this.#over) this.#rfile[LEAVE]();
    }
    return this.#rfile;
  }

  /**
   * Writes to the client.
   *
   * @returns The writer of this connection.
   */
  get wfile(): StreamWriter {
    if (this.#wfile === undefined) {
      const { disableNagleAlgorithm } = this
        .constructor as typeof StreamRequestHandler;
      if (!disableNagleAlgorithm && isEncrypted(this.request)) {
        (this.request as Partial<Deno.TcpConn>).setNoDelay?.(false);
      }
      this.#wfile = new StreamWriter(this.request, {
        noDelay: disableNagleAlgorithm,
        // One that never looks at its writes would go on for ever.
        onError: (error) => this[FAIL](error),
      });
      this.#wfile[OWN](this);
      this.#wfile[COUNT](this[TRAFFIC]);
      if (isBorrower(this.request)) this.#wfile[LEND_TEXTS]();
      if (this.#over) void this.#wfile[END]();
    }
    return this.#wfile;
  }

  /**
   * What the TLS handshake has agreed upon: the name that the client has asked for,
   * its certificate, the version and the cipher.
   *
   * @returns It, or `undefined` for a connection without TLS.
   */
  get tls(): TLSInfo | undefined {
    return tlsOf(this.request);
  }

  /**
   * Goes on in TLS, as protocols with a command such as `STARTTLS` do: SMTP, IMAP,
   * FTP, PostgreSQL. `request`, `rfile` and `wfile` are others from then on. The
   * `rfile` and `wfile` of before refuse to be used, loops over their lines too; the
   * connection of before carries TLS, and is to be left alone.
   *
   * A client must not have anything taken for protected that it, or somebody on
   * the way, has sent before the handshake. So nothing of that may be unread. Write
   * the go-ahead and do not await it: this looks first, and sends it then. What
   * comes between the two is no handshake, and fails as one.
   *
   * @param options A certificate, its key, and what else {@linkcode TLSOptions}
   * has. Give the same object each time: it is checked once.
   * @returns A promise that resolves when the handshake is complete.
   * @throws {Deno.errors.InvalidData} If bytes are unread, if a certificate or key
   * cannot be used, or if the handshake fails.
   * @throws {DOMException} "TimeoutError" if it takes longer than
   * `handshakeTimeout`.
   * @throws {TypeError} If the connection speaks TLS already, or an option is not
   * one.
   *
   * @example A protocol that can be upgraded
   * ```ts
   * import { StreamRequestHandler, type TLSCertificate } from "@wire/socketserver";
   *
   * export function handlerClass(certificate: TLSCertificate) {
   *   return class extends StreamRequestHandler {
   *     override async handle() {
   *       for (let line; (line = await this.rfile.readLine()) !== null;) {
   *         if (line === "STARTTLS") {
   *           this.wfile.write("220 Ready to start TLS\r\n");
   *           await this.startTLS(certificate);
   *         } else {
   *           await this.wfile.write(this.tls ? "250 Ok\r\n" : "530 STARTTLS first\r\n");
   *         }
   *       }
   *     }
   *   };
   * }
   * ```
   */
  async startTLS(options: StartTLSOptions): Promise<void> {
    if (isEncrypted(this.request)) {
      throw new TypeError("Cannot start TLS: the connection speaks it already");
    }
    const secured = upgrade(this.request, this.rfile, options, this);
    const { connection, plain } = secured;
    // It refuses what is written to it from now on.
    const sent = this.wfile[END]();
    this.#secured = secured;
    // What goes through it from now on is counted when it is in clear.
    plain[COUNT](undefined);
    this.#rfile = this.#wfile = undefined;
    (this as { request: Deno.Conn<Address> }).request = connection;
    await sent;
    await secure(connection, options);
  }

  /**
   * As {@linkcode BaseRequestHandler.signal}. Once it has been asked for,
   * `rfile` reads ahead, up to its limit, to see a reset while nothing is being
   * read. A handler that uses it leaves reading to `rfile`.
   *
   * @returns The signal of this request.
   */
  override get signal(): AbortSignal {
    this.#watches = true;
    this.rfile[WATCH]();
    return super.signal;
  }

  /** @ignore */
  override [RUN](host: HandlerHost): void | Promise<void> {
    // A constructor may have used them, when nobody was there to count.
    this.#rfile?.[COUNT](host.traffic);
    this.#wfile?.[COUNT](host.traffic);
    return super[RUN](host);
  }

  /** @ignore */
  override get [UNSENT](): Unsent | undefined {
    return this.#wfile;
  }

  /** @ignore */
  override [SETTLE](failed: boolean): void | Promise<unknown> {
    // Refuse what the handler has not awaited: the bytes that still come belong to
    // the server, which ends the connection.
    this.#over = true;
    this.#rfile?.[LEAVE]();
    const sent = this.#wfile?.[END](failed);
    return this.#secured === undefined ? sent : this.#endTLS(sent);
  }

  /** Says the end in TLS: the server, which ends the connection, knows none. */
  async #endTLS(sent: void | Promise<void>): Promise<void> {
    const { connection, plain } = this.#secured!;
    try {
      await sent;
      if (!this.#wfile?.[CUT_SHORT]) await connection.sayEnd();
    } finally {
      plain[LEAVE]();
      connection.release();
    }
  }

  /** @ignore */
  override [CLOSING](): Closing {
    return closingOf(this.#rfile, this.#wfile);
  }
}
