/**
 * What servers do, told to who watches them: `instrument(server)` tells Deno's built-in
 * OpenTelemetry, and `openMetrics(...servers)` answers a scrape of Prometheus.
 *
 * Both ask for `stats()`, and `instrument` listens to the channel `socketserver:end`.
 *
 * @module
 */

export * from "./instrument.ts";
export * from "./open_metrics.ts";

// Named in the signatures of this entry, whose pages lead to them here.
export type {
  AbortReason,
  RefusalReason,
  ServerStats,
  WorkersStats,
  WorkerStats,
} from "../mod.ts";
