import type { ServerStats } from "../server_stats.ts";

/** One value of a metric, with what tells it from the others. */
export interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A number of servers, as it is measured. */
export interface Metric {
  /** In words that are joined by dots. */
  readonly name: string;
  readonly help: string;
  /** Whether it only grows. */
  readonly grows: boolean;
  /** What it is measured in, if that is no number of things. */
  readonly unit?: "bytes" | "seconds";
  readonly samples: (stats: ServerStats) => readonly Sample[];
}

const one = (value: number): readonly Sample[] => [{ value }];

function byReason(
  counts: Readonly<Record<string, number>>,
): readonly Sample[] {
  return Object.entries(counts).map(([reason, value]) => ({
    value,
    labels: { reason },
  }));
}

/** How many threads or processes, by which of the two they are. */
function ofWorkers(
  count: "started" | "lost" | "replaced" | "retired",
): (stats: ServerStats) => readonly Sample[] {
  return ({ workers }) =>
    workers === undefined
      ? []
      : [{ value: workers[count], labels: { kind: workers.kind } }];
}

/** All that `stats()` tells. */
export const METRICS: readonly Metric[] = [
  {
    name: "start_time",
    help: "When the server was made, since the epoch.",
    grows: false,
    unit: "seconds",
    samples: ({ since }) => one(since / 1_000),
  },
  {
    name: "connections.active",
    help: "Connections and datagrams in progress.",
    grows: false,
    samples: ({ active }) => one(active),
  },
  {
    name: "connections.waiting",
    help: "Those of them that wait for a thread or a process.",
    grows: false,
    samples: ({ waiting }) => one(waiting),
  },
  {
    name: "connections.lingering",
    help: "Connections that are being closed.",
    grows: false,
    samples: ({ lingering }) => one(lingering),
  },
  {
    name: "connections.accepted",
    help: "Connections and datagrams that were accepted.",
    grows: true,
    samples: ({ accepted }) => one(accepted),
  },
  {
    name: "connections.refused",
    help: "Those that were closed unanswered.",
    grows: true,
    samples: ({ refused }) => byReason(refused),
  },
  {
    name: "connections.failed",
    help: "Those whose handler failed.",
    grows: true,
    samples: ({ failed }) => one(failed),
  },
  {
    name: "connections.aborted",
    help: "Those that were ended before their handler had.",
    grows: true,
    samples: ({ aborted }) => byReason(aborted),
  },
  {
    name: "io",
    help: "Bytes that have come, and that were written.",
    grows: true,
    unit: "bytes",
    samples: ({ bytesIn, bytesOut }) => [
      { value: bytesIn, labels: { direction: "receive" } },
      { value: bytesOut, labels: { direction: "transmit" } },
    ],
  },
  {
    name: "events.lost",
    help: "Events of threads that the main thread was not told of.",
    grows: true,
    samples: ({ eventsLost }) => one(eventsLost),
  },
  {
    name: "workers",
    help: "Threads or processes.",
    grows: false,
    samples: ({ workers }) =>
      workers === undefined ? [] : [
        {
          value: workers.running.length,
          labels: { kind: workers.kind, state: "running" },
        },
        {
          value: workers.starting,
          labels: { kind: workers.kind, state: "starting" },
        },
      ],
  },
  {
    name: "workers.started",
    help: "Threads or processes that have started.",
    grows: true,
    samples: ofWorkers("started"),
  },
  {
    name: "workers.lost",
    help: "Those that have ended without having been told to.",
    grows: true,
    samples: ofWorkers("lost"),
  },
  {
    name: "workers.replaced",
    help: "Lost ones in whose place another has started.",
    grows: true,
    samples: ofWorkers("replaced"),
  },
  {
    name: "workers.retired",
    help: "Those that have ended as they were to.",
    grows: true,
    samples: ofWorkers("retired"),
  },
];
