import { costOf, middle, ratio, type Reading } from "./_figures.ts";
import { measureInTurn } from "./_measure.ts";
import type { Measured, ServerCommand } from "./_programs.ts";

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
  const figures = await measureInTurn(servers, { rounds, warmUps }, run);
  const speed: Reading = percentile === undefined
    ? ({ perSecond }) => perSecond
    : (measured) => measured[percentile]!;
  for (const [i, server] of figures.entries()) {
    const against = (read: Reading) =>
      i === 0 ? "" : `${ratio(figures[0]!, server, read).toFixed(2)} ×`;
    const cells = [
      name,
      server.label,
      middle(server, speed).toLocaleString("en", {
        maximumFractionDigits: percentile === undefined ? 0 : 2,
      }),
      against(speed),
      middle(server, costOf).toFixed(1),
      against(costOf),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

/** Whether it can be started; some tell their version and exit with 1. */
export async function isOnPath(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: ["--version"] }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
