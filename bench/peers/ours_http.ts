/**
 * Answers requests of HTTP.
 *
 * Arguments: fetch, class or base, then what with (see http_answers.ts), then the number
 * of threads; none without it.
 */
import {
  BaseHTTPRequestHandler,
  FetchRequestHandler,
  HTTPServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { type Answering, answers, mebibyte } from "./http_answers.ts";

const [how = "fetch", answering = "hello", workers] = Deno.args;

const hello = new TextEncoder().encode("hello\n").length;

class Base extends BaseHTTPRequestHandler {
  doGET(): void | Promise<void> {
    if (answering === "source") {
      this.#begin("application/octet-stream", mebibyte.length);
      return this.wfile.write(mebibyte);
    }
    this.#begin("text/plain", hello);
    this.wfile.write("hello\n");
  }

  async doPOST(): Promise<void> {
    const size = Number(this.headers.get("content-length"));
    if (answering === "sink") {
      let count = 0;
      for await (const chunk of this.rfile.readable) count += chunk.length;
      const text = `${count}\n`;
      this.#begin("text/plain", text.length);
      this.wfile.write(text);
      return;
    }
    const body = await this.rfile.readExactly(size);
    const text = JSON.stringify(JSON.parse(new TextDecoder().decode(body)));
    this.#begin("application/json", text.length);
    this.wfile.write(text);
  }

  #begin(type: string, length: number): void {
    this.sendResponse(200);
    this.sendHeader("Content-Type", type);
    this.sendHeader("Content-Length", String(length));
    this.endHeaders();
  }

  // The others do not log either.
  override logRequest(): void {}
}

/** What a thread runs, and `class`. */
export class Hello extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override fetch(): Response {
    return new Response("hello\n");
  }
}

if (import.meta.main) {
  const address = { hostname: "127.0.0.1", port: 0 };
  const server = workers !== undefined
    ? new ThreadingHTTPServer(address, Hello, { workers: Number(workers) })
    : new HTTPServer(
      address,
      how === "base"
        ? Base
        : how === "class"
        ? Hello
        : answers[answering as Answering],
    );
  // Clients that are gone when the load ends are no news.
  server.handleError = () => {};
  console.log(server.addr.port);
  await server.serveForever();
}
