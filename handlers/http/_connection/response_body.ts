import { TAKE_TEXT } from "../../streams/_owned.ts";
import { requestOverError } from "../../streams/_left_behind.ts";
import { LimitOverrunError } from "../../streams/stream_errors.ts";
import type {
  StreamWriter,
  SyncWriteSink,
} from "../../streams/stream_writer.ts";
import { encodeHead, sizeOfAscii } from "./head.ts";

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
const LAST_CHUNK = "0\r\n\r\n";
/** As many bytes may wait as in a `StreamWriter`. A single write may be larger. */
const MOST_BUFFERED = 16 * 1024 * 1024;

/** As many characters are held back, to be sent together with what follows. */
const MOST_GATHERED = 2 * 1024;

/**
 * Frames the body of one response. What is written while the handler's method is
 * called is gathered, so that a response that is whole then goes out in one piece,
 * with its head, and is made bytes of once.
 */
export class ResponseBody implements SyncWriteSink {
  readonly #out: StreamWriter;
  /** The head, where it and what follows is gathered. */
  #head: string | undefined;
  /** What follows: text of ASCII. */
  #text = "";
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

  /**
   * Begins to gather, with the head.
   *
   * @param head The head, each character of which is a byte.
   */
  gather(head: string): void {
    this.#head = head;
  }

  /** The head of the response, while all of it has been gathered. */
  get gatheredHead(): string | undefined {
    return this.#head;
  }

  /** What was gathered behind the head: text of ASCII. */
  get gatheredText(): string {
    return this.#text;
  }

  /** Sends what was gathered, and gathers no more. */
  release(): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#head = undefined;
    this.#out.write(encodeHead(head + this.#text));
    this.#text = "";
  }

  [TAKE_TEXT](text: string): boolean {
    const framing = this.#framing;
    if (this.#head === undefined || framing === undefined || this.#ended) {
      return false;
    }
    const size = sizeOfAscii(text);
    if (size === undefined || this.#text.length > MOST_GATHERED) return false;
    const written = this.#written + size;
    switch (framing.by) {
      case "close":
        return false;
      case "length":
        if (written > framing.length) return false;
        this.#text += text;
        break;
      case "chunks":
        this.#text += chunkOf(text);
    }
    this.#written = written;
    return true;
  }

  writeSync(data: Uint8Array): void | Promise<void> {
    this.release();
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
    if (framing?.by === "chunks") {
      if (this.#head === undefined) this.#out.write(LAST_CHUNK);
      else this.#text += LAST_CHUNK;
    }
    if (framing?.by === "length" && this.#written < framing.length) {
      throw new Error(
        `Cannot end a body after ${this.#written} bytes: its Content-Length is ${framing.length}`,
      );
    }
  }
}

function chunkOf(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}
