import { drawBars } from "./figures/bars.ts";
import { figure } from "./figures/chart.ts";
import { drawLines } from "./figures/lines.ts";
import {
  costOf,
  middle,
  ratio,
  type Reading,
  type ServerFigures,
} from "./_figures.ts";
import type { Group, Shown } from "./_report_plan.ts";

/** A group, and what was measured of its servers. */
export interface MeasuredGroup {
  readonly group: Group;
  readonly figures: readonly ServerFigures[];
}

/** What is measured of a latency, and how it is called. */
const PERCENTILES: readonly (readonly [string, Reading])[] = [
  ["half", ({ p50 }) => p50!],
  ["90 %", ({ p90 }) => p90!],
  ["99 %", ({ p99 }) => p99!],
];

/** Bars of what a request costs here, of what it costs elsewhere. */
export function drawRatios(
  measured: readonly MeasuredGroup[],
  caption: readonly string[],
): string {
  const groups = measured.map(({ group, figures }) => ({
    name: group.title,
    bars: group.peers.map((peer) => ({
      name: peer.name,
      value: ratio(
        find(figures, group.ours),
        find(figures, peer),
        costOf,
      ),
    })),
  }));
  return drawBars({
    title: "Processor time of a request, against others",
    subtitle: "Ours divided by theirs: at 1 they are the same, less is better.",
    description: groups.map(({ name, bars }) =>
      `${name}: ${
        bars.map(({ name, value }) => `${figure(value)} of ${name}`).join(", ")
      }.`
    ).join(" "),
    caption,
    groups,
  });
}

/** Lines of what a request costs, over numbers of connections. */
export function drawCosts(
  measured: readonly MeasuredGroup[],
  connections: readonly number[],
  caption: readonly string[],
): string {
  const series = serversOf(measured).map((server) => ({
    name: server.name,
    values: measured.map(({ figures }) =>
      middle(find(figures, server), costOf)
    ),
  }));
  return drawLines({
    title: "Processor time by number of connections",
    subtitle: "Microseconds for an echo of 64 bytes: less is better.",
    description: inWords(series, connections.map((n) => `${n} connections`)),
    caption,
    axis: "connections that ask without pause",
    places: connections.map((n) => n.toLocaleString("en")),
    series,
  });
}

/** Lines of how long requests take. */
export function drawLatencies(
  measured: MeasuredGroup,
  connections: number,
  caption: readonly string[],
): string {
  const places = PERCENTILES.map(([name]) => name);
  const series = serversOf([measured]).map((server) => ({
    name: server.name,
    values: PERCENTILES.map(([, read]) =>
      middle(find(measured.figures, server), read)
    ),
  }));
  return drawLines({
    title: `How long an echo takes, with ${connections} connections`,
    subtitle:
      "Milliseconds that so many of the requests took no longer than: less is better.",
    description: inWords(series, places),
    caption,
    axis: "of the requests",
    places,
    series,
  });
}

/** Ours and its peers, which are the same in all of them. */
function serversOf([first]: readonly MeasuredGroup[]): Shown[] {
  const { ours, peers } = first!.group;
  const there = new Set(first!.figures.map(({ label }) => label));
  return [ours, ...peers].filter(({ label }) => there.has(label));
}

function find(
  figures: readonly ServerFigures[],
  { label }: Shown,
): ServerFigures {
  const found = figures.find((each) => each.label === label);
  if (found !== undefined) return found;
  throw new Error(
    `Cannot draw "${label}": it was not measured; there are ${
      figures.map(({ label }) => `"${label}"`).join(", ")
    }`,
  );
}

function inWords(
  series: readonly {
    readonly name: string;
    readonly values: readonly number[];
  }[],
  places: readonly string[],
): string {
  return series.map(({ name, values }) =>
    `${name}: ${
      values.map((value, i) => `${figure(value)} (${places[i]})`).join(", ")
    }.`
  ).join(" ");
}
