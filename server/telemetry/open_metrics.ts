import { describeAddress } from "../../handlers/_describe_address.ts";
import type { ServerStats } from "../server_stats.ts";
import { METRICS, type Sample } from "./_metrics.ts";

/** A server whose numbers are told: every server of this module is one. */
export interface CountingServer {
  /** The address it is bound to. */
  readonly addr: Deno.Addr;
  /**
   * What it has done since it was made, and does now.
   *
   * @returns The numbers.
   */
  stats(): ServerStats;
}

/** A server with a name of its own. */
export interface NamedServer {
  /** The value of its label `server`, in place of its address. */
  readonly name: string;
  /** The server. */
  readonly server: CountingServer;
}

/** The media type of what {@linkcode openMetrics} returns: `Content-Type`. */
export const OPEN_METRICS_TYPE =
  "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** What comes before the name of each metric. */
const PREFIX = "socketserver";

/** One server, as its samples are labelled. */
interface Scraped {
  readonly labels: Readonly<Record<string, string>>;
  readonly stats: ServerStats;
}

/**
 * The numbers of servers in the text format of OpenMetrics 1.0, which Prometheus
 * scrapes. It asks for `stats()` and nothing else, so that it costs the same however
 * many connections there are.
 *
 * @example An endpoint for scrapes
 * ```ts
 * import { TCPServer } from "@wire/socketserver";
 * import { HTTPServer } from "@wire/socketserver/http";
 * import { OPEN_METRICS_TYPE, openMetrics } from "@wire/socketserver/telemetry";
 * import { ok } from "node:assert";
 *
 * await using server = new TCPServer({ hostname: "127.0.0.1", port: 0 }, () => {});
 * server.serveForever();
 * await using metrics: HTTPServer = new HTTPServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   () =>
 *     new Response(openMetrics(server, { name: "metrics", server: metrics }), {
 *       headers: { "Content-Type": OPEN_METRICS_TYPE },
 *     }),
 * );
 * metrics.serveForever();
 *
 * const scrape = await fetch(`http://127.0.0.1:${metrics.addr.port}/metrics`);
 * ok((await scrape.text()).endsWith("# EOF\n"));
 * ```
 *
 * @param servers The servers. Each has a label `server`, its address unless it is
 * named, and a label `transport`.
 * @returns The text, which ends with `# EOF`.
 * @throws {TypeError} If one is no server, or two have the same labels.
 */
export function openMetrics(
  ...servers: readonly (CountingServer | NamedServer)[]
): string {
  const scraped = servers.map(scrape);
  checkDistinct(scraped);
  let text = "";
  for (const { name, help, grows, unit, samples } of METRICS) {
    const family = [PREFIX, name.replaceAll(".", "_"), unit]
      .filter((part) => part !== undefined).join("_");
    const lines = scraped.flatMap(({ labels, stats }) =>
      samples(stats).map((sample) =>
        line(grows ? `${family}_total` : family, labels, sample)
      )
    );
    if (lines.length === 0) continue;
    text += `# TYPE ${family} ${grows ? "counter" : "gauge"}\n`;
    if (unit !== undefined) text += `# UNIT ${family} ${unit}\n`;
    text += `# HELP ${family} ${escaped(help)}\n${lines.join("")}`;
  }
  return `${text}# EOF\n`;
}

function scrape(given: CountingServer | NamedServer): Scraped {
  // A server may have members of these names, as its class likes.
  const { name, server } = isServer(given)
    ? { name: undefined, server: given }
    : (given ?? {}) as NamedServer;
  if (!isServer(server) || name !== undefined && typeof name !== "string") {
    throw new TypeError(
      `Cannot tell metrics: each must be a server, or { name, server }, received ${
        Deno.inspect(given)
      }`,
    );
  }
  const { addr } = server;
  return {
    labels: {
      // What is no text cannot be sent as UTF-8.
      server: (name ?? describeAddress(addr)).toWellFormed(),
      transport: addr.transport,
    },
    stats: server.stats(),
  };
}

function isServer(given: unknown): given is CountingServer {
  return typeof (given as Partial<CountingServer> | null)?.stats === "function";
}

/** Two samples of one name and the same labels would be one. */
function checkDistinct(scraped: readonly Scraped[]): void {
  const seen = new Set<string>();
  for (const { labels } of scraped) {
    const text = JSON.stringify(labels);
    if (seen.has(text)) {
      throw new TypeError(
        `Cannot tell metrics: two servers have the labels ${text}; name them: openMetrics({ name: "…", server }, …)`,
      );
    }
    seen.add(text);
  }
}

function line(
  name: string,
  labels: Readonly<Record<string, string>>,
  sample: Sample,
): string {
  const all = Object.entries({ ...labels, ...sample.labels })
    .map(([label, value]) => `${label}="${escaped(value)}"`);
  return `${name}{${all.join(",")}} ${sample.value}\n`;
}

/** A text as it stands in quotes, or after a name (OpenMetrics 1.0, "Escaping"). */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
    .replaceAll('"', '\\"');
}
