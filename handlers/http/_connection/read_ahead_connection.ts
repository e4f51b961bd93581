import { isEncrypted } from "../../_encrypted.ts";
import { type TLSInfo, tlsOf } from "../../_tls/tls_info.ts";
import { countIn, countOut, type Traffic } from "../../_traffic.ts";
import { readableOf, writableOf } from "../../streams/_web_streams.ts";

/**
 * A connection of which something has been read already, or is being read: that
 * comes first. Anything that is still being written to it goes first, too.
 */
export class ReadAheadConnection<Address extends Deno.Addr>
  implements Deno.Conn<Address> {
  readonly #inner: Deno.Conn<Address>;
  #ahead:
    | ((buffer: Uint8Array) => Promise<number | null | undefined>)
    | undefined;
  #before: Promise<unknown> | undefined;
  readonly #traffic: Traffic | undefined;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  /**
   * @param inner The connection.
   * @param ahead Reads what has come already; `undefined` when that is all.
   * @param before What is being written.
   * @param traffic Where its bytes are counted, unless whoever reads and writes does
   * that.
   */
  constructor(
    inner: Deno.Conn<Address>,
    ahead: (buffer: Uint8Array) => Promise<number | null | undefined>,
    before: Promise<unknown> | undefined,
    traffic: Traffic | undefined,
  ) {
    this.#inner = inner;
    this.#ahead = ahead;
    this.#before = before;
    this.#traffic = traffic;
  }

  get localAddr(): Address {
    return this.#inner.localAddr;
  }

  get remoteAddr(): Address {
    return this.#inner.remoteAddr;
  }

  get encrypted(): boolean {
    return isEncrypted(this.#inner);
  }

  /** What the handshake has agreed upon, of a connection in TLS. */
  get tls(): TLSInfo | undefined {
    return tlsOf(this.#inner);
  }

  /** Whether what was read last had been read ahead, and counted. */
  get isAhead(): boolean {
    return this.#ahead !== undefined;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#ahead === undefined
      ? this.#readOn(buffer)
      : this.#readAhead(this.#ahead, buffer);
  }

  write(data: Uint8Array): Promise<number> {
    const writing = this.#before === undefined
      ? this.#inner.write(data)
      : this.#after(() => this.#inner.write(data));
    return this.#traffic === undefined
      ? writing
      : this.#countOut(writing, this.#traffic);
  }

  closeWrite(): Promise<void> {
    return this.#before === undefined
      ? this.#inner.closeWrite()
      : this.#after(() => this.#inner.closeWrite());
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this);
  }

  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableOf(this);
  }

  close(): void {
    this.#inner.close();
  }

  ref(): void {
    this.#inner.ref();
  }

  unref(): void {
    this.#inner.unref();
  }

  setNoDelay(noDelay?: boolean): void {
    (this.#inner as Partial<Deno.TcpConn>).setNoDelay?.(noDelay);
  }

  setKeepAlive(keepAlive?: boolean): void {
    (this.#inner as Partial<Deno.TcpConn>).setKeepAlive?.(keepAlive);
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]();
  }

  async #readAhead(
    ahead: (buffer: Uint8Array) => Promise<number | null | undefined>,
    buffer: Uint8Array,
  ): Promise<number | null> {
    if (buffer.length === 0) return 0;
    const n = await ahead(buffer);
    if (n !== undefined) return n;
    this.#ahead = undefined;
    return await this.#readOn(buffer);
  }

  #readOn(buffer: Uint8Array): Promise<number | null> {
    const reading = this.#inner.read(buffer);
    return this.#traffic === undefined
      ? reading
      : this.#countIn(reading, this.#traffic);
  }

  async #countIn(
    reading: Promise<number | null>,
    traffic: Traffic,
  ): Promise<number | null> {
    const n = await reading;
    if (n !== null) countIn(traffic, n);
    return n;
  }

  async #countOut(writing: Promise<number>, traffic: Traffic): Promise<number> {
    const n = await writing;
    countOut(traffic, n);
    return n;
  }

  async #after<T>(write: () => Promise<T>): Promise<T> {
    await this.#before;
    this.#before = undefined;
    return await write();
  }
}
