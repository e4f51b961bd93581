/**
 * What it costs to watch a server, and to look whom it serves: `stats()` with many
 * connections, and echoes and connections where all of that is off, against those
 * where it is on: every channel has a subscriber, `openMetrics()` is asked for ten
 * times a second, Deno's OpenTelemetry measures, without a collector, and clients
 * are counted by the addresses that PROXY headers tell. Those clients send a header
 * to each server of their rows that takes one. Beside the connections stand those of
 * a `Deno.listen` loop, and of one that reads a header and does nothing with it: no
 * server that takes PROXY headers can do with less than that read.
 *
 * Options: `--rounds=N`, `--short` to see only that everything works.
 */
import { ThreadingTCPServer } from "../server/threading_servers.ts";
import { TCPServer } from "../server/tcp_server.ts";
import { benchOptions } from "./_options.ts";
import { Held } from "./peers/held_handler.ts";
import {
  compile,
  denoServer,
  holdConnections,
  median,
  runLoad,
  type ServerCommand,
} from "./_programs.ts";
import { compareLoads, type ServedLoad } from "./_served_loads.ts";

const { rounds, short } = benchOptions();
const connections = short ? 100 : 10_000;
/** How long one measurement lasts, in milliseconds. */
const duration = short ? 250 : 1_000;
/**
 * How many runs go first. V8 compiles for 30,000 to 60,000 connections, in threads
 * whose time counts too, and has the more to compile the more is on.
 */
const warmUps = short ? 0 : 3;
const folder = await Deno.makeTempDir();

/** How long a call takes, in microseconds. */
function cost(call: () => unknown, calls: number): number {
  const began = performance.now();
  for (let i = 0; i < calls; i++) call();
  return (performance.now() - began) * 1_000 / calls;
}

/** Looks at a server with many connections. */
async function look(server: TCPServer, load: string): Promise<string> {
  const served = server.serveForever();
  const figures = await holdConnections(
    load,
    [server.addr.port, connections, 0],
    async () => {
      while (server.stats().active < connections) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const costs = Array.from(
        { length: 20 },
        () => cost(() => server.stats(), 500),
      );
      const began = performance.now();
      const { length } = await server.connections();
      return {
        ...{ length, stats: median(costs) },
        list: performance.now() - began,
      };
    },
  );
  await server.shutdown({ gracePeriod: 0 });
  await served;
  return `${figures.length.toLocaleString("en")} | ${
    figures.stats.toFixed(1)
  } µs | ${figures.list.toFixed(1)} ms`;
}

/** The servers, of which nobody watches the first. */
function servers(mode: string): ServerCommand[] {
  const watched = (label: string, ...watchers: string[]): ServerCommand => {
    const { command, ...rest } = denoServer(
      label,
      "ours_watched.ts",
      mode,
      ...watchers,
    );
    const variables = watchers.includes("metrics")
      // A collector that is gone: what it takes to send is not the server's.
      ? ["OTEL_DENO=true", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9"]
      : [];
    return { ...rest, command: ["env", ...variables, ...command] };
  };
  return [
    watched("all off"),
    watched("channels", "channels"),
    watched("channels, stats", "channels", "stats"),
    watched("channels, stats, metrics", "channels", "stats", "metrics"),
    watched("admission", "admission"),
    watched("PROXY", "proxy"),
    watched(
      "all on",
      ...["channels", "stats", "metrics"],
      "admission",
      "proxy",
    ),
  ];
}

/** What servers are told to which clients send a header. */
const TAKES_HEADER = ["proxy", "reply-behind-header"];

try {
  const load = await compile("load.c", folder);
  console.log("| server | connections | stats() | connections() |");
  console.log("|---|--:|--:|--:|");
  const address = { hostname: "127.0.0.1", port: 0 };
  const options = { maxConnections: 2 * connections, onError: () => {} };
  console.log(
    `| TCPServer | ${await look(
      new TCPServer(address, Held, options),
      load,
    )} |`,
  );
  console.log(
    `| ThreadingTCPServer, 2 workers | ${await look(
      new ThreadingTCPServer(address, Held, { workers: 2, ...options }),
      load,
    )} |`,
  );
  console.log();
  const compared = (
    name: string,
    mode: string,
    args: (port: number) => readonly (string | number)[],
    loops: readonly ServerCommand[] = [],
  ): ServedLoad => ({
    name,
    program: load,
    servers: [...servers(mode), ...loops],
    run: (port, { command }) => {
      const isProxied = command.some((word) => TAKES_HEADER.includes(word));
      const sends = isProxied ? ["spin", "proxied"] : ["spin"];
      return runLoad(load, [...sends, ...args(port)]);
    },
  });
  await compareLoads(
    [
      compared(
        "echo of 64 bytes, 50 connections",
        "echo",
        (port) => ["echo", port, 50, 64, duration],
      ),
      compared(
        "connect, 24 bytes, close, 64 at a time",
        "reply",
        (port) => ["connect", port, 64, 24, duration],
        [
          denoServer("a Deno.listen loop", "raw_tcp.ts", "reply-in-full"),
          denoServer(
            "a Deno.listen loop that reads a header",
            "raw_tcp.ts",
            "reply-behind-header",
          ),
        ],
      ),
    ],
    rounds,
    warmUps,
  );
} finally {
  await Deno.remove(folder, { recursive: true });
}
