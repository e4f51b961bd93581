/**
 * A server that is watched and looks whom it serves, or not.
 *
 * Arguments: echo or reply; then what of this it does, of: channels, stats, metrics,
 * admission, proxy.
 */
import { subscribe } from "node:diagnostics_channel";
import { StreamRequestHandler, TCPServer } from "../../mod.ts";
import { instrument, openMetrics } from "../../server/telemetry/mod.ts";

const [mode, ...parts] = Deno.args;

/** Limits that the load does not come to. */
const MANY = {
  perAddress: 10_000,
  rate: { burst: 1_000_000, perSecond: 1_000_000 },
};

class Echo extends StreamRequestHandler {
  override async handle() {
    const { rfile, wfile } = this;
    for (let chunk; (chunk = await rfile.read()) !== null;) {
      await wfile.write(chunk);
    }
  }
}

class Reply extends StreamRequestHandler {
  override async handle() {
    await this.wfile.write("Thank you for connecting");
  }
}

const server = new TCPServer(
  { hostname: "127.0.0.1", port: 0 },
  mode === "echo" ? Echo : Reply,
  {
    onError: () => {},
    ...parts.includes("admission")
      ? { admission: { ...MANY, deny: ["198.51.100.0/24"] } }
      : {},
    ...parts.includes("proxy")
      ? { proxyProtocol: { mode: "require", trust: ["127.0.0.0/8"] } }
      : {},
  },
);
if (parts.includes("channels")) {
  let heard = 0;
  for (
    const event of [
      ...["listen", "accept", "refuse", "start", "end", "error"],
      ...["full", "drain", "close"],
    ]
  ) subscribe(`socketserver:${event}`, () => void heard++);
}
// More often than anybody looks.
if (parts.includes("stats")) setInterval(() => openMetrics(server), 100);
if (parts.includes("metrics")) {
  const { active } = instrument(server, { spans: false });
  if (!active) throw new Error("Expected OTEL_DENO to be set");
}
console.log(server.addr.port);
await server.serveForever();
