/**
 * Measures a few comparisons of the other benches and draws them into
 * docs/figures/: ratios against peers, cost by number of connections, latencies.
 *
 * Options: `--rounds=N`, `--out=FOLDER`, `--short` to see only that everything
 * works: into a temporary folder, which is removed.
 */
import { parseArgs } from "node:util";
import { comparisons } from "./_comparisons.ts";
import type { ServerFigures } from "./_figures.ts";
import { httpLoad } from "./_http_loads.ts";
import { describeMachine } from "./_machine.ts";
import { measureComparison, measureInTurn } from "./_measure.ts";
import { compile, isInstalled, type ServerCommand } from "./_programs.ts";
import {
  drawCosts,
  drawLatencies,
  drawRatios,
  type MeasuredGroup,
} from "./_report_charts.ts";
import {
  echo,
  ECHO_CONNECTIONS,
  type Group,
  HTTP_CONNECTIONS,
  RATIOS,
} from "./_report_plan.ts";

const { values: { short, ...options } } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "7" },
    out: { type: "string" },
    short: { type: "boolean", default: false },
  },
});
const rounds = short ? 1 : Number(options.rounds);
if (!(Number.isSafeInteger(rounds) && rounds > 0)) {
  throw new RangeError(
    `Cannot measure: --rounds must be a positive integer, received "${options.rounds}"`,
  );
}
/** How long one measurement lasts, in milliseconds. */
const duration = short ? 250 : 1000;
/** How many runs go first: threads and processes get faster for 3 seconds. */
const warmUps = short ? 0 : 3;
/** Of how many rounds the median is quoted without a warning. */
const ENOUGH_ROUNDS = 5;
/** The connections whose latencies are shown. */
const LATENCY_CONNECTIONS = 50;

const work = await Deno.makeTempDir();
try {
  const out = options.out ??
    (short ? work : new URL("../docs/figures", import.meta.url).pathname);
  const load = await compile("load.c", work);
  /** The load average of other programs, before this one adds to it. */
  const [busy] = Deno.loadavg();
  const measured = new Map<string, ServerFigures[]>();
  const wanted = [...RATIOS, ...ECHO_CONNECTIONS.map(echo)];
  for (const group of wanted) {
    if (measured.has(group.comparison)) continue;
    console.log(group.title);
    measured.set(group.comparison, await measure(group, load));
  }
  const of = (group: Group): MeasuredGroup => ({
    ...{ group, figures: measured.get(group.comparison)! },
  });
  const caption = captionOf(busy!);
  const pictures = {
    "ratios": drawRatios(RATIOS.map(of), caption),
    "costs": drawCosts(
      ECHO_CONNECTIONS.map((n) => of(echo(n))),
      ECHO_CONNECTIONS,
      caption,
    ),
    "latencies": drawLatencies(
      of(echo(LATENCY_CONNECTIONS)),
      LATENCY_CONNECTIONS,
      caption,
    ),
  };
  await Deno.mkdir(out, { recursive: true });
  for (const [name, picture] of Object.entries(pictures)) {
    await Deno.writeTextFile(`${out}/${name}.svg`, picture);
    console.log(`${out}/${name}.svg`);
  }
} finally {
  await Deno.remove(work, { recursive: true });
}

/** Measures those servers of a group's comparison that the group shows. */
async function measure(group: Group, load: string): Promise<ServerFigures[]> {
  const labels = [group.ours, ...group.peers].map(({ label }) => label);
  const chosen = async (servers: readonly ServerCommand[]) => {
    const found = servers.filter(({ label }) => labels.includes(label));
    for (const { label, command } of found) {
      if (await isInstalled(command[0]!)) continue;
      throw new Deno.errors.NotFound(
        `Cannot measure ${label}: ${command[0]} is missing`,
      );
    }
    return found;
  };
  const comparison = comparisons(1).find(({ name }) =>
    name === group.comparison
  );
  if (comparison !== undefined) {
    return await measureComparison(
      comparison,
      await chosen(comparison.servers),
      { load, rounds, duration, warmUps },
    );
  }
  const http = httpLoad(HTTP_CONNECTIONS, short ? 1 : 2);
  if (http.name !== group.comparison) {
    throw new Error(`Cannot measure "${group.comparison}": there is none`);
  }
  return await measureInTurn(
    await chosen(http.servers),
    { rounds, warmUps: short ? 0 : 1 },
    http.run,
  );
}

/** Where, when and by what it was measured, and how far to trust it. */
function captionOf(busy: number): string[] {
  const isShort = short || rounds < ENOUGH_ROUNDS;
  return [
    ...isShort
      ? [
        `A first impression, of ${rounds} round${
          rounds === 1 ? "" : "s"
        } alone: not figures to quote`,
      ]
      : [],
    `${describeMachine()}, loopback`,
    `${new Date().toISOString().slice(0, 10)}, load average before: ${
      busy.toFixed(1)
    }`,
    `deno task bench:report${
      Deno.args.length === 0 ? "" : ` ${Deno.args.join(" ")}`
    }${isShort ? "" : `, medians of ${rounds} rounds`}`,
  ];
}
