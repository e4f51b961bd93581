/**
 * Answers with six bytes, with Deno's own node:http, whose connections are
 * those of `Deno.listen`.
 */
import { Server } from "node:http";
import { Duplex } from "node:stream";

/** A connection as a stream of node's. */
class Connection extends Duplex {
  readonly #conn: Deno.Conn;
  readonly #buffer = new Uint8Array(4096);

  constructor(conn: Deno.Conn) {
    super();
    this.#conn = conn;
  }

  // node:http asks for it, and there is no timeout here.
  setTimeout(): this {
    return this;
  }

  override _read(): void {
    this.#conn.read(this.#buffer).then(
      (n) => this.push(n === null ? null : this.#buffer.slice(0, n)),
      (error) => this.destroy(error),
    );
  }

  override _write(
    bytes: Uint8Array,
    _encoding: string,
    done: (error?: Error) => void,
  ): void {
    // Six bytes and their headers go out in one piece.
    this.#conn.write(bytes).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void) {
    this.#conn.close();
    done(error);
  }
}

const server = new Server((_request, response) => {
  response.setHeader("Content-Type", "text/plain");
  response.end("hello\n");
});
// One that does not listen closes each connection behind its first answer.
Object.defineProperty(server, "listening", { value: true });
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
for await (const conn of listener) {
  server.emit("connection", new Connection(conn));
}
