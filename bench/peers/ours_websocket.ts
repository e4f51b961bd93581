/** Sends each message back. Argument: listener or loop. */
import { HTTPServer } from "../../server/http/mod.ts";
import {
  type ServerWebSocket,
  upgradeWebSocket,
} from "../../handlers/websocket/mod.ts";

const options = { maxMessageSize: 64 * 1024 * 1024 };

function listen(socket: ServerWebSocket): void {
  socket.onmessage = ({ data }) => void socket.send(data as string);
}

async function loop(socket: ServerWebSocket): Promise<void> {
  for await (const message of socket) await socket.send(message);
}

const use = Deno.args[0] === "loop" ? loop : listen;

const server = new HTTPServer(
  { hostname: "127.0.0.1", port: 0 },
  (request) => {
    const { socket, response } = upgradeWebSocket(request, options);
    void use(socket);
    return response;
  },
  // Clients that are gone when the load ends are no news.
  { onError() {} },
);
console.log(server.addr.port);
await server.serveForever();
