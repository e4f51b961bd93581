/**
 * A server that is watched, or not.
 *
 * Arguments: echo or reply; then what watches it, of: channels, stats, metrics.
 */
import { subscribe } from "node:diagnostics_channel";
import { StreamRequestHandler, TCPServer } from "../../mod.ts";
import { instrument, openMetrics } from "../../server/telemetry/mod.ts";

const [mode, ...watchers] = Deno.args;

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
  { onError: () => {} },
);
if (watchers.includes("channels")) {
  let heard = 0;
  for (
    const event of [
      ...["listen", "accept", "refuse", "start", "end", "error"],
      ...["full", "drain", "close"],
    ]
  ) subscribe(`socketserver:${event}`, () => void heard++);
}
// More often than anybody looks.
if (watchers.includes("stats")) setInterval(() => openMetrics(server), 100);
if (watchers.includes("metrics")) {
  const { active } = instrument(server, { spans: false });
  if (!active) throw new Error("Expected OTEL_DENO to be set");
}
console.log(server.addr.port);
await server.serveForever();
