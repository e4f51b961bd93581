import { BaseHTTPRequestHandler } from "../../handlers/http/base_http_request_handler.ts";
import type { HTTPLimits } from "../../handlers/http/http_limits.ts";

/** Says how long a body is that it has read whole. */
export class Measuring extends BaseHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly limits: Partial<HTTPLimits> = {
    maxBodySize: 500_000,
  };

  async doPOST(): Promise<void> {
    const body = this.path === "/all"
      ? await this.rfile.readAll()
      : await this.rfile.readExactly(
        Number(this.path.slice("/exactly/".length)),
      );
    const told = String(body.length);
    this.sendResponse(200);
    this.sendHeader("Content-Length", String(told.length));
    this.endHeaders();
    await this.wfile.write(told);
  }

  override logMessage(): void {}
}
