/** A client's breach of the protocol, or of a limit: its connection fails. */
export class Violation extends Error {
  /** What its client is told, RFC 6455, section 7.4.1. */
  readonly code: number;

  /**
   * @param code The code.
   * @param message What is wrong, at most 123 bytes of it.
   */
  constructor(code: number, message: string) {
    super(message);
    this.name = "ProtocolError";
    this.code = code;
  }
}

/** The client does not follow the protocol. */
export const PROTOCOL_ERROR = 1002;
/** A text is not UTF-8, or cannot be inflated. */
export const INVALID_DATA = 1007;
/** A message is too large. */
export const TOO_BIG = 1009;
