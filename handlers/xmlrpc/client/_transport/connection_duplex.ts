import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { LONGEST_DELAY } from "../../../_time_limit.ts";

/** How much is read at once, in bytes. */
const CHUNK = 16 * 1024;

/** What may be missing of a connection that is not Deno's own. */
type Refable = Partial<Pick<Deno.Conn, "ref" | "unref">>;

/** A connection as a stream of Node's, with what `node:http` asks of a socket. */
export class ConnectionDuplex extends Duplex {
  readonly #connection: Deno.Conn;
  readonly #maxBytes: number;
  /** How much has come of the answer, in bytes. */
  #received = 0;
  /** After how long a silence it is told, in milliseconds; 0 for never. */
  timeout = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether no call is under way. */
  #idle = false;

  /** @param maxBytes How much may come for one call, whatever it is. */
  constructor(connection: Deno.Conn, maxBytes: number) {
    // The end of a server is that of its connection: no call can be answered.
    super({ allowHalfOpen: false });
    this.#connection = connection;
    this.#maxBytes = maxBytes;
  }

  override async _read(): Promise<void> {
    const buffer = new Uint8Array(CHUNK);
    try {
      const n = await this.#connection.read(buffer);
      if (this.destroyed) return;
      // What nobody has asked for must not become the answer to the next call.
      if (this.#idle) return void this.destroy();
      this.#received += n ?? 0;
      if (this.#received > this.#maxBytes) {
        throw new Deno.errors.InvalidData(
          `The server has sent more than ${this.#maxBytes} bytes for one answer`,
        );
      }
      this.#watch();
      this.push(n === null ? null : buffer.subarray(0, n));
    } catch (error) {
      // Once it is destroyed, this changes nothing.
      this.destroy(error as Error);
    }
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    this.#write(chunk).then(() => done(), done);
  }

  /**
   * The head of a call and its body come together: sent one by one, the second
   * would wait until the server's system acknowledges the first, for 40 ms.
   */
  override _writev(
    chunks: { readonly chunk: Uint8Array }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#write(Buffer.concat(chunks.map(({ chunk }) => chunk)))
      .then(() => done(), done);
  }

  override _destroy(
    error: Error | null,
    done: (error: Error | null) => void,
  ): void {
    clearTimeout(this.#timer);
    try {
      this.#connection.close();
    } catch {
      // Whoever made it has closed it.
    }
    done(error);
  }

  /** Called where the server keeps no connections. */
  destroySoon(): void {
    this.destroy();
  }

  /** Called before a call: the process waits for its answer. */
  ref(): this {
    this.#idle = false;
    this.#received = 0;
    (this.#connection as Refable).ref?.();
    return this;
  }

  /** Called after a call: no process stays for a connection that is idle. */
  unref(): this {
    this.#idle = true;
    (this.#connection as Refable).unref?.();
    return this;
  }

  /** Called after a call. Whoever made the connection has set it up. */
  setKeepAlive(): this {
    return this;
  }

  /** Called after a call, with how long the server says it keeps the connection. */
  setTimeout(ms: number): this {
    this.timeout = ms;
    this.#watch();
    return this;
  }

  async #write(data: Uint8Array): Promise<void> {
    for (let from = 0; from < data.length;) {
      from += await this.#connection.write(data.subarray(from));
    }
  }

  #watch(): void {
    clearTimeout(this.#timer);
    if (this.timeout === 0) return;
    this.#timer = setTimeout(
      () => this.emit("timeout"),
      Math.min(this.timeout, LONGEST_DELAY),
    );
    Deno.unrefTimer(this.#timer);
  }
}
