import {
  DatagramRequestHandler,
  StreamRequestHandler,
} from "../../handlers/mod.ts";
import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";

/** Says a line again. Two lines are orders: the server's end, and its thread's. */
function obey(line: string | null, shutdown: () => void): string {
  if (line === "stop") shutdown();
  if (line === "die") self.close();
  return `${line}\n`;
}

export class Line extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const line = await this.rfile.readLine();
    await this.wfile.write(obey(line, () => this.server.shutdown()));
  }
}

export class Packet extends DatagramRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const line = await this.rfile.readLine();
    await this.wfile.write(obey(line, () => this.server.shutdown()));
  }
}

export class Page extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override fetch(request: Request): Response {
    const line = new URL(request.url).pathname.slice(1);
    return new Response(obey(line, () => this.server.shutdown()));
  }
}
