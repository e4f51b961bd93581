import { RESET } from "../_cut_short.ts";
import { checkKeys } from "../_known_keys.ts";
import {
  type ClientCredentials,
  clientCredentials,
} from "../_tls/client_credentials.ts";
import {
  CLIENT_TLS_OPTION_NAMES,
  type ClientTLSOptions,
} from "../_tls/client_tls_options.ts";
import { HANDSHAKE_TIMEOUT } from "../_tls/handshake.ts";
import { TLSConnection } from "../_tls/tls_connection.ts";
import { type TLSInfo, tlsOf } from "../_tls/tls_info.ts";
import { checkNothingUnread, overReader } from "../_tls/upgrade.ts";
import { CUT_SHORT, END, HAND_ON } from "../streams/_owned.ts";
import { StreamReader } from "../streams/stream_reader.ts";
import { StreamWriter } from "../streams/stream_writer.ts";
import { checkLimits, Limit } from "./_limit.ts";
import { handshakeRemedy, phaseError } from "./_phase_error.ts";
import type { Target } from "./_target.ts";

/** How long a close may take where it is not said, in milliseconds. */
const CLOSE_TIMEOUT = 10_000;

/** Options of {@linkcode StreamClient.startTLS}. */
export interface ClientStartTLSOptions extends ClientTLSOptions {
  /** Ends the handshake, and closes the connection. */
  readonly signal?: AbortSignal;
  /**
   * How long the handshake may take, in milliseconds.
   *
   * @default {10000}
   */
  readonly timeout?: number;
}

/** Options of {@linkcode StreamClient.close}. */
export interface CloseOptions {
  /**
   * How long it may take to send what has been written, in milliseconds.
   *
   * @default {10000}
   */
  readonly timeout?: number;
}

/**
 * A connection to a server, read and written as handlers do. Instances are made by
 * {@linkcode connect}.
 */
export class StreamClient<
  Address extends Deno.NetAddr | Deno.UnixAddr = Deno.NetAddr | Deno.UnixAddr,
> implements AsyncDisposable {
  readonly #target: Target;
  #connection: Deno.Conn<Address>;
  #rfile: StreamReader | undefined;
  #wfile: StreamWriter | undefined;
  #closing: Promise<void> | undefined;
  #closed = false;

  /**
   * @param connection The connection.
   * @param target Where it leads to.
   * @ignore
   */
  constructor(connection: Deno.Conn<Address>, target: Target) {
    this.#connection = connection;
    this.#target = target;
  }

  /**
   * Where the server is: of a name, the address that has answered.
   *
   * @returns The server's address.
   */
  get addr(): Address {
    return this.#connection.remoteAddr;
  }

  /**
   * Where this end is.
   *
   * @returns The client's address.
   */
  get localAddr(): Address {
    return this.#connection.localAddr;
  }

  /**
   * The connection beneath `rfile` and `wfile`. Read and write by those, or by this
   * alone.
   *
   * @returns The connection, in TLS if it is.
   */
  get connection(): Deno.Conn<Address> {
    return this.#connection;
  }

  /**
   * Reads what the server sends.
   *
   * @returns The reader of this connection.
   */
  get rfile(): StreamReader {
    return this.#rfile ??= new StreamReader(this.#connection);
  }

  /**
   * Writes to the server.
   *
   * @returns The writer of this connection.
   */
  get wfile(): StreamWriter {
    return this.#wfile ??= new StreamWriter(this.#connection);
  }

  /**
   * What the TLS handshake has agreed upon, the server's certificate among that.
   *
   * @returns It, or `undefined` for a connection without TLS.
   */
  get tls(): TLSInfo | undefined {
    return tlsOf(this.#connection);
  }

  /**
   * Goes on in TLS, as protocols with a command such as `STARTTLS` do: SMTP, IMAP,
   * FTP, PostgreSQL. Call it when the server's go-ahead has been read. `rfile` and
   * `wfile` are others from then on.
   *
   * What has come before the handshake must not be taken for protected (as in
   * CVE-2011-0411): nothing may be unread.
   *
   * @param options With whom, as whom, and how long it may take.
   * @returns A promise that resolves when the handshake is complete. Where it fails
   * the connection is closed, but where bytes are unread or an option is wrong.
   * @throws {Deno.errors.InvalidData} If bytes are unread, a certificate or key
   * cannot be used, the handshake fails, or the server's certificate is not valid,
   * or not for its host.
   * @throws {DOMException} "TimeoutError" if it takes longer than `timeout`.
   * @throws {TypeError} If the connection speaks TLS already, or an option is
   * unknown or of another type.
   *
   * @example Asking a mail server
   * ```ts
   * import { connect } from "@wire/socketserver/client";
   *
   * export async function secureGreeting(hostname: string) {
   *   await using client = await connect({ hostname, port: 25 });
   *   const { rfile, wfile } = client;
   *   await rfile.readLine();
   *   await wfile.write("STARTTLS\r\n");
   *   if (!(await rfile.readLine())?.startsWith("220")) return null;
   *   await client.startTLS();
   *   await client.wfile.write("EHLO example.org\r\n");
   *   return await client.rfile.readLine();
   * }
   * ```
   */
  async startTLS(options: ClientStartTLSOptions = {}): Promise<void> {
    const action = "start TLS";
    if (this.#connection instanceof TLSConnection) {
      throw new TypeError(
        "Cannot start TLS: the connection speaks it already",
      );
    }
    const names = [...CLIENT_TLS_OPTION_NAMES, "signal", "timeout"];
    checkKeys("option", options, names, undefined, action);
    const { signal, timeout = HANDSHAKE_TIMEOUT } = options;
    checkLimits({ signal, timeout }, action);
    checkNothingUnread(this.rfile, "server");
    const target = this.#target;
    const host = "path" in target ? undefined : target.hostname;
    const credentials = clientCredentials(options, host, action);
    const what = `Cannot start TLS with ${target.text}`;
    using limit = new Limit(what, { signal, timeout });
    limit.phase = "handshake";
    try {
      await this.secure(credentials, limit);
    } catch (error) {
      this.abort();
      // Why it was ended is the caller's own, or names all.
      if (limit.isEnded) throw error;
      throw phaseError(what, limit.phase, error, handshakeRemedy(error));
    }
  }

  /**
   * Does a handshake over the connection.
   *
   * @param credentials With whom, and as whom.
   * @param limit Ends it, and the connection with it.
   * @ignore
   */
  async secure(credentials: ClientCredentials, limit: Limit): Promise<void> {
    const connection = overReader(
      this.#connection,
      this.rfile[HAND_ON](),
      credentials,
    );
    // It refuses what is written to it from now on.
    const sent = this.wfile[END]();
    this.#connection = connection;
    this.#rfile = this.#wfile = undefined;
    await limit.closing(async () => {
      await sent;
      await connection.opened();
    }, () => this.abort());
  }

  /**
   * Sends what has been written and not awaited, ends this side and closes the
   * connection. Calling it again changes nothing.
   *
   * What the server has sent and nobody has read is thrown away, and may have the
   * kernel reset the connection: read to the end first where the server must get
   * all that was written.
   *
   * @param options How long it may take.
   * @returns A promise that resolves when it is closed. It rejects where something
   * that was not awaited could not be sent; it is closed then, too.
   * @throws {DOMException} "TimeoutError" if what was written has not been taken in
   * time.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    checkKeys("option", options, ["timeout"], undefined, "close");
    const { timeout = CLOSE_TIMEOUT } = options;
    checkLimits({ timeout }, "close");
    await (this.#closing ??= this.#close(timeout));
  }

  /**
   * Closes the connection at once. What was written may not be sent, and in TLS the
   * server is not told that this is all.
   */
  abort(): void {
    if (this.#closed) return;
    this.#closed = true;
    const connection = this.#connection;
    if (connection instanceof TLSConnection) connection[RESET]();
    connection.close();
  }

  /**
   * As {@linkcode StreamClient.close}.
   *
   * @returns A promise that resolves when it is closed.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number): Promise<void> {
    const wfile = this.#wfile;
    // Whoever wrote has been told.
    if (this.#closed || wfile?.[CUT_SHORT]) return this.abort();
    try {
      if (wfile !== undefined && wfile.bufferedAmount > 0) {
        const what = `Cannot send to ${this.#target.text} what was written`;
        using limit = new Limit(what, { timeout });
        await limit.closing(() => wfile.flush(), () => this.abort());
      }
    } finally {
      if (!this.#closed) {
        this.#closed = true;
        // In TLS this tells the server that it is the end.
        this.#connection.close();
      }
    }
  }
}
