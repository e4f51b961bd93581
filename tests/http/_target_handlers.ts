/** What the attacks of these tests are on: each thread and process imports this. */
import { BaseHTTPRequestHandler } from "../../handlers/http/base_http_request_handler.ts";
import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";
import type { HTTPLimits } from "../../handlers/http/http_limits.ts";

/** Times that a test can wait for, in milliseconds, and a body it can send. */
const LIMITS: Partial<HTTPLimits> = {
  headersTimeout: 1_000,
  bodyTimeout: 1_000,
  keepAliveTimeout: 500,
  maxBodySize: 1024 * 1024,
};

/** Answers what it has understood of a request. */
export class Target extends BaseHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly limits = LIMITS;
  doGET = this.#tell;
  doHEAD = this.#tell;
  doPOST = this.#tell;
  doOPTIONS = this.#tell;

  override logMessage(): void {}

  async #tell(): Promise<void> {
    const body = await new Response(this.rfile.readable).text();
    const told = new TextEncoder().encode(
      `${this.command} ${this.path} [${body}]`,
    );
    this.sendResponse(200);
    this.sendHeader("Content-Length", String(told.length));
    this.endHeaders();
    await this.wfile.write(told);
  }
}

/** The same with `fetch`. */
export class FetchTarget extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly limits = LIMITS;

  override async fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const body = await request.text();
    return new Response(`${request.method} ${pathname}${search} [${body}]`);
  }
}
