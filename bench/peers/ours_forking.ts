/**
 * As ours_tcp.ts and ours_udp.ts, with processes.
 *
 * Arguments: echo, reply, sink, source or udp, then how many children there are
 * at most, how many requests and how many connections each takes (0 for no
 * limit), how many are spare, then for source the number of bytes.
 */
import { ForkingTCPServer, ForkingUDPServer } from "../../mod.ts";
import { Echo, Reply, Sink, Source, UDPEcho } from "./remote_handlers.ts";

const [
  mode = "echo",
  children = "1",
  requests = "0",
  connections = "0",
  spares = "1",
] = Deno.args;

class TCP extends ForkingTCPServer {
  // Clients that are gone when the load ends are no news.
  override handleError() {}
}

if (import.meta.main) {
  const address = { hostname: "127.0.0.1", port: 0 };
  const options = {
    maxChildren: Number(children),
    spareChildren: Number(spares),
    requestsPerChild: Number(requests) || Infinity,
    connectionsPerChild: Number(connections) || Infinity,
  };
  const handlers: Record<string, typeof Echo> = {
    echo: Echo,
    reply: Reply,
    sink: Sink,
    source: Source,
  };
  const server = mode === "udp"
    ? new ForkingUDPServer(address, UDPEcho, options)
    : new TCP(address, handlers[mode] ?? Echo, options);
  console.log((server.addr as Deno.NetAddr).port);
  await server.serveForever();
}
