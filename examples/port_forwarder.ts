// deno run --allow-net=127.0.0.1:1234,127.0.0.1:8080 examples/port_forwarder.ts 1234 127.0.0.1:8080
//
// Streams end to end: what either side sends is passed on with backpressure,
// and so is its end: each direction closes by itself (half-close).
//
// Arguments: the port to listen on (1234), where to connect (127.0.0.1:8080), and
// "proxy" to begin each connection there with a PROXY header, so that the target
// knows whose it is: a server of this module with the option `proxyProtocol`,
// HAProxy with `accept-proxy`, nginx with `proxy_protocol`.

import { connect, type HostAddress } from "../handlers/client/mod.ts";
import {
  encodeProxyHeader,
  run,
  StreamRequestHandler,
  TCPServer,
} from "../mod.ts";

/**
 * Makes a handler that passes its connection on to `target`.
 *
 * @param tells Whether it says first whose the connection is.
 */
export function forwardTo(target: HostAddress, tells = false) {
  return class ForwardHandler extends StreamRequestHandler<Deno.NetAddr> {
    override async handle() {
      try {
        const source = this.clientAddress;
        const destination = this.request.localAddr;
        const upstream = await connect(
          target,
          tells
            ? { proxyHeader: encodeProxyHeader({ source, destination }) }
            : {},
        );
        try {
          await Promise.all([
            this.rfile.readable.pipeTo(upstream.wfile.writable),
            upstream.rfile.readable.pipeTo(this.wfile.writable),
          ]);
        } finally {
          // Both directions have ended, or one has failed.
          upstream.abort();
        }
      } catch (error) {
        // Closed at once: a reply cut short must not look like a whole one.
        this.request.close();
        const { hostname, port } = this.clientAddress;
        console.error(`Gave up on ${hostname}:${port}: ${error}`);
      }
    }
  };
}

/** Reads `HOST:PORT`, `[::1]:PORT` too. */
export function parseTarget(text: string): HostAddress {
  const [, hostname, port] = /^\[?(.+?)\]?:(\d+)$/.exec(text) ?? [];
  if (hostname === undefined) {
    throw new TypeError(`Cannot forward to "${text}": give it as HOST:PORT`);
  }
  return { hostname, port: Number(port) };
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const target = parseTarget(Deno.args[1] ?? "127.0.0.1:8080");
  const server = new TCPServer(
    { hostname: "127.0.0.1", port },
    forwardTo(target, Deno.args[2] === "proxy"),
    {
      onListen: ({ hostname, port }) =>
        console.log(`Listening on ${hostname}:${port}`),
    },
  );
  await run(server);
}
