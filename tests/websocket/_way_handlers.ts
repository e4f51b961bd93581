/** Handlers that speak WebSocket: each thread and process imports this. */
import {
  BaseHTTPRequestHandler,
  FetchRequestHandler,
} from "../../server/http/mod.ts";
import { upgradeWebSocket } from "../../handlers/websocket/mod.ts";

const OPTIONS = { deflate: { threshold: 100 }, protocols: ["way"] };

/** Sends messages back in a loop. */
export class Loop extends BaseHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  async doGET(): Promise<void> {
    const socket = upgradeWebSocket(this, OPTIONS);
    for await (const message of socket) {
      if (message === "fail") throw new Error("as it was told");
      await socket.send(message);
    }
  }

  override logMessage(): void {}
}

/** The same with listeners. */
export class Listener extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override fetch(request: Request): Response {
    const { socket, response } = upgradeWebSocket(request, OPTIONS);
    socket.onmessage = ({ data }) => {
      if (data === "fail") throw new Error("as it was told");
      socket.send(data as string | ArrayBuffer);
    };
    return response;
  }
}
