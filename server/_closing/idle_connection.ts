import { isEncrypted } from "../../handlers/_encrypted.ts";
import { countIn, countOut, type Traffic } from "../../handlers/_traffic.ts";
import { addBorrower } from "../../handlers/streams/_lending.ts";
import { readableOf, writableOf } from "../../handlers/streams/_web_streams.ts";
import { type TLSInfo, tlsOf } from "../../handlers/_tls/tls_info.ts";

/**
 * A connection that notes when it last carried a byte, and counts them. Only servers
 * with an `idleTimeout` or `countBytes` wrap their connections in it.
 */
export class IdleConnection<Address extends Deno.Addr>
  implements Deno.Conn<Address> {
  /** When a byte was last read or written, in `performance.now()` time. */
  lastActive: number = performance.now();
  /** Where its bytes are counted, once its request has begun. */
  traffic: Traffic | undefined;
  /** The connection itself. */
  readonly inner: Deno.Conn<Address>;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  constructor(inner: Deno.Conn<Address>) {
    this.inner = inner;
  }

  get localAddr(): Address {
    return this.inner.localAddr;
  }

  get remoteAddr(): Address {
    return this.inner.remoteAddr;
  }

  get encrypted(): boolean {
    return isEncrypted(this.inner);
  }

  /** What the handshake has agreed upon, of a connection in TLS. */
  get tls(): TLSInfo | undefined {
    return tlsOf(this.inner);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const n = await this.inner.read(buffer);
    this.lastActive = performance.now();
    if (n !== null && this.traffic !== undefined) countIn(this.traffic, n);
    return n;
  }

  async write(data: Uint8Array): Promise<number> {
    const n = await this.inner.write(data);
    this.lastActive = performance.now();
    if (this.traffic !== undefined) countOut(this.traffic, n);
    return n;
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this);
  }

  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableOf(this);
  }

  closeWrite(): Promise<void> {
    return this.inner.closeWrite();
  }

  close(): void {
    this.inner.close();
  }

  ref(): void {
    this.inner.ref();
  }

  unref(): void {
    this.inner.unref();
  }

  setNoDelay(noDelay?: boolean): void {
    (this.inner as Partial<Deno.TcpConn>).setNoDelay?.(noDelay);
  }

  setKeepAlive(keepAlive?: boolean): void {
    (this.inner as Partial<Deno.TcpConn>).setKeepAlive?.(keepAlive);
  }

  handshake(): Promise<Deno.TlsHandshakeInfo> {
    return (this.inner as unknown as Deno.TlsConn).handshake();
  }

  [Symbol.dispose](): void {
    this.inner[Symbol.dispose]();
  }
}

addBorrower(IdleConnection.prototype);
