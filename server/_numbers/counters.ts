import { BYTES_IN, BYTES_OUT } from "../../handlers/_traffic.ts";
import type {
  AbortReason,
  RefusalReason,
  ServerStats,
} from "../server_stats.ts";

/**
 * The counters of a server, in memory that threads may share: each only grows, and
 * has one writer. Three of them tell how many requests are where: those that came
 * in, less those whose handler has ended, less those of which nothing is left.
 */

/** Where the requests are that came in; the first two are bytes. */
export const ACCEPTED = 2;
/** Where those are whose handler has ended. */
export const HANDLED = 3;
/** Where those are of which nothing is left. */
export const ENDED = 4;
/** Where those are that failed. */
export const FAILED = 5;
const FIRST_REFUSED = 6;

const REFUSALS: readonly RefusalReason[] = [
  ...["verify", "late", "proxy"] as const,
  ...["deny", "perAddress", "rate"] as const,
];
const TIMEOUTS: readonly AbortReason[] = [
  "requestTimeout",
  "idleTimeout",
  "lingerTimeout",
  "handshakeTimeout",
  "timeout",
];
const ABORTS: readonly AbortReason[] = [
  ...TIMEOUTS,
  "connection",
  "shutdown",
  "closed",
];

const FIRST_ABORTED = FIRST_REFUSED + REFUSALS.length;
/** How many counters there are. */
export const COUNTERS: number = FIRST_ABORTED + ABORTS.length;

/** Where those are that were refused for a reason. */
export function refusedFor(reason: RefusalReason): number {
  return FIRST_REFUSED + REFUSALS.indexOf(reason);
}

/** Where those are that were aborted for a reason. */
export function abortedFor(reason: AbortReason): number {
  return FIRST_ABORTED + ABORTS.indexOf(reason);
}

/** Whether it is why requests are refused. */
export function isRefusalReason(value: unknown): value is RefusalReason {
  return REFUSALS.includes(value as RefusalReason);
}

/** Whether it is why requests are aborted. */
export function isAbortReason(value: unknown): value is AbortReason {
  return ABORTS.includes(value as AbortReason);
}

/** What all counters together say. */
export function statsOf(
  counters: Float64Array,
): Omit<ServerStats, "since" | "waiting" | "eventsLost" | "workers"> {
  const at = (index: number) => counters[index]!;
  const aborted = byReason(ABORTS, (reason) => at(abortedFor(reason)));
  return {
    active: at(ACCEPTED) - at(HANDLED),
    lingering: at(HANDLED) - at(ENDED),
    accepted: at(ACCEPTED),
    refused: byReason(REFUSALS, (reason) => at(refusedFor(reason))),
    failed: at(FAILED),
    aborted,
    timedOut: TIMEOUTS.reduce((sum, reason) => sum + aborted[reason], 0),
    bytesIn: at(BYTES_IN),
    bytesOut: at(BYTES_OUT),
  };
}

/** Adds counters to others. */
export function addCounters(sum: Float64Array, more: Float64Array): void {
  for (let index = 0; index < COUNTERS; index++) sum[index]! += more[index]!;
}

function byReason<Reason extends string>(
  reasons: readonly Reason[],
  count: (reason: Reason) => number,
): Record<Reason, number> {
  return Object.fromEntries(
    reasons.map((reason) => [reason, count(reason)]),
  ) as Record<Reason, number>;
}
