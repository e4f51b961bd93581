import { requestOverError } from "../../streams/_left_behind.ts";
import { LimitOverrunError } from "../../streams/stream_errors.ts";
import type {
  StreamWriter,
  SyncWriteSink,
} from "../../streams/stream_writer.ts";

/** How the end of a body is told. */
export type Framing =
  /** It has as many bytes as `Content-Length` says. */
  | { readonly by: "length"; readonly length: number }
  /** In chunks, RFC 9112, section 7.1. */
  | { readonly by: "chunks" }
  /** The connection ends with it. */
  | { readonly by: "close" }
  /** There is none, whatever is written: to HEAD, and with 204, 205 and 304. */
  | { readonly by: "nothing" };

const CRLF = "\r\n";
/** As many bytes may wait as in a `StreamWriter`. A single write may be larger. */
const MOST_BUFFERED = 16 * 1024 * 1024;

/** Frames the body of one response. */
export class ResponseBody implements SyncWriteSink {
  readonly #out: StreamWriter;
  #framing: Framing | undefined;
  #written = 0;
  #ended = false;

  /** @param out Where the frames go. It has no limit of its own. */
  constructor(out: StreamWriter) {
    this.#out = out;
  }

  /** The headers are on their way. */
  start(framing: Framing): void {
    this.#framing = framing;
  }

  writeSync(data: Uint8Array): void | Promise<void> {
    const framing = this.#framing;
    if (this.#ended) {
      throw requestOverError(`write ${data.length} bytes of a body`);
    }
    if (framing === undefined) {
      throw new Error(
        `Cannot write ${data.length} bytes of a body: the headers are not sent; call endHeaders() first`,
      );
    }
    if (this.#out.bufferedAmount > MOST_BUFFERED) {
      throw new LimitOverrunError(
        `Cannot write ${data.length} bytes of a body: ${this.#out.bufferedAmount} already wait for a slow client and the limit is ${MOST_BUFFERED}; await write() to be held back instead`,
        MOST_BUFFERED,
      );
    }
    this.#written += data.length;
    switch (framing.by) {
      case "nothing":
        return;
      case "close":
        return this.#out.write(data);
      case "length":
        if (this.#written > framing.length) {
          throw new RangeError(
            `Cannot write ${this.#written} bytes of a body: its Content-Length is ${framing.length}`,
          );
        }
        return this.#out.write(data);
      case "chunks":
        this.#out.write(data.length.toString(16) + CRLF);
        this.#out.write(data);
        return this.#out.write(CRLF);
    }
  }

  /**
   * Ends the body.
   *
   * @throws {Error} If less was written than was announced.
   */
  end(): void {
    this.#ended = true;
    const framing = this.#framing;
    if (framing?.by === "chunks") this.#out.write("0\r\n\r\n");
    if (framing?.by === "length" && this.#written < framing.length) {
      throw new Error(
        `Cannot end a body after ${this.#written} bytes: its Content-Length is ${framing.length}`,
      );
    }
  }
}
