import { isEncrypted } from "./_encrypted.ts";
import { PROXIED, type Proxied } from "./_proxied.ts";
import { readableOf, writableOf } from "./streams/_web_streams.ts";
import { type TLSInfo, tlsOf } from "./_tls/tls_info.ts";

/** A connection that is another one, but for what its class changes. */
export class WrappedConnection<Address extends Deno.Addr>
  implements Deno.Conn<Address>, Proxied {
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

  get [PROXIED](): Proxied[typeof PROXIED] {
    return (this.inner as Partial<Proxied>)[PROXIED];
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.inner.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    return this.inner.write(data);
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

  setKeepAlive(keepAlive?: boolean, delay?: number): void {
    (this.inner as { setKeepAlive?(on?: boolean, delay?: number): void })
      .setKeepAlive?.(keepAlive, delay);
  }

  handshake(): Promise<Deno.TlsHandshakeInfo> {
    return (this.inner as unknown as Deno.TlsConn).handshake();
  }

  [Symbol.dispose](): void {
    this.inner[Symbol.dispose]();
  }
}

/** The connection that all others are wrapped around. */
export function innermost(connection: Deno.Conn): Deno.Conn {
  let inner = connection;
  while (inner instanceof WrappedConnection) inner = inner.inner;
  return inner;
}
