/**
 * Compares servers, run in turn on one core under the load of a C program on
 * the other, and prints how this module's stand to the others.
 *
 * "Least served" is the client that had the fewest answers: how many it had of
 * an equal share.
 *
 * Options: `--only=TEXT` for the comparisons whose name has the text,
 * `--rounds=N`, `--short` to see only that everything works.
 */
import { parseArgs } from "node:util";
import { type Comparison, comparisons, footprints } from "./_comparisons.ts";
import { costOf, middle, ratio, type Reading } from "./_figures.ts";
import { describeMachine } from "./_machine.ts";
import { measureComparison } from "./_measure.ts";
import {
  compile,
  holdConnections,
  isInstalled,
  Server,
  type ServerCommand,
} from "./_programs.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "7" },
    short: { type: "boolean", default: false },
  },
});
const rounds = options.short ? 1 : Number(options.rounds);
/** How long one measurement lasts, in milliseconds. */
const duration = options.short ? 250 : 1000;
/** How many runs go first: threads and processes get faster for 3 seconds. */
const warmUps = options.short ? 0 : 3;
const scale = options.short ? 1 / 256 : 1;

const folder = await Deno.makeTempDir();
try {
  const load = await compile("load.c", folder);
  console.log(
    `${describeMachine()}, loopback; medians of ${rounds} rounds\n`,
  );
  console.log(
    "| what | server | per second, or ms | ours is | CPU µs each | ours is | least served |",
  );
  console.log("|---|---|--:|--:|--:|--:|--:|");
  for (const comparison of comparisons(scale)) {
    if (!comparison.name.includes(options.only)) continue;
    await compare(comparison, load);
  }
  if (!"memory".includes(options.only)) Deno.exit();
  console.log("\n| connections held | server | KiB each |");
  console.log("|---|---|--:|");
  for (const { name, server, args, count } of footprints) {
    const many = options.short ? 100 : count;
    await using running = await Server.start(server);
    const before = running.residentMemory();
    const after = await holdConnections(
      load,
      [running.port, many, ...args],
      () => running.residentMemory(),
    );
    const each = (after - before) / many;
    console.log(`| ${name} | ${server.label} | ${each.toFixed(1)} |`);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Measures the servers of one comparison in turn, A B C A B C …. */
async function compare(comparison: Comparison, load: string): Promise<void> {
  const servers: ServerCommand[] = [];
  for (const server of comparison.servers) {
    if (await isInstalled(server.command[0]!)) servers.push(server);
    else {console.log(
        `| ${comparison.name} | ${server.label} | missing | | | | |`,
      );}
  }
  const figures = await measureComparison(comparison, servers, {
    ...{ load, rounds, duration, warmUps },
  });
  const speed: Reading = comparison.latency
    ? ({ p50 }) => p50!
    : ({ perSecond }) => perSecond;
  for (const [i, server] of figures.entries()) {
    const cells = [comparison.name, server.label];
    const speedDigits = comparison.latency ? 2 : 0;
    for (const [read, digits] of [[speed, speedDigits], [costOf, 1]] as const) {
      cells.push(
        middle(server, read).toLocaleString("en", {
          maximumFractionDigits: digits,
        }),
        i === 0 ? "" : `${ratio(figures[0]!, server, read).toFixed(2)} ×`,
      );
    }
    const least = middle(server, ({ least = 1 }) => least);
    cells.push(`${(100 * least).toFixed(0)} %`);
    console.log(`| ${cells.join(" | ")} |`);
  }
}
