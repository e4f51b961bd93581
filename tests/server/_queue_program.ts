/**
 * A server, also one that is asked for one request at a time, that shuts down on SIGTERM, to be stopped while clients come. The
 * argument names its kind; it prints its address, and at the end how many
 * requests it has served.
 */
import {
  ForkingTCPServer,
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../mod.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

export class Answer extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle(): Promise<void> {
    await this.wfile.write(`answer to ${await this.rfile.readLine()}`);
  }
}

if (import.meta.main) {
  const [what = "", path = ""] = Deno.args;
  const [kind, byRequest] = what.split(", handleRequest()");
  let datagrams = 0;
  const count = () => void datagrams++;
  const make = {
    tcp: () => new TCPServer(LOOPBACK, Answer),
    "tcp, one at a time": () =>
      new TCPServer(LOOPBACK, Answer, { maxConnections: 1 }),
    unix: () => new UnixStreamServer({ path }, Answer),
    threads: () => new ThreadingTCPServer(LOOPBACK, Answer, { workers: 2 }),
    "threads, the main thread accepts": () =>
      new ThreadingTCPServer(LOOPBACK, Answer, { workers: 2, accept: "main" }),
    processes: () =>
      new ForkingTCPServer(LOOPBACK, Answer, {
        maxChildren: 2,
        requestsPerChild: 100,
      }),
    udp: () => new UDPServer(LOOPBACK, count),
    "unix datagrams": () => new UnixDatagramServer({ path }, count),
  }[kind!]!;
  const server = make();
  Deno.addSignalListener("SIGTERM", () => server.shutdown());
  console.log(`ready at ${JSON.stringify(server.addr)}`);
  if (byRequest === undefined) await server.serveForever();
  else {
    let open = true;
    void server.finished.then(() => open = false);
    while (open) {
      await server.handleRequest().catch(() => server.finished);
    }
  }
  console.log(`served ${datagrams} datagrams`);
  Deno.exit(0);
}
