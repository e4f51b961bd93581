/** As ours_tls.ts, with Node's `tls`. */
import { readFileSync } from "node:fs";
import { createServer } from "node:tls";

const [mode, certFile, keyFile] = process.argv.slice(2);
const head = mode === "close"
  ? "HTTP/1.1 200 OK\r\nConnection: close\r\n"
  : "HTTP/1.1 200 OK\r\n";
const answer = Buffer.from(`${head}Content-Length: 2\r\n\r\nok`);

const server = createServer(
  { cert: readFileSync(certFile), key: readFileSync(keyFile), noDelay: true },
  (socket) => {
    socket.on("data", () => {
      if (mode === "close") socket.end(answer);
      else socket.write(answer);
    });
    socket.on("error", () => {});
  },
);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
