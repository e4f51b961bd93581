import { LOOPBACK } from "../_loopback.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A client of a {@linkcode RawServer}. */
export class RawClient {
  readonly conn: Deno.Conn;
  /** What it has sent last: a whole request. */
  request = "";

  constructor(conn: Deno.Conn) {
    this.conn = conn;
  }

  /** Reads the next request with its body. Resolves to whether there was one. */
  async next(): Promise<boolean> {
    const buffer = new Uint8Array(64 * 1024);
    this.request = "";
    while (true) {
      const n = await this.conn.read(buffer);
      if (n === null) return false;
      this.request += decoder.decode(buffer.subarray(0, n));
      const end = this.request.indexOf("\r\n\r\n");
      const length = /content-length: (\d+)/i.exec(this.request)?.[1] ?? 0;
      if (end >= 0 && this.request.length >= end + 4 + Number(length)) {
        return true;
      }
    }
  }

  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    for (let from = 0; from < bytes.length;) {
      from += await this.conn.write(bytes.subarray(from));
    }
  }

  /** Sends the same until the client is gone. Resolves to how many bytes. */
  async sendForever(data: Uint8Array): Promise<number> {
    let sent = 0;
    try {
      while (true) {
        await this.send(data);
        sent += data.length;
      }
    } catch {
      return sent;
    }
  }

  /** Resolves when the client has ended its side, or has gone. */
  async untilGone(): Promise<void> {
    const buffer = new Uint8Array(1024);
    try {
      while (await this.conn.read(buffer) !== null);
    } catch {
      // It was reset, or is closed.
    }
  }
}

/** A server that does to its clients whatever a test wants. */
export class RawServer implements AsyncDisposable {
  readonly #listener = Deno.listen(LOOPBACK);
  readonly #serving: Promise<void>;
  /** How many clients there were. */
  accepted = 0;

  /** @param serve What is done to each. What it throws is what a client caused. */
  constructor(serve: (client: RawClient) => Promise<void>) {
    this.#serving = this.#serve(serve);
  }

  get addr(): Deno.NetAddr {
    return this.#listener.addr;
  }

  get url(): string {
    return `http://127.0.0.1:${this.addr.port}/RPC2`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  async #serve(serve: (client: RawClient) => Promise<void>): Promise<void> {
    const clients: Promise<void>[] = [];
    for await (const conn of this.#listener) {
      this.accepted++;
      clients.push(
        serve(new RawClient(conn)).catch(() => {}).finally(() => conn.close()),
      );
    }
    await Promise.all(clients);
  }
}

/** An answer of HTTP with its length. */
export function http(
  body: string | Uint8Array,
  headers = "Content-Type: text/xml\r\n",
  status = "200 OK",
): Uint8Array {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const head = encoder.encode(
    `HTTP/1.1 ${status}\r\n${headers}Content-Length: ${bytes.length}\r\n\r\n`,
  );
  const all = new Uint8Array(head.length + bytes.length);
  all.set(head);
  all.set(bytes, head.length);
  return all;
}

/** The XML of an answer with a value. */
export function answer(value: string): string {
  return `<?xml version="1.0"?><methodResponse><params><param><value>${value}</value></param></params></methodResponse>`;
}
