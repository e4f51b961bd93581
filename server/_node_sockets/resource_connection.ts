import { addBorrower } from "../../handlers/streams/_lending.ts";
import { readableOf, writableOf } from "../../handlers/streams/_web_streams.ts";
import { core } from "./core.ts";
import { makeTCPHandle, type TCPHandle } from "./handles.ts";
import { systemError } from "./system_error.ts";

/**
 * A connection by the number that Deno knows it by. It reads and writes as those
 * of `Deno.listen` do, by the same operations.
 */
export class ResourceConnection<Address extends Deno.Addr>
  implements Deno.Conn<Address> {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  /** The number. */
  protected readonly rid: number;
  /** Reads that are under way, which keep the process alive. */
  readonly #reads = new Set<Promise<number>>();
  #unreffed = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  /**
   * @param rid The number.
   * @param localAddr The address of this end.
   * @param remoteAddr The address of the peer.
   */
  constructor(rid: number, localAddr: Address, remoteAddr: Address) {
    this.rid = rid;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    // Where a reset looks for it, as in Deno's own connections.
    Object.defineProperty(this, core.internalRidSymbol, { value: rid });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (buffer.length === 0) return 0;
    const reading = core.read(this.rid, buffer);
    if (this.#unreffed) core.unrefOpPromise(reading);
    this.#reads.add(reading);
    try {
      const n = await reading;
      return n === 0 ? null : n;
    } finally {
      this.#reads.delete(reading);
    }
  }

  write(data: Uint8Array): Promise<number> {
    return core.write(this.rid, data);
  }

  closeWrite(): Promise<void> {
    return core.shutdown(this.rid);
  }

  close(): void {
    core.close(this.rid);
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this);
  }

  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableOf(this);
  }

  ref(): void {
    this.#unreffed = false;
    for (const reading of this.#reads) core.refOpPromise(reading);
  }

  unref(): void {
    this.#unreffed = true;
    for (const reading of this.#reads) core.unrefOpPromise(reading);
  }

  [Symbol.dispose](): void {
    core.tryClose(this.rid);
  }
}

/** One of TCP. */
export class TCPResourceConnection extends ResourceConnection<Deno.NetAddr>
  implements Deno.TcpConn {
  setNoDelay(noDelay: boolean = true): void {
    this.#set((handle) => handle.setNoDelay(noDelay));
  }

  /**
   * Has the kernel look whether a silent peer is there still.
   *
   * @param keepAlive Whether it shall.
   * @param delay After how much silence, in milliseconds; 0 leaves that to it.
   */
  setKeepAlive(keepAlive: boolean = true, delay: number = 0): void {
    const seconds = Math.ceil(delay / 1000);
    this.#set((handle) => handle.setKeepAlive(keepAlive, seconds));
  }

  /** Sets an option of the socket, by a second descriptor of it. */
  #set(option: (handle: TCPHandle) => number): void {
    const handle = makeTCPHandle(false);
    const status = handle.openFromRid(this.rid) || option(handle);
    handle.close();
    if (status !== 0) throw systemError(status);
  }
}

addBorrower(ResourceConnection.prototype);
addBorrower(TCPResourceConnection.prototype);
