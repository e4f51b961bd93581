// Servers that are run in a terminal with just the flags that the README says:
// the first argument says which, the second where. Prints where it listens.

import {
  DatagramRequestHandler,
  ForkingTCPServer,
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
  ThreadingUDPServer,
  TLSServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../mod.ts";
import {
  CGIHTTPRequestHandler,
  FetchRequestHandler,
  HTTPServer,
  serveFile,
  SimpleHTTPRequestHandler,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { upgradeWebSocket } from "../../handlers/websocket/mod.ts";
import { SimpleXMLRPCServer } from "../../server/xmlrpc/mod.ts";

/** Answers a line. */
export class Echo extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    await this.wfile.write(`<${await this.rfile.readLine()}>\n`);
  }
}

/** Answers a datagram. */
export class EchoDatagram extends DatagramRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override handle() {
    this.wfile.write("<");
    this.wfile.write(this.packet);
    this.wfile.write(">\n");
  }
}

/** Answers a request. */
export class Hello extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override fetch() {
    return new Response("<x>\n");
  }
}

const [what, where = "."] = Deno.args;
const HERE = { hostname: "127.0.0.1", port: 0 } as const;

const servers = {
  "tcp": () => new TCPServer(HERE, Echo),
  "tls": () => {
    const cert = Deno.readTextFileSync(`${where}/cert.pem`);
    const key = Deno.readTextFileSync(`${where}/key.pem`);
    return new TLSServer({ ...HERE, cert, key }, Echo);
  },
  "udp": () => new UDPServer(HERE, EchoDatagram),
  "unix": () => new UnixStreamServer({ path: where }, Echo),
  "unix datagrams": () => new UnixDatagramServer({ path: where }, EchoDatagram),
  "threads": () => new ThreadingTCPServer(HERE, Echo),
  "threads of datagrams": () => new ThreadingUDPServer(HERE, EchoDatagram),
  "threads of HTTP": () => new ThreadingHTTPServer(HERE, Hello),
  "processes": () => new ForkingTCPServer(HERE, Echo),
  "function of a request": () =>
    new HTTPServer(HERE, () => new Response("<x>\n")),
  "WebSocket": () =>
    new HTTPServer(HERE, (request) => {
      const { socket, response } = upgradeWebSocket(request, {
        deflate: true,
        // The client does not answer.
        closeTimeout: 1,
      });
      socket.onopen = () => {
        socket.send("<x>\n");
        socket.close();
      };
      return response;
    }),
  "files": () =>
    new HTTPServer(
      HERE,
      class extends SimpleHTTPRequestHandler {
        static override readonly directory: string = where;
      },
    ),
  "one file": () =>
    new HTTPServer(
      HERE,
      (request) =>
        serveFile(request, `${where}/file.txt`, { compression: true }),
    ),
  "link to a file": () =>
    new HTTPServer(
      HERE,
      (request) => serveFile(request, `${where}/links/file.txt`),
    ),
  "link to files": () =>
    new HTTPServer(
      HERE,
      class extends SimpleHTTPRequestHandler {
        static override readonly directory: string = `${where}/links/folder`;
      },
    ),
  "CGI": () =>
    new HTTPServer(
      HERE,
      class extends CGIHTTPRequestHandler {
        static override readonly directory: string = where;
      },
    ),
  "XML-RPC": () => {
    const server = new SimpleXMLRPCServer(HERE);
    server.registerFunction(() => "<x>", { name: "x" });
    return server;
  },
};

if (import.meta.main) {
  const server = servers[what as keyof typeof servers]();
  const { addr } = server;
  console.log("port" in addr ? `at ${addr.port};` : "at 0;");
  await server.serveForever();
}
