/**
 * The same as raw_tls.ts, with Node's `tls`; it runs in Deno as well.
 *
 * Arguments: the certificate's file, its key's, and echo, sink, or source and the
 * number of bytes.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import process from "node:process";
import { createServer } from "node:tls";

const [certFile, keyFile, mode, bytes] = process.argv.slice(2);
const CHUNK = 64 * 1024;

const server = createServer(
  { cert: readFileSync(certFile), key: readFileSync(keyFile), noDelay: true },
  (socket) => {
    socket.on("error", () => {});
    if (mode === "echo") socket.on("data", (data) => socket.write(data));
    else if (mode === "sink") socket.resume();
    // One whose client has gone sends no more.
    else socket.once("data", () => send(socket).catch(() => {}));
  },
);
server.on("tlsClientError", () => {});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));

async function send(socket) {
  const part = Buffer.alloc(CHUNK);
  for (let left = Number(bytes); left > 0; left -= CHUNK) {
    const more = socket.write(part.subarray(0, Math.min(left, CHUNK)));
    if (!more) await once(socket, "drain");
  }
  socket.end();
}
