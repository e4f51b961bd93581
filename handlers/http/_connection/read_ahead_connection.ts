import { countIn, countOut, type Traffic } from "../../_traffic.ts";
import { WrappedConnection } from "../../_wrapped_connection.ts";

/**
 * A connection of which something has been read already, or is being read: that
 * comes first. Anything that is still being written to it goes first, too.
 */
export class ReadAheadConnection<Address extends Deno.Addr>
  extends WrappedConnection<Address> {
  #ahead:
    | ((buffer: Uint8Array) => Promise<number | null | undefined>)
    | undefined;
  #before: Promise<unknown> | undefined;
  readonly #traffic: Traffic | undefined;

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
    super(inner);
    this.#ahead = ahead;
    this.#before = before;
    this.#traffic = traffic;
  }

  /** Whether what was read last had been read ahead, and counted. */
  get isAhead(): boolean {
    return this.#ahead !== undefined;
  }

  override read(buffer: Uint8Array): Promise<number | null> {
    return this.#ahead === undefined
      ? this.#readOn(buffer)
      : this.#readAhead(this.#ahead, buffer);
  }

  override write(data: Uint8Array): Promise<number> {
    const writing = this.#before === undefined
      ? this.inner.write(data)
      : this.#after(() => this.inner.write(data));
    return this.#traffic === undefined
      ? writing
      : this.#countOut(writing, this.#traffic);
  }

  override closeWrite(): Promise<void> {
    return this.#before === undefined
      ? this.inner.closeWrite()
      : this.#after(() => this.inner.closeWrite());
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
    const reading = this.inner.read(buffer);
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
