/** A part of a file. */
export interface ByteRange {
  /** Its first byte, counted from 0. */
  readonly from: number;
  /** Its number of bytes, at least 1. */
  readonly length: number;
}

/**
 * How many parts may be asked for at once. More are ignored with the whole
 * header: they cost a server more than the file does (RFC 9110, section 17.15).
 */
const MOST_RANGES = 64;

/** `first-last`, `first-` or `-length`, RFC 9110, section 14.1.1. */
const RANGE = /^(?:(\d+)-(\d*)|-(\d+))$/;

/**
 * Reads `Range`. Parts that overlap or touch are joined, and then all of them
 * put in order.
 *
 * @param value The header's value.
 * @param size The file's size, in bytes.
 * @returns The parts; none if the file has nothing of what is asked for;
 * `undefined` where the header is to be ignored: it is malformed, in another
 * unit, or asks for too much.
 */
export function parseByteRanges(
  value: string,
  size: number,
): ByteRange[] | undefined {
  const set = /^bytes=(.*)$/i.exec(value)?.[1]!;
  if (set === undefined) return undefined;
  const specs = set.split(",").map((spec) => spec.trim())
    .filter((spec) => spec !== "");
  if (specs.length === 0 || specs.length > MOST_RANGES) return undefined;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const found = RANGE.exec(spec);
    if (found === null) return undefined;
    const [, first, last, suffix] = found;
    if (suffix !== undefined) {
      // The last bytes of nothing are there, and cannot be numbered.
      if (size === 0 && Number(suffix) > 0) return undefined;
      const length = Math.min(Number(suffix), size);
      if (length > 0) ranges.push({ from: size - length, length });
      continue;
    }
    const from = Number(first);
    const to = last === "" ? Infinity : Number(last);
    if (to < from) return undefined;
    if (from < size) {
      ranges.push({ from, length: Math.min(to + 1, size) - from });
    }
  }
  return join(ranges);
}

/** Joins where that saves bytes; else the client's order is kept. */
function join(ranges: ByteRange[]): ByteRange[] {
  const joined: ByteRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const before = joined.at(-1);
    if (before === undefined || before.from + before.length < range.from) {
      joined.push(range);
      continue;
    }
    const end = Math.max(
      before.from + before.length,
      range.from + range.length,
    );
    joined[joined.length - 1] = {
      from: before.from,
      length: end - before.from,
    };
  }
  return joined.length === ranges.length ? ranges : joined;
}

/**
 * `Content-Range`, RFC 9110, section 14.4.
 *
 * @param range The part, or `undefined` where there is none to send.
 * @param size The file's size, in bytes.
 */
export function contentRange(
  range: ByteRange | undefined,
  size: number,
): string {
  if (range === undefined) return `bytes */${size}`;
  return `bytes ${range.from}-${range.from + range.length - 1}/${size}`;
}
