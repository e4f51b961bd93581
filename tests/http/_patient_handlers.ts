import { BaseHTTPRequestHandler } from "../../handlers/http/base_http_request_handler.ts";
import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";
import type { HTTPLimits } from "../../handlers/http/http_limits.ts";

/** Nothing in these tests comes to its end by a limit. In milliseconds. */
const LIMITS: Partial<HTTPLimits> = {
  headersTimeout: 60_000,
  keepAliveTimeout: 60_000,
  drainTimeout: 60_000,
};

/** Answers with what was asked for. */
export class Patient extends BaseHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly limits = LIMITS;

  doGET(): void {
    this.sendResponse(200);
    this.sendHeader("Content-Length", String(this.path.length));
    this.endHeaders();
    this.wfile.write(this.path);
  }

  override logMessage(): void {}
}

/** Waits for no first request. */
export class Impatient extends Patient {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly limits = { ...LIMITS, drainTimeout: 1 };
}

/** As `Patient`, with `fetch`. */
export class FetchPatient extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly limits = LIMITS;

  override fetch(request: Request): Response {
    return new Response(new URL(request.url).pathname);
  }
}
