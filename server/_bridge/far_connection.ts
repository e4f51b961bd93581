import { appendBytes } from "../../handlers/_append_bytes.ts";
import { notBytes } from "../../handlers/_not_bytes.ts";
import { PROXIED, type Proxied } from "../../handlers/_proxied.ts";
import { addBorrower } from "../../handlers/streams/_lending.ts";
import { readableOf, writableOf } from "../../handlers/streams/_web_streams.ts";
import type { Carrier } from "./carrier.ts";
import {
  ALIGNMENT,
  FrameType,
  LARGEST_WINDOW,
  MAX_DATA,
  WINDOW,
} from "./frames.ts";
import type { Lease } from "./lease.ts";
import { packJson, packNumber } from "./payloads.ts";
import { ReceiveWindow } from "./receive_window.ts";

/** Fewer bytes are as soon copied as put into memory that the carrier lends, which is rare. */
const WORTH_A_LEASE = 16 * 1024;

/**
 * Bytes that were copied are joined up to this size, in bytes: each chunk costs
 * some hundred more, and a client may send its bytes one by one.
 */
const JOIN_UP_TO = 16 * 1024;

/** What has come and was not read. */
interface Chunk {
  bytes: Uint8Array;
  /** The memory that they are in, unless they were copied. */
  lease: Lease | undefined;
}

/** A read that waits for bytes. */
interface WaitingRead {
  readonly buffer: Uint8Array;
  readonly resolve: (n: number | null) => void;
  readonly reject: (error: unknown) => void;
  promise: Promise<number | null> | undefined;
  /** The one that was called after it. */
  next: WaitingRead | undefined;
}

/** A write that waits for credit, or for the carrier. */
interface WaitingWrite extends PromiseWithResolvers<number> {
  readonly data: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const ignore = () => {};

/**
 * A connection whose socket is on the near side. It is used as a
 * `Deno.TcpConn` is, and its errors are those.
 */
export class FarConnection<Address extends Deno.Addr = Deno.Addr>
  implements Deno.Conn<Address>, Proxied {
  /** What knows the PROXY header that the near side has received, if it has. */
  [PROXIED]: Proxied[typeof PROXIED] = undefined;
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  /** Whether the near side's connection speaks TLS. */
  readonly encrypted: boolean;
  readonly #carrier: Carrier;
  readonly #channel: number;
  /** What came while nothing was read. Never more than the window. */
  #chunks: Chunk[] = [];
  /** How much of the first chunk has been read. */
  #offset = 0;
  readonly #window = new ReceiveWindow(LARGEST_WINDOW);
  /** Bytes that may be sent before the near side says more. */
  #credit = WINDOW;
  #ended = false;
  #writeEnded = false;
  /** Whether the end is to be sent when the writes that wait have been. */
  #endOwed = false;
  #closed = false;
  /** Whether the handler has ended. */
  #left = false;
  #failure: { readonly error: unknown } | undefined;
  #writeFailure: { readonly error: unknown } | undefined;
  /** The first read that waits, and the last. */
  #read: WaitingRead | undefined;
  #lastRead: WaitingRead | undefined;
  readonly #writes: WaitingWrite[] = [];
  #waitsForCarrier = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  constructor(
    carrier: Carrier,
    channel: number,
    localAddr: Address,
    remoteAddr: Address,
    encrypted: boolean,
  ) {
    this.#carrier = carrier;
    this.#channel = channel;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    this.encrypted = encrypted;
  }

  /** Whether nothing can be read or written any more. */
  protected get closed(): boolean {
    return this.#closed;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#left) return Promise.resolve(null);
    if (this.#closed) return Promise.reject(badResource("read"));
    if (!(buffer instanceof Uint8Array)) {
      return Promise.reject(notBytes("read into", buffer));
    }
    if (buffer.length === 0) return Promise.resolve(0);
    if (this.#chunks.length > 0 && this.#read === undefined) {
      return Promise.resolve(this.#takeChunks(buffer));
    }
    if (this.#failure !== undefined) {
      return Promise.reject(this.#failure.error);
    }
    if (this.#ended) return Promise.resolve(null);
    let read!: WaitingRead;
    const promise = new Promise<number | null>((resolve, reject) => {
      read = { buffer, resolve, reject, promise: undefined, next: undefined };
    });
    read.promise = promise;
    if (this.#read === undefined) this.#read = read;
    else this.#lastRead!.next = read;
    this.#lastRead = read;
    return promise;
  }

  write(data: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.reject(badResource("write"));
    if (this.#writeFailure !== undefined) {
      return Promise.reject(this.#writeFailure.error);
    }
    if (this.#writeEnded) {
      return Promise.reject(
        new Deno.errors.BrokenPipe("Cannot write: the writing side is closed"),
      );
    }
    if (!(data instanceof Uint8Array)) {
      return Promise.reject(notBytes("write", data));
    }
    if (data.length === 0) return Promise.resolve(0);
    if (
      this.#credit > 0 && this.#writes.length === 0 && !this.#carrier.congested
    ) return Promise.resolve(this.#send(data));
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#writes.push({ data, promise, resolve, reject });
    this.#sendWaiting();
    return promise;
  }

  closeWrite(): Promise<void> {
    if (this.#left) return Promise.resolve();
    if (this.#closed) {
      return Promise.reject(badResource("close the writing side"));
    }
    if (!this.#writeEnded) {
      this.#writeEnded = true;
      this.#endOwed = true;
      this.#sendWaiting();
    }
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) throw badResource("close");
    this.#carrier.send(FrameType.Close, this.#channel);
    this.detach();
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableOf(this);
  }

  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableOf(this);
  }

  /** Has no effect: the near side keeps the socket, and the process. */
  ref(): void {}

  /** Has no effect: the near side keeps the socket, and the process. */
  unref(): void {}

  setNoDelay(noDelay = true): void {
    this.#setOption({ noDelay });
  }

  setKeepAlive(keepAlive = true): void {
    this.#setOption({ keepAlive });
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }

  // What the far side calls when frames come.

  /** Takes bytes that are lent, maybe in memory that can be kept. */
  receive(part: Uint8Array, lease?: Lease): void {
    if (this.#closed) return;
    this.#window.receive(part.length);
    let rest = part;
    while (rest.length > 0) {
      const read = this.#takeRead();
      if (read === undefined) break;
      const { buffer, resolve, reject } = read;
      const n = Math.min(buffer.length, rest.length);
      if (n === 0) {
        reject(transferred("read"));
        continue;
      }
      const all = n === rest.length;
      buffer.set(all ? rest : rest.subarray(0, n));
      rest = all ? NOTHING : rest.subarray(n);
      this.#noteRead(n);
      resolve(n);
    }
    if (rest.length === 0) return;
    if (lease === undefined) return this.#keepCopy(rest);
    lease.keep(this.#leaveLeases);
    this.#chunks.push({ bytes: rest, lease });
  }

  #keepCopy(bytes: Uint8Array): void {
    const last = this.#chunks.at(-1);
    if (
      last === undefined || last.lease !== undefined ||
      last.bytes.length + bytes.length > JOIN_UP_TO
    ) this.#chunks.push({ bytes: bytes.slice(), lease: undefined });
    else last.bytes = appendBytes(last.bytes, bytes, JOIN_UP_TO);
  }

  /** Moves what was not read out of shared memory that others need. */
  readonly #leaveLeases = (): void => {
    for (const chunk of this.#chunks) {
      if (chunk.lease === undefined) continue;
      chunk.bytes = chunk.bytes.slice();
      chunk.lease.free();
      chunk.lease = undefined;
    }
  };

  /** The peer has ended its side. */
  end(): void {
    this.#ended = true;
    for (let read; (read = this.#takeRead()) !== undefined;) read.resolve(null);
  }

  /** More bytes may be sent. */
  addCredit(bytes: number): void {
    this.#credit += bytes;
    this.#sendWaiting();
  }

  /** The socket has failed: what has come can still be read. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    for (let read; (read = this.#takeRead()) !== undefined;) read.reject(error);
    this.failWrites(error);
  }

  /** The peer takes no more: what it sends can still be read. */
  failWrites(error: unknown): void {
    this.#writeFailure ??= { error };
    for (const { reject } of this.#writes.splice(0)) reject(error);
  }

  /**
   * The handler has ended. What it may have left to read on finds the end, and
   * fails not where nobody looks: that would end the thread, or the process.
   */
  leave(): void {
    this.end();
    this.#left = true;
    this.detach();
  }

  /** The request is over: nothing is sent or received any more. */
  detach(): void {
    this.#closed = true;
    this.#window.close();
    for (const { lease } of this.#chunks) lease?.free();
    this.#chunks = [];
    // Mostly nothing waits, and an error is costly to make.
    if (this.#read === undefined && this.#writes.length === 0) return;
    // A handler that has ended may have left some that nobody waits for.
    for (let read = this.#read; read !== undefined; read = read.next) {
      read.promise!.catch(ignore);
    }
    for (const { promise } of this.#writes) promise.catch(ignore);
    this.fail(
      new Deno.errors.Interrupted("The connection was closed meanwhile"),
    );
  }

  /** Takes the read that has waited longest. */
  #takeRead(): WaitingRead | undefined {
    const read = this.#read;
    this.#read = read?.next;
    if (this.#read === undefined) this.#lastRead = undefined;
    return read;
  }

  /** Sends as much of `data` as may be sent. */
  #send(data: Uint8Array): number | Promise<number> {
    const most = Math.min(data.length, this.#credit);
    const lender = most < WORTH_A_LEASE ? undefined : this.#carrier.lender;
    const lease = lender?.take();
    const n = Math.min(most, lease?.bytes.length ?? MAX_DATA);
    this.#credit -= n;
    const part = n === data.length ? data : data.subarray(0, n);
    if (lease === undefined) {
      this.#carrier.send(FrameType.Data, this.#channel, part);
    } else {
      lease.bytes.set(part);
      lender!.send(this.#channel, lease, n);
    }
    // Whatever the handler does next, an endless loop or its process's end.
    const flushed = this.#carrier.flushed?.();
    return flushed === undefined ? n : flushed.then(() => n);
  }

  /** Sends what waits, in order, as far as it may. */
  #sendWaiting(): void {
    while (this.#writes.length > 0) {
      if (this.#credit === 0 || this.#waitsForCarrier) return;
      if (this.#carrier.congested) return void this.#sendWhenDrained();
      const { data, resolve, reject } = this.#writes.shift()!;
      if (data.length === 0) reject(transferred("write"));
      else resolve(this.#send(data));
    }
    if (!this.#endOwed || this.#closed) return;
    this.#endOwed = false;
    this.#carrier.send(FrameType.End, this.#channel);
  }

  async #sendWhenDrained(): Promise<void> {
    this.#waitsForCarrier = true;
    await this.#carrier.drained();
    this.#waitsForCarrier = false;
    this.#sendWaiting();
  }

  #setOption(option: {
    readonly noDelay?: boolean;
    readonly keepAlive?: boolean;
  }): void {
    if (this.#closed) throw badResource("set an option");
    this.#carrier.send(FrameType.SetOption, this.#channel, packJson(option));
  }

  #takeChunks(buffer: Uint8Array): number {
    let filled = 0;
    while (filled < buffer.length && this.#chunks.length > 0) {
      const { bytes, lease } = this.#chunks[0]!;
      const to = buffer.byteOffset + filled;
      const from = bytes.byteOffset + this.#offset;
      // It would be copied byte by byte: left to the next read.
      if (lease !== undefined && filled > 0 && (to - from) % ALIGNMENT !== 0) {
        break;
      }
      const part = bytes.subarray(
        this.#offset,
        this.#offset + buffer.length - filled,
      );
      buffer.set(part, filled);
      filled += part.length;
      this.#offset += part.length;
      if (this.#offset === bytes.length) {
        lease?.free();
        this.#chunks.shift();
        this.#offset = 0;
      }
    }
    this.#noteRead(filled);
    return filled;
  }

  #noteRead(n: number): void {
    const credit = this.#window.take(n);
    if (credit === 0 || this.#ended) return;
    this.#carrier.send(FrameType.Credit, this.#channel, packNumber(credit));
  }
}

addBorrower(FarConnection.prototype);

/** What waited is in no memory any more: it was not empty before. */
function transferred(action: string): TypeError {
  return new TypeError(
    `Cannot ${action}: the ArrayBuffer was transferred or made smaller meanwhile`,
  );
}

function badResource(action: string): Deno.errors.BadResource {
  return new Deno.errors.BadResource(
    `Cannot ${action}: the connection is closed`,
  );
}
