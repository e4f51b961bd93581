import { parseArgs } from "node:util";

/** How long a comparison under the load of wrk measures. */
export interface BenchOptions {
  /** How many rounds. */
  readonly rounds: number;
  /** How long one measurement lasts, in seconds. */
  readonly seconds: number;
  /** Whether it is only to be seen that everything works. */
  readonly short: boolean;
}

/** Reads `--rounds=N`, and `--short` to see only that everything works. */
export function benchOptions(): BenchOptions {
  const { values: { rounds, short } } = parseArgs({
    args: Deno.args,
    options: {
      rounds: { type: "string", default: "5" },
      short: { type: "boolean", default: false },
    },
  });
  return short
    ? { rounds: 1, seconds: 1, short }
    : { rounds: Number(rounds), seconds: 2, short };
}
