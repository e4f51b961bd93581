/** What a frame is: RFC 6455, section 5.2. */
export const Opcode = {
  Continuation: 0x0,
  Text: 0x1,
  Binary: 0x2,
  Close: 0x8,
  Ping: 0x9,
  Pong: 0xa,
} as const;

/** The bit of an opcode that says that a frame is no part of a message. */
export const CONTROL = 0x8;
/** The most that a control frame may carry, in bytes: section 5.5. */
export const MOST_OF_CONTROL = 125;
/** The bit of a frame's first byte that says that it is the last of its message. */
export const FIN = 0x80;
/** The bit that says that a message is compressed: RFC 7692, section 6. */
export const RSV1 = 0x40;
