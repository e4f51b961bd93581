/**
 * As ours_tcp.ts and ours_udp.ts, with threads.
 *
 * Arguments: echo, reply, sink, source, burn or udp, then the number of
 * threads, then for source the number of bytes, then who accepts.
 */
import {
  type AcceptMode,
  ThreadingTCPServer,
  ThreadingUDPServer,
} from "../../mod.ts";
import { Burn, Echo, Reply, Sink, Source, UDPEcho } from "./remote_handlers.ts";

const [mode = "echo", workers = "1", , accept = "auto"] = Deno.args;

class TCP extends ThreadingTCPServer {
  // Clients that are gone when the load ends are no news.
  override handleError() {}
}

if (import.meta.main) {
  const address = { hostname: "127.0.0.1", port: 0 };
  const options = {
    workers: Number(workers),
    accept: accept as AcceptMode,
  };
  const handlers: Record<string, typeof Echo> = {
    echo: Echo,
    burn: Burn,
    reply: Reply,
    sink: Sink,
    source: Source,
  };
  const server = mode === "udp"
    ? new ThreadingUDPServer(address, UDPEcho, options)
    : new TCP(address, handlers[mode] ?? Echo, options);
  console.log((server.addr as Deno.NetAddr).port);
  await server.serveForever();
}
