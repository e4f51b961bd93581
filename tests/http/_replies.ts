import { strictEqual } from "node:assert";
import { Buffer } from "node:buffer";
import { patiently } from "../_patience.ts";

/** One response, as it came. */
export interface Reply {
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
  /** The body, out of its chunks; each character is a byte. */
  readonly body: string;
  /** Whether all of the body came that was announced. */
  readonly complete: boolean;
}

/** Reads responses out of what has come on a connection. */
class Replies {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  next(toHead: boolean): Reply {
    const end = this.#text.indexOf("\r\n\r\n", this.#at);
    const [line = "", ...fields] = this.#text.slice(this.#at, end).split(
      "\r\n",
    );
    const [, status, reason] = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(line) ?? [];
    if (end < 0 || status === undefined || reason === undefined) {
      throw new SyntaxError(
        `This is no response: ${JSON.stringify(this.#text.slice(this.#at))}`,
      );
    }
    this.#at = end + "\r\n\r\n".length;
    const headers = new Headers(fields.map((field) => {
      const colon = field.indexOf(": ");
      return [field.slice(0, colon), field.slice(colon + 2)];
    }));
    const [body, complete] = this.#body(Number(status), headers, toHead);
    return { status: Number(status), reason, headers, body, complete };
  }

  #body(status: number, headers: Headers, toHead: boolean): [string, boolean] {
    if (toHead || status < 200 || status === 204 || status === 304) {
      return ["", true];
    }
    if (headers.get("transfer-encoding") === "chunked") return this.#chunks();
    const length = headers.get("content-length");
    if (length === null) return [this.#take(Infinity), true];
    const body = this.#take(Number(length));
    return [body, body.length === Number(length)];
  }

  #chunks(): [string, boolean] {
    let body = "";
    while (true) {
      const end = this.#text.indexOf("\r\n", this.#at);
      if (end < 0) return [body + this.#take(Infinity), false];
      const line = this.#text.slice(this.#at, end);
      if (!/^[0-9a-f]+$/.test(line)) {
        throw new SyntaxError(
          `This is no chunk's size: ${JSON.stringify(line)}`,
        );
      }
      const size = parseInt(line, 16);
      this.#at = end + "\r\n".length;
      body += this.#take(size);
      const complete = this.#take("\r\n".length) === "\r\n";
      if (size === 0 || !complete) return [body, complete];
    }
  }

  #take(size: number): string {
    const from = this.#at;
    this.#at = Math.min(this.#text.length, from + size);
    return this.#text.slice(from, this.#at);
  }
}

/**
 * The responses in what has come on a connection.
 *
 * @param toHead Whether they answer HEAD, and have no body.
 * @throws {SyntaxError} If there is anything else.
 */
export function repliesIn(text: string, toHead = false): Reply[] {
  const replies = new Replies(text);
  const found: Reply[] = [];
  while (!replies.atEnd) found.push(replies.next(toHead));
  return found;
}

/** Text whose characters are the bytes that come, until the end or a reset. */
export async function readBytes(connection: Deno.Conn): Promise<string> {
  const buffer = Buffer.alloc(64 * 1024);
  let text = "";
  try {
    for (let n; (n = await connection.read(buffer)) !== null;) {
      text += buffer.toString("latin1", 0, n);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return text;
}

/** Writes text whose characters are bytes, unless the server has closed. */
export async function writeBytes(
  connection: Deno.Conn,
  text: string,
): Promise<void> {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  try {
    for (let at = 0; at < bytes.length;) {
      at += await connection.write(bytes.subarray(at));
    }
  } catch (error) {
    if (
      !(error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.ConnectionReset)
    ) throw error;
  }
}

/** Sends a request on a connection of its own and reads to its end. */
export async function replyTo(
  addr: Deno.NetAddr & { readonly transport: "tcp" },
  request: string,
): Promise<Reply> {
  using connection = await Deno.connect(addr);
  const [text] = await patiently(
    Promise.all([readBytes(connection), writeBytes(connection, request)]),
    () => "the response to end",
  );
  const replies = repliesIn(text, request.startsWith("HEAD"));
  strictEqual(replies.length, 1);
  return replies[0]!;
}
