import type { Comparison } from "./_comparisons.ts";
import type { RunFigures, ServerFigures } from "./_figures.ts";
import {
  type Measured,
  runLoad,
  Server,
  type ServerCommand,
} from "./_programs.ts";

/**
 * How long a server has to close what a run has left, in milliseconds: connections
 * that are still to be closed would count as load.
 */
const SETTLE = 200;

/** How a comparison is measured with the load of `load.c`. */
export interface Measuring {
  /** The program, compiled. */
  readonly load: string;
  readonly rounds: number;
  /** How long one measurement lasts, in milliseconds. */
  readonly duration: number;
  /** How many runs that do not count go first, where code is to be compiled. */
  readonly warmUps: number;
}

/** How often servers are measured. */
export interface Rounds {
  readonly rounds: number;
  /** How many runs that do not count go first in each. */
  readonly warmUps: number;
  /** How long to wait after each of those, in milliseconds. */
  readonly settle?: number;
}

/**
 * Measures servers in turn, A B C A B C …, each in a process of its own for each
 * round.
 */
export async function measureInTurn(
  servers: readonly ServerCommand[],
  { rounds, warmUps, settle = 0 }: Rounds,
  run: (port: number, server: ServerCommand) => Promise<Measured>,
): Promise<ServerFigures[]> {
  const figures = servers.map((): RunFigures[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, command] of servers.entries()) {
      await using server = await Server.start(command);
      for (let i = 0; i < warmUps; i++) {
        await run(server.port, command);
        if (settle > 0) await new Promise((done) => setTimeout(done, settle));
      }
      const before = server.processorTime();
      const measured = await run(server.port, command);
      const used = server.processorTime() - before;
      figures[i]!.push({ ...measured, cost: used * 1000 / measured.count });
    }
  }
  return servers.map(({ label }, i) => ({ label, rounds: figures[i]! }));
}

/** Measures those servers of a comparison that are given. */
export function measureComparison(
  comparison: Comparison,
  servers: readonly ServerCommand[],
  { load, rounds, duration, warmUps }: Measuring,
): Promise<ServerFigures[]> {
  return measureInTurn(
    servers,
    { rounds, warmUps: comparison.warmUp ? warmUps : 0, settle: SETTLE },
    (port, { anyCore }) =>
      runLoad(load, [
        // Beside servers that may use both cores it would take what they need.
        ...(anyCore ? [] : ["spin"]),
        ...comparison.load({ port, duration }),
      ]),
  );
}
