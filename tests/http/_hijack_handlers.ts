/** Handlers that take connections over: each thread and process imports this. */
import { BaseHTTPRequestHandler } from "../../handlers/http/base_http_request_handler.ts";
import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";
import type { HijackedConnection } from "../../handlers/http/hijacked_connection.ts";

/** Answers everything that comes, each piece in brackets, until the end. */
async function echo({ rfile, wfile }: HijackedConnection): Promise<void> {
  for (let part; (part = await rfile.read()) !== null;) {
    await wfile.write(part);
  }
  await wfile.write("[end]");
}

/** Takes over what asks to upgrade, and CONNECT. */
export class Hijacker extends BaseHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  doGET(): Promise<void> {
    this.sendResponse(101);
    this.sendHeader("Connection", "Upgrade");
    this.sendHeader("Upgrade", "echo");
    this.endHeaders();
    return echo(this.hijack());
  }

  doCONNECT(): Promise<void> {
    this.sendResponse(200, "Connected");
    this.endHeaders();
    return echo(this.hijack());
  }

  override logMessage(): void {}
}

/** The same with `fetch`, which writes all of its answers itself. */
export class FetchHijacker extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async fetch(): Promise<Response> {
    const hijacked = this.hijack();
    hijacked.wfile.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n",
    );
    await echo(hijacked);
    return hijacked.response;
  }

  async doCONNECT(): Promise<void> {
    const hijacked = this.hijack();
    hijacked.wfile.write("HTTP/1.1 200 Connected\r\n\r\n");
    await echo(hijacked);
  }
}
