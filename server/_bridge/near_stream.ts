import { arrivals, noteArrival } from "../../handlers/_arrivals.ts";
import { isEncrypted } from "../../handlers/_encrypted.ts";
import { proxyOf } from "../../handlers/_proxied.ts";
import { tlsOf } from "../../handlers/_tls/tls_info.ts";
import { countIn, countOut, type Traffic } from "../../handlers/_traffic.ts";
import { isBorrower } from "../../handlers/streams/_lending.ts";
import { ReadSize } from "../../handlers/streams/_read_size.ts";
import {
  giveBuffer,
  SMALL_BUFFER,
  takeBuffer,
} from "../../handlers/streams/_small_buffers.ts";
import { writeCountError } from "../../handlers/streams/_write_count.ts";
import type { Closing } from "../../handlers/_host.ts";
import type { Unsent } from "../../handlers/_unsent.ts";
import type { Carrier } from "./carrier.ts";
import { packError, unpackError } from "./errors.ts";
import {
  FrameType,
  LARGEST_WINDOW,
  MAX_CONTROL,
  MAX_DATA,
  ProtocolError,
  WINDOW,
} from "./frames.ts";
import type { Lease } from "./lease.ts";
import { NearChannel, repeated, type RequestOwner } from "./near_channel.ts";
import { packProxy } from "./packed_proxy.ts";
import { packJson, packNumber, unpackJson, unpackNumber } from "./payloads.ts";
import { ReceiveWindow } from "./receive_window.ts";

/** What the read of an idle connection that has carried much waits in, in bytes. */
const WAITING_BUFFER = 4 * 1024;

/** What any connection's read may wait in, in bytes. */
const MODEST_BUFFER = 8 * 1024;
/**
 * What it may wait in where the carrier lends memory, of which there is little:
 * reads that are likely to get much are into that.
 */
const BESIDE_LEASES = 32 * 1024;

/** Bytes of the handler's that came in memory of the carrier. */
interface Lent {
  bytes: Uint8Array;
  /** That memory, unless it was recalled. */
  lease: Lease | undefined;
}

const NOTHING = new Uint8Array(0);

/** Moves the bytes between a connection and its handler on the far side. */
export class NearStream extends NearChannel implements Unsent {
  readonly #connection: Deno.Conn;
  readonly #client: Deno.Addr;
  readonly #traffic: Traffic | undefined;
  /** Whether it can be lent memory that is shared, or used again. */
  readonly #borrows: boolean;
  /** Bytes that may go to the far side before it asks for more. */
  #credit = WINDOW;
  #credited: (() => void) | undefined;
  /** What is to be written first. */
  readonly #lent: Lent[] = [];
  /** What is to be written then: the first `#filled` bytes. */
  #filling: Uint8Array<ArrayBuffer> = NOTHING;
  #filled = 0;
  /** The buffer that is being written, or was. */
  #spare: Uint8Array<ArrayBuffer> = NOTHING;
  readonly #window = new ReceiveWindow(WINDOW);
  #writing = false;
  /** What the call that is under way was given. */
  #offered: Uint8Array = NOTHING;
  /** The memory of the carrier in which that is. */
  #offeredLease: Lease | undefined;
  /** Told when nothing is left to be written. */
  #written: PromiseWithResolvers<void> | undefined;
  #writeFailed = false;
  /** Whether a write has failed on the far side. */
  #farFailed = false;
  /** Whether the peer has ended its side. */
  #peerEnded = false;
  /** Whether the owner knows of what is being written. */
  #settling = false;
  #endRequested = false;
  #closeRequested = false;
  /** Whether the far side has said that it sends no more bytes. */
  #farEnded = false;
  /** Whether it has closed its connection. */
  #farClosed = false;
  /** Settles when the handler has been told that the server shuts down. */
  #telling: Promise<void> | undefined;
  /** Whether it has asked for the TLS handshake. */
  #shakesHands = false;

  constructor(
    carrier: Carrier,
    id: number,
    owner: RequestOwner,
    connection: Deno.Conn,
    client: Deno.Addr = connection.remoteAddr,
  ) {
    super(carrier, id, owner);
    this.#connection = connection;
    this.#client = client;
    this.#traffic = owner.traffic;
    this.#borrows = isBorrower(connection);
  }

  override open(): void {
    const { localAddr, remoteAddr } = this.#connection;
    const tls = tlsOf(this.#connection);
    const proxy = proxyOf(this.#connection);
    const { requestTimeout = Infinity } = this.owner;
    const opening = packJson({
      localAddr,
      remoteAddr,
      ...this.#client === remoteAddr ? {} : { client: this.#client },
      encrypted: isEncrypted(this.#connection),
      ...tls === undefined ? {} : { tls },
      ...proxy === undefined ? {} : { proxy: packProxy(proxy) },
      // JSON has no Infinity.
      ...requestTimeout === Infinity ? {} : { requestTimeout },
    });
    if (opening.length > MAX_CONTROL) {
      throw new Deno.errors.InvalidData(
        `Cannot hand a connection on: what its PROXY header and its handshake say takes ${opening.length} bytes, and ${MAX_CONTROL} are the most`,
      );
    }
    this.carrier.send(FrameType.Open, this.id, opening);
    this.#pump();
  }

  override get unsent(): Unsent {
    return this;
  }

  /** How many bytes of the handler's the peer has not taken yet. */
  get bufferedAmount(): number {
    return this.#window.waiting;
  }

  /** Waits until the peer has taken them. */
  flush(): Promise<void> {
    this.write();
    if (!this.#writing) return Promise.resolve();
    this.#written ??= Promise.withResolvers();
    return this.#written.promise;
  }

  override data(part: Uint8Array, lease?: Lease): void {
    this.#refuseAfterEnd("bytes");
    if (this.#writeFailed) return;
    this.#window.receive(part.length);
    if (lease !== undefined && this.#filled === 0) {
      lease.keep(this.#leaveLeases);
      this.#lent.push({ lease, bytes: part });
      return;
    }
    const needed = this.#filled + part.length;
    if (needed > this.#filling.length) {
      const larger = takeBuffer(needed);
      larger.set(this.#filling.subarray(0, this.#filled));
      giveBuffer(this.#filling);
      this.#filling = larger;
    }
    this.#filling.set(part, this.#filled);
    this.#filled = needed;
  }

  /** Moves what waits to be written out of shared memory that others need. */
  readonly #leaveLeases = (): void => {
    for (const lent of this.#lent) {
      if (lent.lease === undefined) continue;
      lent.bytes = lent.bytes.slice();
      lent.lease.free();
      lent.lease = undefined;
    }
  };

  override frame(type: FrameType, payload: Uint8Array): void {
    switch (type) {
      case FrameType.Credit:
        this.#credit += unpackNumber(payload);
        if (this.#credit > LARGEST_WINDOW) {
          throw new ProtocolError(
            `Cannot send ${this.#credit} bytes: a window is at most ${LARGEST_WINDOW}`,
          );
        }
        return this.#credited?.();
      case FrameType.End:
        this.#refuseAfterEnd("an end");
        this.#farEnded = this.#endRequested = true;
        return this.write();
      case FrameType.Close:
        if (this.#farClosed) this.#refuseAfterEnd("a close");
        this.#farEnded = this.#farClosed = this.#closeRequested = true;
        return this.write();
      case FrameType.Handshake:
        if (this.#shakesHands) {
          throw new ProtocolError(
            "Cannot tell of a handshake: it was asked for twice",
          );
        }
        this.#shakesHands = true;
        return void this.#shakeHands();
      case FrameType.WriteFail:
        if (this.#farFailed) throw repeated("failed to write");
        this.#farFailed = true;
        return this.owner.abort(unpackError(payload).error);
      case FrameType.SetOption:
        return this.#setOption(unpackJson(payload));
      default:
        return super.frame(type, payload);
    }
  }

  #refuseAfterEnd(what: string): void {
    if (!this.#farEnded) return;
    throw new ProtocolError(`Cannot take ${what}: nothing comes after an end`);
  }

  /**
   * Tells the handler when what had come before has been sent to it: it takes
   * what comes behind this for too late.
   */
  override shuttingDown(gracePeriod: number): void {
    if (this.over) return;
    this.#telling ??= arrivals().then(() => super.shuttingDown(gracePeriod));
  }

  protected override finish(): void {
    if (this.#telling === undefined) super.finish();
    else this.#telling.then(() => super.finish());
  }

  override closing(): Closing {
    if (this.isCutShort || this.#writeFailed) return "reset while read";
    return this.#peerEnded ? "at once" : "linger";
  }

  override abort(reason: unknown): void {
    super.abort(reason);
    this.#credited?.();
  }

  override lose(error: unknown): void {
    this.over = true;
    // As at its end, so that nothing of the request outlives it.
    if (this.#telling === undefined) super.lose(error);
    else this.#telling.then(() => super.lose(error));
    this.#window.close();
    this.#credited?.();
  }

  protected override settling(): void {
    if (this.bufferedAmount === 0 || this.#settling) return;
    this.#settling = true;
    this.owner.settling(this);
  }

  protected override done(): void {
    this.#credited?.();
    this.#window.close();
    this.write();
    if (!this.#writing) return this.finish();
    this.settling();
    this.flush().then(() => this.finish());
  }

  /** Takes what the peer sends to the far side. */
  async #pump(): Promise<void> {
    const size = new ReadSize(MODEST_BUFFER, MAX_DATA);
    const lender = this.#borrows ? this.carrier.lender : undefined;
    let buffer: Uint8Array<ArrayBuffer> = NOTHING;
    /** What was read last: messages are often as long as the one before. */
    let part: Uint8Array = NOTHING;
    let lease: Lease | undefined;
    try {
      while (true) {
        if (this.carrier.congested) await this.carrier.drained();
        while (this.#credit === 0 && !this.over) {
          await new Promise<void>((resolve) => this.#credited = resolve);
          this.#credited = undefined;
        }
        if (this.over) return;
        const expectsMuch = size.expectsMuch;
        lease = expectsMuch ? lender?.take() : undefined;
        if (lease === undefined) {
          const needed = size.begin(
            lender === undefined || expectsMuch ? MAX_DATA : BESIDE_LEASES,
          );
          if (buffer.length !== needed) {
            giveBuffer(buffer);
            buffer = takeBuffer(needed);
          }
        }
        const memory = lease?.bytes ?? buffer;
        const room = this.#credit < memory.length
          ? memory.subarray(0, this.#credit)
          : memory;
        const n = await this.#connection.read(room);
        if (this.over) return;
        if (this.#telling !== undefined) noteArrival();
        if (n === null) {
          this.#peerEnded = true;
          return this.carrier.send(FrameType.End, this.id);
        }
        size.end(n, room.length);
        if (this.#traffic !== undefined) countIn(this.#traffic, n);
        this.#credit -= n;
        if (lease === undefined) {
          if (part.length !== n || part.buffer !== buffer.buffer) {
            part = buffer.subarray(0, n);
          }
          this.carrier.send(FrameType.Data, this.id, part);
        } else {
          lender!.send(this.id, lease, n);
          lease = undefined;
        }
      }
    } catch (error) {
      this.#fail(FrameType.Fail, error);
    } finally {
      size.fail();
      lease?.free();
      giveBuffer(buffer);
    }
  }

  override write(): void {
    if (!this.#writing) this.#writeNext();
  }

  // Each step calls the next when the connection has done it: an asynchronous
  // function for each message would cost as much again as its bytes do.
  #writeNext(): void {
    if (this.#lent.length > 0) {
      const { lease, bytes } = this.#lent.shift()!;
      // The call that is to come may use it whatever others need.
      lease?.keep();
      this.#offeredLease = lease;
      this.#offer(bytes);
    } else if (this.#filled > 0) {
      const bytes = this.#filling;
      const part = bytes.subarray(0, this.#filled);
      this.#filling = this.#spare;
      this.#spare = bytes;
      this.#filled = 0;
      this.#offer(part);
    } else if (this.#endRequested || this.#closeRequested) this.#end();
    else this.#rest();
  }

  #offer(bytes: Uint8Array): void {
    this.#writing = true;
    this.#offered = bytes;
    try {
      this.#connection.write(this.#borrows ? bytes : bytes.slice())
        .then(this.#took, this.#tookNone);
    } catch (error) {
      this.#tookNone(error);
    }
  }

  readonly #took = (n: number): void => {
    const most = this.#offered.length;
    const error = writeCountError(n, most);
    if (error !== undefined) return this.#tookNone(error);
    if (this.#traffic !== undefined) countOut(this.#traffic, n);
    const credit = this.#window.take(n);
    if (credit > 0 && !this.over) {
      this.carrier.send(FrameType.Credit, this.id, packNumber(credit));
    }
    if (n < most) return this.#offer(this.#offered.subarray(n));
    this.#freeOffered();
    if (this.#spare.length > WAITING_BUFFER) this.#spare = NOTHING;
    this.#writeNext();
  };

  readonly #tookNone = (error: unknown): void => {
    this.#freeOffered();
    this.#writeFailed = true;
    this.#window.take(this.bufferedAmount);
    this.#filled = 0;
    for (const { lease } of this.#lent.splice(0)) lease?.free();
    this.#fail(FrameType.WriteFail, error);
    this.owner.abort(error);
    if (this.#closeRequested) this.#close();
    this.#writeNext();
  };

  #freeOffered(): void {
    this.#offered = NOTHING;
    this.#offeredLease?.free();
    this.#offeredLease = undefined;
  }

  async #end(): Promise<void> {
    this.#writing = true;
    this.#endRequested = false;
    try {
      await this.#connection.closeWrite();
    } catch (error) {
      return this.#tookNone(error);
    }
    if (this.#closeRequested) this.#close();
    this.#writeNext();
  }

  /** Nothing is left to be written. */
  #rest(): void {
    this.#writing = this.#settling = false;
    this.#spare = kept(this.#spare);
    this.#filling = kept(this.#filling);
    this.#written?.resolve();
    this.#written = undefined;
  }

  #close(): void {
    this.#closeRequested = false;
    try {
      this.#connection.close();
    } catch {
      // Closed by the server meanwhile.
    }
  }

  #fail(
    type: typeof FrameType.Fail | typeof FrameType.WriteFail,
    error: unknown,
  ): void {
    if (!this.over) this.carrier.send(type, this.id, packError(error));
  }

  async #shakeHands(): Promise<void> {
    try {
      const info = await (this.#connection as Deno.TlsConn).handshake();
      if (!this.over) {
        this.carrier.send(FrameType.Handshake, this.id, packJson(info));
      }
    } catch (error) {
      this.#fail(FrameType.Fail, error);
    }
  }

  #setOption(option: {
    readonly noDelay?: boolean;
    readonly keepAlive?: boolean;
  }): void {
    const connection = this.#connection as Partial<Deno.TcpConn>;
    try {
      if (typeof option.noDelay === "boolean") {
        connection.setNoDelay?.(option.noDelay);
      }
      if (typeof option.keepAlive === "boolean") {
        connection.setKeepAlive?.(option.keepAlive);
      }
    } catch {
      // Not every kind of socket has it, and the connection is none the worse.
    }
  }
}

/** What a connection that writes nothing keeps of a buffer. */
function kept(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (buffer.length > SMALL_BUFFER) return buffer;
  giveBuffer(buffer);
  return NOTHING;
}
