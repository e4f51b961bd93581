import { type ByteRange, contentRange } from "./byte_ranges.ts";

/** A part, and what goes before it. */
export interface RangePart {
  readonly range: ByteRange;
  /** The boundary and the part's headers; ASCII. */
  readonly before: string;
}

/** Several parts of a file as one body, RFC 9110, section 14.6. */
export class MultipartRanges {
  /** The `Content-Type` of the body. */
  readonly contentType: string;
  readonly parts: readonly RangePart[];
  /** What goes behind the last part; ASCII. */
  readonly end: string;
  /** The length of the body, in bytes. */
  readonly length: number;

  /**
   * @param ranges The parts.
   * @param type The file's content type.
   * @param size The file's size, in bytes.
   */
  constructor(ranges: readonly ByteRange[], type: string, size: number) {
    // Nobody can put it into a file who does not know it.
    const boundary = crypto.randomUUID();
    this.contentType = `multipart/byteranges; boundary=${boundary}`;
    this.parts = ranges.map((range, i) => ({
      range,
      before: (i === 0 ? "" : "\r\n") +
        `--${boundary}\r\nContent-Type: ${type}\r\n` +
        `Content-Range: ${contentRange(range, size)}\r\n\r\n`,
    }));
    this.end = `\r\n--${boundary}--\r\n`;
    this.length = this.parts.reduce(
      (length, { before, range }) => length + before.length + range.length,
      this.end.length,
    );
  }
}
