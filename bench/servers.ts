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
import {
  compile,
  holdConnections,
  isInstalled,
  median,
  runLoad,
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
/** How long a server has to close what a run has left, in milliseconds. */
const SETTLE = 200;
const scale = options.short ? 1 / 256 : 1;

const folder = await Deno.makeTempDir();
try {
  const load = await compile("load.c", folder);
  console.log(describeMachine());
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
  const speeds = servers.map((): number[] => []);
  const costs = servers.map((): number[] => []);
  const shares = servers.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, server] of servers.entries()) {
      await using running = await Server.start(server);
      const args = [
        // Beside servers that may use both cores it would take what they need.
        ...(server.anyCore ? [] : ["spin"]),
        ...comparison.load({ port: running.port, duration }),
      ];
      if (comparison.warmUp) {
        for (let run = 0; run < warmUps; run++) {
          await runLoad(load, args);
          // Connections of the last run, still to be closed, count as load.
          await new Promise((done) => setTimeout(done, SETTLE));
        }
      }
      const before = running.processorTime();
      const { count, perSecond, p50 = NaN, least = 1 } = await runLoad(
        load,
        args,
      );
      const used = running.processorTime() - before;
      speeds[i]!.push(comparison.latency ? p50 : perSecond);
      costs[i]!.push(used * 1000 / count);
      shares[i]!.push(least);
    }
  }
  for (const [i, { label }] of servers.entries()) {
    const cells = [comparison.name, label];
    const speedDigits = comparison.latency ? 2 : 0;
    for (
      const [figures, digits] of [[speeds, speedDigits], [costs, 1]] as const
    ) {
      const ratios = figures[0]!.map((ours, at) => ours / figures[i]![at]!);
      cells.push(
        median(figures[i]!).toLocaleString("en", {
          maximumFractionDigits: digits,
        }),
        i === 0 ? "" : `${median(ratios).toFixed(2)} ×`,
      );
    }
    cells.push(`${(100 * median(shares[i]!)).toFixed(0)} %`);
    console.log(`| ${cells.join(" | ")} |`);
  }
}

function describeMachine(): string {
  const model = /^model name\s*:\s*(.*)$/m.exec(
    Deno.readTextFileSync("/proc/cpuinfo"),
  )?.[1];
  return `Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores (${model}), Linux ${Deno.osRelease()}, loopback; medians of ${rounds} rounds\n`;
}
