/** Sends each message back, with Debian's `ws` (node-ws) in Node. */
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(import.meta.url)(
  "/usr/share/nodejs/ws",
);

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
server.on("listening", () => console.log(server.address().port));
server.on("connection", (socket) => {
  socket.on("message", (data, binary) => socket.send(data, { binary }));
  socket.on("error", () => {});
});
