/** What is looked for next in the first line of a request. */
const enum Line {
  /** Its first byte: empty lines may precede it (RFC 9112, section 2.2). */
  Start,
  Method,
  /** The byte behind the method's space. */
  BeforeTarget,
  Target,
  /** The byte behind the target's space. */
  BeforeVersion,
  Over,
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const H = 0x48;

/**
 * Finds where requests begin and where they may end, among the bytes of a
 * connection. llhttp does not tell, and takes for the first line of a request
 * what a server must not: several spaces, and the names of other protocols.
 *
 * A head ends with an empty line, and so does a body in chunks: behind LF, CR,
 * LF. Bytes that are cut there, and behind a body whose length is known, are cut
 * wherever a request ends.
 */
export class MessageBounds {
  /** What is wrong with the first line of the current request, if anything. */
  fault: string | undefined;
  /** How much of the first line of the current request has come, in bytes. */
  lineLength = 0;
  #line = Line.Start;
  /** How much of LF, CR, LF the bytes before these end with. */
  #matched = 0;

  /** A request ends here: what follows is the first line of the next. */
  restart(): void {
    this.#line = Line.Start;
    this.#matched = 0;
    this.lineLength = 0;
    this.fault = undefined;
  }

  /**
   * Where a head may end, at the earliest.
   *
   * @param bytes What has come.
   * @param from Where to look from, each byte once.
   * @returns The index behind an empty line, or the number of bytes.
   */
  behindHead(bytes: Uint8Array, from: number): number {
    let at = from;
    while (this.#line !== Line.Over && at < bytes.length) {
      this.#takeOfLine(bytes[at++]!);
    }
    this.lineLength += at - from;
    let matched = this.#matched;
    while (at < bytes.length) {
      const byte = bytes[at++];
      if (byte === LF) {
        if (matched === 2) {
          this.#matched = 0;
          return at;
        }
        matched = 1;
      } else matched = byte === CR && matched === 1 ? 2 : 0;
    }
    this.#matched = matched;
    return at;
  }

  /**
   * Where a body in chunks may end, at the earliest.
   *
   * @param bytes What has come.
   * @param from Where to look from, each byte once.
   * @returns The index behind an empty line, or the number of bytes.
   */
  behindChunks(bytes: Uint8Array, from: number): number {
    if (this.#matched === 2 && bytes[from] === LF) {
      this.#matched = 0;
      return from + 1;
    }
    const followsLF = this.#matched === 1;
    // To look for one byte is what the engine does fastest.
    for (let cr = from - 1; (cr = bytes.indexOf(CR, cr + 1)) >= 0;) {
      if (cr === from ? !followsLF : bytes[cr - 1] !== LF) continue;
      if (bytes[cr + 1] === LF) {
        this.#matched = 0;
        return cr + 2;
      }
    }
    this.#matched = matchedAtEnd(bytes, from, followsLF);
    return bytes.length;
  }

  #takeOfLine(byte: number): void {
    switch (this.#line) {
      case Line.Start:
        if (byte !== CR && byte !== LF) this.#line = Line.Method;
        return;
      case Line.Method:
        if (byte === SPACE) this.#line = Line.BeforeTarget;
        break;
      case Line.BeforeTarget:
        if (byte === SPACE) {
          this.fault = "The request line has two spaces behind the method";
        }
        this.#line = Line.Target;
        break;
      case Line.Target:
        if (byte === SPACE) this.#line = Line.BeforeVersion;
        break;
      case Line.BeforeVersion:
        if (byte !== H) {
          this.fault ??= byte === SPACE
            ? "The request line has two spaces behind the target"
            : "The request is not one of HTTP";
        }
        this.#line = Line.Over;
        return;
    }
    if (byte !== LF) return;
    // What is no whole request line, the parser refuses.
    this.#line = Line.Over;
    this.#matched = 1;
  }
}

/** How much of LF, CR, LF the bytes from `from` on end with. */
function matchedAtEnd(
  bytes: Uint8Array,
  from: number,
  followsLF: boolean,
): number {
  const { length } = bytes;
  if (bytes[length - 1] === LF) return 1;
  if (bytes[length - 1] !== CR) return 0;
  const endsLine = length - 1 === from ? followsLF : bytes[length - 2] === LF;
  return endsLine ? 2 : 0;
}
