/** Handlers that speak WebSocket: each thread and process imports this. */
import { BaseHTTPRequestHandler } from "../../handlers/http/base_http_request_handler.ts";
import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";
import {
  upgradeWebSocket,
  type UpgradeWebSocketOptions,
} from "../../handlers/websocket/mod.ts";

const OPTIONS = { deflate: { threshold: 100 }, protocols: ["way"] };

/** The options by the path of the request's URL. */
const optionsFor = (path: string): UpgradeWebSocketOptions =>
  ({
    "/silent": { idleTimeout: 100 },
    "/deaf": { closeTimeout: 100 },
  })[path] ?? OPTIONS;

/** Sends messages back in a loop. */
export class Loop extends BaseHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  async doGET(): Promise<void> {
    const socket = upgradeWebSocket(this, optionsFor(this.path));
    for await (const message of socket) {
      if (message === "fail") throw new Error("as it was told");
      if (message === "close") socket.close(4000);
      await socket.send(message);
    }
  }

  override logMessage(): void {}
}

/** The same with listeners. */
export class Listener extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override fetch(request: Request): Response {
    const { socket, response } = upgradeWebSocket(
      request,
      optionsFor(this.path),
    );
    socket.onmessage = ({ data }) => {
      if (data === "fail") throw new Error("as it was told");
      if (data === "close") socket.close(4000);
      socket.send(data as string | ArrayBuffer);
    };
    return response;
  }
}
