import { type Content, contentOf } from "./content.ts";
import {
  headerField,
  isContentLength,
  namesClose,
  type ProtocolVersion,
  statusLine,
} from "./head.ts";
import type { Framing } from "./response_body.ts";

/**
 * The head of a response while it is made, field by field. One object is that of
 * all responses of a connection in turn: `clear` makes it that of the next.
 */
export class ResponseHead {
  /** What of it is still to be sent, each character of which is a byte. */
  text = "";
  /** The status; 0 while no response was begun. */
  status = 0;
  /** Whether it is sent as a whole. */
  isSent = false;
  /** Whether some of it is sent, which no other response can replace. */
  isBegun = false;
  /** Whether a response of 1xx is the last: the connection ends with it. */
  endsInterim = false;
  /** Whether it has a field that ends the connection. */
  saysClose = false;
  #saysConnection = false;
  #length: number | undefined;
  #isChunked = false;

  /** Forgets the response: the next may be begun. */
  clear(): void {
    this.text = "";
    this.status = 0;
    this.#length = undefined;
    this.isSent =
      this.isBegun =
      this.endsInterim =
      this.saysClose =
      this.#saysConnection =
      this.#isChunked =
        false;
  }

  /**
   * Begins it with its status line.
   *
   * @param status The status.
   * @param phrase The reason phrase; by default the status's own.
   * @param version The version of the response.
   * @throws {RangeError} If the status is not one of HTTP's.
   * @throws {TypeError} If the phrase would end the line.
   */
  begin(
    status: number,
    phrase: string | undefined,
    version: ProtocolVersion,
  ): void {
    this.text = statusLine(status, phrase, version);
    this.status = status;
  }

  /** Whether it was begun and fields can be added. */
  get isOpen(): boolean {
    return !this.isSent && this.status !== 0;
  }

  /** Why no field can be added, and nothing sent, where it is not open. */
  get fault(): string {
    return this.isSent ? "the headers are sent" : "call sendResponse() first";
  }

  /**
   * Adds a field.
   *
   * @param method The request's method, which decides what the response may have.
   * @throws {TypeError} If the field cannot be sent, or not with those before it.
   */
  add(name: string, value: string, method: string): void {
    const { lowerCase, line } = headerField(name, value);
    switch (lowerCase) {
      case "content-length":
        this.#refuseBoth(name, this.#isChunked);
        if (!isContentLength(value)) {
          throw new TypeError(
            `Cannot send the header "${name}": "${value}" is not a number of bytes`,
          );
        }
        if (this.#length !== undefined) {
          throw new TypeError(`Cannot send the header "${name}": it was sent`);
        }
        this.#length = Number(value);
        switch (this.content(method)) {
          case "none":
          case "empty":
          case "tunnel":
            return;
        }
        break;
      case "transfer-encoding":
        this.#refuseBoth(name, this.#length !== undefined);
        if (value.toLowerCase() !== "chunked") {
          throw new TypeError(
            `Cannot send the header "${name}": only "chunked" is possible, received "${value}"`,
          );
        }
        this.#isChunked = true;
        return;
      case "connection":
        this.#saysConnection = true;
        if (namesClose(value)) this.saysClose = true;
        break;
    }
    this.text += line;
  }

  /** RFC 9112, section 6.2. */
  #refuseBoth(name: string, hasOther: boolean): void {
    if (!hasOther) return;
    throw new TypeError(
      `Cannot send the header "${name}": a response has either Content-Length or Transfer-Encoding`,
    );
  }

  /** What the response that was begun may have behind it. */
  content(method: string): Content {
    return this.endsInterim ? "none" : contentOf(method, this.status);
  }

  /** Whether another response follows the one that was begun. */
  get isFollowed(): boolean {
    return isInterim(this.status) && this.status !== 101 && !this.endsInterim;
  }

  /** Whether it does not say how long the body is that it may have. */
  lacksLength(method: string): boolean {
    return this.#length === undefined && !this.#isChunked &&
      this.content(method) === "any";
  }

  /**
   * Adds how the end of the body is told.
   *
   * @param method The request's method.
   * @param takesChunks Whether the client takes a body in chunks.
   * @returns How it is told.
   */
  frame(method: string, takesChunks: boolean): Framing {
    switch (this.content(method)) {
      case "tunnel":
        return { by: "close" };
      case "empty":
        this.text += "Content-Length: 0\r\n";
        return { by: "nothing" };
      case "none":
      case "described":
        return { by: "nothing" };
    }
    if (this.#length !== undefined && !this.#isChunked) {
      return { by: "length", length: this.#length };
    }
    if (!takesChunks) return { by: "close" };
    this.text += "Transfer-Encoding: chunked\r\n";
    return { by: "chunks" };
  }

  /**
   * Adds whether the connection goes on: whatever else the handler says of it, the
   * client must know that (RFC 9112, section 9.6).
   *
   * @param method The request's method.
   * @param ends Whether the connection ends with this response.
   * @param isOldClient Whether the client speaks HTTP/1.0, and must be told too
   * that it goes on.
   */
  endConnection(method: string, ends: boolean, isOldClient: boolean): void {
    // Behind those of a tunnel HTTP has nothing to say of the connection.
    if (this.saysClose || this.content(method) === "tunnel") return;
    if (ends) this.text += "Connection: close\r\n";
    else if (isOldClient && !this.#saysConnection) {
      this.text += "Connection: keep-alive\r\n";
    }
  }
}

/** Whether a status is of those that another response follows, or a protocol. */
export function isInterim(status: number): boolean {
  return status >= 100 && status < 200;
}
