import {
  type Measured,
  median,
  Server,
  type ServerCommand,
} from "./_programs.ts";

/** Servers that do the same, under the same load. */
export interface ServedLoad {
  readonly name: string;
  /** The program that makes the load. */
  readonly program: string;
  /** The first is ours; the others are what it is compared with. */
  readonly servers: readonly ServerCommand[];
  /** What is compared instead of the rate: milliseconds, of which few are good. */
  readonly percentile?: "p90";
  run(port: number, server: ServerCommand): Promise<Measured>;
}

/**
 * Runs the servers of each load in turn, A B C A B C …, and prints a table of
 * how the first stands to the others.
 *
 * @param warmUps How many runs that do not count go first: they find the code not
 * compiled yet.
 */
export async function compareLoads(
  loads: readonly ServedLoad[],
  rounds: number,
  warmUps = 1,
): Promise<void> {
  console.log(
    "| what | server | per second, or ms | ours is | CPU µs each | ours is |",
  );
  console.log("|---|---|--:|--:|--:|--:|");
  for (const load of loads) {
    if (await isOnPath(load.program)) await compare(load, rounds, warmUps);
    else console.log(`| ${load.name} | ${load.program} is missing | | | | |`);
  }
}

async function compare(
  { name, servers, run, percentile }: ServedLoad,
  rounds: number,
  warmUps: number,
): Promise<void> {
  const speeds = servers.map((): number[] => []);
  const costs = servers.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, command] of servers.entries()) {
      await using server = await Server.start(command);
      for (let i = 0; i < warmUps; i++) await run(server.port, command);
      const before = server.processorTime();
      const measured = await run(server.port, command);
      const used = server.processorTime() - before;
      speeds[i]!.push(
        percentile === undefined ? measured.perSecond : measured[percentile]!,
      );
      costs[i]!.push(used * 1000 / measured.count);
    }
  }
  for (const [i, { label }] of servers.entries()) {
    const ratio = (figures: readonly (readonly number[])[]) =>
      i === 0
        ? ""
        : `${
          median(figures[0]!.map((ours, at) => ours / figures[i]![at]!))
            .toFixed(2)
        } ×`;
    const cells = [
      name,
      label,
      median(speeds[i]!).toLocaleString("en", {
        maximumFractionDigits: percentile === undefined ? 0 : 2,
      }),
      ratio(speeds),
      median(costs[i]!).toFixed(1),
      ratio(costs),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

/** Whether it can be started; some tell their version and exit with 1. */
async function isOnPath(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: ["--version"] }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
