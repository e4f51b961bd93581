import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";
import { BaseHTTPRequestHandler } from "../../handlers/http/base_http_request_handler.ts";
import type { AccessLog } from "../../handlers/http/access_log.ts";

/** Logs on stderr, wherever it runs. */
export class LoggingFetch extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly accessLog: AccessLog = "combined";

  override fetch(): Response {
    return new Response("hello");
  }
}

/** The same with methods. */
export class LoggingBase extends BaseHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly accessLog: AccessLog = "combined";

  async doGET(): Promise<void> {
    this.sendResponse(200);
    this.sendHeader("Content-Length", "5");
    this.endHeaders();
    await this.wfile.write("hello");
  }
}
