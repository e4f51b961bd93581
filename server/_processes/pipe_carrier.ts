import type { Carrier } from "../_bridge/carrier.ts";
import {
  FrameDecoder,
  type FrameHandler,
  type FrameType,
  HEADER_SIZE,
  putHeader,
} from "../_bridge/frames.ts";
import { untilQuiet } from "../_bridge/quiet.ts";

/** Both ways between two processes. */
export interface Pipes {
  /**
   * Waits for bytes, which are lent until it is called again.
   *
   * @returns The bytes, or `null` at the end.
   */
  read(): Promise<Uint8Array | null>;
  /** Writes all of the bytes, which are lent until it is done. */
  write(bytes: Uint8Array): void | Promise<void>;
}

/** How much waits to be written before the carrier is congested, in bytes. */
const CONGESTED_ABOVE = 256 * 1024;
/** A larger buffer is not kept for the next frames. */
const LARGEST_KEPT = 2 * CONGESTED_ABOVE;
const SMALLEST_BUFFER = 4 * 1024;

const NOTHING = new Uint8Array(0);

/** Carries frames over pipes. The frames of one tick go out in one write. */
export class PipeCarrier implements Carrier {
  readonly #pipes: Pipes;
  /** What waits to be written: the first `#filled` bytes. */
  #filling: Uint8Array<ArrayBuffer> = NOTHING;
  #filled = 0;
  /** The buffer that is being written, or was. */
  #spare: Uint8Array<ArrayBuffer> = NOTHING;
  #beingWritten = 0;
  #writing: Promise<void> | undefined;
  #closed = false;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(pipes: Pipes) {
    this.#pipes = pipes;
  }

  get congested(): boolean {
    return this.#filled + this.#beingWritten > CONGESTED_ABOVE;
  }

  send(type: FrameType, channel: number, payload: Uint8Array = NOTHING): void {
    if (this.#closed) return;
    const start = this.#filled;
    this.#filled += HEADER_SIZE + payload.length;
    if (this.#filled > this.#filling.length) this.#grow(start);
    putHeader(this.#filling, start, type, channel, payload.length);
    if (payload.length > 0) this.#filling.set(payload, start + HEADER_SIZE);
    this.#writing ??= this.#writeAll();
  }

  drained(): Promise<void> {
    if (this.#closed || !this.congested) return Promise.resolve();
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  flushed(): Promise<void> | undefined {
    return this.#writing;
  }

  /**
   * Passes the frames that come to `handler`, until the pipe ends.
   *
   * @returns A promise that rejects with what reading, the decoder or `handler`
   * threw.
   */
  async receive(handler: FrameHandler): Promise<void> {
    const decoder = new FrameDecoder(handler);
    for (let bytes; (bytes = await this.#pipes.read()) !== null;) {
      try {
        decoder.push(bytes);
      } finally {
        handler.passed?.();
      }
    }
  }

  /** Sends no more. */
  close(): void {
    this.#closed = true;
    this.#filled = this.#beingWritten = 0;
    this.#drained?.resolve();
  }

  /** Makes room for `#filled` bytes, of which `used` are there. */
  #grow(used: number): void {
    const size = 2 ** Math.ceil(Math.log2(this.#filled));
    const larger = new Uint8Array(Math.max(SMALLEST_BUFFER, size));
    larger.set(this.#filling.subarray(0, used));
    this.#filling = larger;
  }

  async #writeAll(): Promise<void> {
    // What other requests send in this tick joins: a write costs more than the
    // wait for them.
    await untilQuiet(() => this.#filled, CONGESTED_ABOVE);
    try {
      while (this.#filled > 0) {
        const bytes = this.#filling;
        const size = this.#filled;
        this.#filling = this.#spare;
        this.#spare = bytes.length > LARGEST_KEPT ? NOTHING : bytes;
        this.#filled = 0;
        this.#beingWritten = size;
        const written = this.#pipes.write(bytes.subarray(0, size));
        if (written !== undefined) await written;
        this.#beingWritten = 0;
        if (!this.congested) {
          this.#drained?.resolve();
          this.#drained = undefined;
        }
      }
    } catch {
      // The other side has gone: the end of the other pipe tells so.
      this.close();
    }
    this.#writing = undefined;
  }
}
