/** Answers what it reads with the same bytes, in TLS: keep or close, two files. */
import { StreamRequestHandler, TLSServer } from "../../mod.ts";

const [mode, certFile, keyFile] = Deno.args;
const head = mode === "close"
  ? "HTTP/1.1 200 OK\r\nConnection: close\r\n"
  : "HTTP/1.1 200 OK\r\n";
const answer = new TextEncoder().encode(`${head}Content-Length: 2\r\n\r\nok`);

class Answer extends StreamRequestHandler {
  override async handle() {
    while (await this.rfile.read() !== null) {
      await this.wfile.write(answer);
      if (mode === "close") return;
    }
  }
}

const server = new TLSServer(
  {
    ...{ hostname: "127.0.0.1", port: 0 },
    cert: Deno.readTextFileSync(certFile!),
    key: Deno.readTextFileSync(keyFile!),
  },
  Answer,
  // A load ends its connections in the middle.
  { onListen: ({ port }) => console.log(port), onError() {} },
);
await server.serveForever();
