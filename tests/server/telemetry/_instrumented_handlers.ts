// Handlers for tests of telemetry: what threads and processes import.

import { BaseHTTPRequestHandler } from "../../../handlers/http/base_http_request_handler.ts";
import { FetchRequestHandler } from "../../../handlers/http/fetch_request_handler.ts";
import { HTTPError } from "../../../handlers/http/http_error.ts";
import { StreamRequestHandler } from "../../../handlers/mod.ts";

/** Answers by what the path says. */
export class Answers extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/fail") throw new RangeError("as it was told");
    if (pathname === "/missing") throw new HTTPError(404);
    const ask = searchParams.get("ask");
    if (ask !== null) await (await fetch(ask)).text();
    return new Response("answered");
  }
}

/** The same by methods. */
export class Methods extends BaseHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  async doGET(): Promise<void> {
    if (this.path === "/fail") throw new RangeError("as it was told");
    this.sendResponse(202);
    this.endHeaders();
    await this.wfile.write("accepted");
  }

  override logMessage() {}
}

/** Answers one line, or fails. */
export class OneLine extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const line = await this.rfile.readLine();
    if (line === "fail") throw new RangeError("as it was told");
    await this.wfile.write(`${line}\n`);
  }
}
