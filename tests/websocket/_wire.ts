/** Frames as bytes, and a client that sends and receives nothing else. */
import { patiently } from "../_patience.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a frame is: RFC 6455, section 11.8. */
export const OPCODES = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** One frame, as a server sends it. */
export interface Frame {
  readonly fin: boolean;
  /** The three reserved bits, as a number. */
  readonly rsv: number;
  readonly opcode: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** How a frame differs from what it should be. */
export interface FrameOptions {
  readonly fin?: boolean;
  readonly rsv?: number;
  /** The key of its mask, or `null` for none. */
  readonly key?: readonly number[] | null;
  /** How many bytes of length follow the first. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** What it says as its length, whatever it carries. */
  readonly length?: number;
}

const KEY = [0x37, 0xfa, 0x21, 0x3d] as const;

/** A client's frame. */
export function frame(
  opcode: number,
  payload: string | Uint8Array = "",
  options: FrameOptions = {},
): Uint8Array<ArrayBuffer> {
  const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
  const { fin = true, rsv = 0, key = KEY, length = bytes.length } = options;
  const lengthBytes = options.lengthBytes ??
    (length < 126 ? 0 : length < 0x1_0000 ? 2 : 8);
  const header = [
    Number(fin) << 7 | rsv << 4 | opcode,
    (key === null ? 0 : 0x80) |
    (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127),
  ];
  for (let i = lengthBytes - 1; i >= 0; i--) {
    header.push(Math.floor(length / 2 ** (8 * i)) % 256);
  }
  if (key !== null) header.push(...key);
  const whole = new Uint8Array(header.length + bytes.length);
  whole.set(header);
  for (let i = 0; i < bytes.length; i++) {
    whole[header.length + i] = bytes[i]! ^ (key?.[i % 4] ?? 0);
  }
  return whole;
}

/** A text of a client. */
export function text(payload: string | Uint8Array, options?: FrameOptions) {
  return frame(OPCODES.text, payload, options);
}

/** What a Close frame carries. */
export function closing(code: number, reason: string | Uint8Array = "") {
  const bytes = typeof reason === "string" ? encoder.encode(reason) : reason;
  return Uint8Array.of(code >> 8, code & 0xff, ...bytes);
}

/** A client's Close frame. */
export function close(code?: number, reason?: string | Uint8Array) {
  return frame(
    OPCODES.close,
    code === undefined ? "" : closing(code, reason),
  );
}

/** Joins byte arrays. */
export function join(
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Takes a server's frame out of bytes.
 *
 * @returns It and where it ends, or `undefined` where it is not all there.
 * @throws {SyntaxError} If it is masked, or longer than it need be.
 */
export function frameIn(
  bytes: Uint8Array<ArrayBuffer>,
): { readonly frame: Frame; readonly end: number } | undefined {
  if (bytes.length < 2) return undefined;
  const [first, second] = bytes as unknown as [number, number];
  if ((second & 0x80) !== 0) {
    throw new SyntaxError("A server's frame is masked");
  }
  let length = second & 0x7f;
  let at = 2;
  if (length > 125) {
    const size = length === 126 ? 2 : 8;
    if (bytes.length < at + size) return undefined;
    length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + bytes[at++]!;
    if (length < (size === 2 ? 126 : 0x1_0000)) {
      throw new SyntaxError(`A length of ${length} has ${size} bytes`);
    }
  }
  const end = at + length;
  if (bytes.length < end) return undefined;
  return {
    end,
    frame: {
      fin: first >= 0x80,
      rsv: first >> 4 & 7,
      opcode: first & 0x0f,
      payload: bytes.slice(at, end),
    },
  };
}

/** What tests compare of a frame: `text "hello"`, `close 1002`. */
export function shown({ fin, rsv, opcode, payload }: Frame): string {
  const name = Object.entries(OPCODES).find(([, code]) => code === opcode)
    ?.[0] ?? String(opcode);
  const marks = `${fin ? "" : ", not the last"}${rsv === 0 ? "" : `, ${rsv}`}`;
  if (opcode === OPCODES.close) {
    return `close${
      payload.length === 0 ? "" : ` ${payload[0]! << 8 | payload[1]!}`
    }${marks}`;
  }
  return `${name} ${contentShown(payload)}${marks}`;
}

/** Bytes, or for many of them their number and a sum. */
export function contentShown(payload: Uint8Array): string {
  if (payload.length <= 64) return `[${payload}]`;
  let sum = 0;
  for (const byte of payload) sum = (Math.imul(sum, 31) + byte) | 0;
  return `[${payload.length} bytes, ${sum}]`;
}

/** What a server sends when it echoes a message. */
export function echoed(
  opcode: number,
  payload: string | Uint8Array<ArrayBuffer>,
): string {
  const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
  return shown({ fin: true, rsv: 0, opcode, payload: bytes });
}

/** The request that opens a WebSocket. */
export function opening(
  headers: Readonly<Record<string, string | undefined>> = {},
  line = "GET / HTTP/1.1",
): string {
  const all = {
    Host: "a",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  return [line, ...lines, "", ""].join("\r\n");
}

/** The client's side of a WebSocket, on bare bytes. */
export class Wire implements Disposable {
  readonly connection: Deno.Conn;
  /** The head of the response. */
  head = "";
  #bytes = new Uint8Array(0);
  readonly #buffer = new Uint8Array(64 * 1024);

  constructor(connection: Deno.Conn) {
    this.connection = connection;
  }

  /** Opens one on a connection. */
  static async open(
    connecting: Promise<Deno.Conn>,
    headers?: Readonly<Record<string, string | undefined>>,
    line?: string,
  ): Promise<Wire> {
    const wire = new Wire(await connecting);
    await wire.send(encoder.encode(opening(headers, line)));
    await patiently(wire.#readHead(), () => "the response to the upgrade");
    return wire;
  }

  /** The value of a header of the response. */
  header(name: string): string | undefined {
    return new RegExp(`^${name}: (.*)\r$`, "im").exec(this.head)?.[1];
  }

  /** Sends bytes, all at once, or so many at a time. */
  async send(bytes: Uint8Array, atATime = Infinity): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + atATime);
      at += await this.connection.write(bytes.subarray(at, end));
    }
  }

  /** Receives a frame. */
  async receive(): Promise<Frame> {
    const found = await patiently(this.#next(), () => "a frame");
    if (found === undefined) throw new Error("The connection has ended");
    return found;
  }

  /** Receives frames until the connection ends, as `shown()` has them. */
  async rest(): Promise<string[]> {
    const frames: string[] = [];
    for (
      let found;
      (found = await patiently(
        this.#next(),
        () => `the end behind ${frames.join(", ")}`,
      )) !== undefined;
    ) frames.push(shown(found));
    return frames;
  }

  [Symbol.dispose](): void {
    try {
      this.connection.close();
    } catch {
      // The test has closed it.
    }
  }

  async #readHead(): Promise<void> {
    while (true) {
      const seen = decoder.decode(this.#bytes);
      const end = seen.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.head = seen.slice(0, end + 2);
        this.#bytes = this.#bytes.slice(encoder.encode(this.head).length + 2);
        return;
      }
      if (!await this.#fill()) throw new Error(`No response, but ${seen}`);
    }
  }

  async #next(): Promise<Frame | undefined> {
    while (true) {
      const found = frameIn(this.#bytes);
      if (found !== undefined) {
        this.#bytes = this.#bytes.subarray(found.end);
        return found.frame;
      }
      if (await this.#fill()) continue;
      if (this.#bytes.length === 0) return undefined;
      throw new Error(`The connection ended within a frame: ${this.#bytes}`);
    }
  }

  async #fill(): Promise<boolean> {
    const n = await this.connection.read(this.#buffer).catch((error) => {
      if (error instanceof Deno.errors.ConnectionReset) return null;
      throw error;
    });
    if (n === null) return false;
    this.#bytes = join([this.#bytes, this.#buffer.subarray(0, n)]);
    return true;
  }
}
