import { parseArgs } from "node:util";

/** How long a comparison measures, and of what. */
export interface BenchOptions {
  /** How many rounds. */
  readonly rounds: number;
  /** How long one measurement lasts, in seconds. */
  readonly seconds: number;
  /** Whether it is only to be seen that everything works. */
  readonly short: boolean;
  /** What the names of those rows have that are measured. */
  readonly only: string;
}

/**
 * Reads `--rounds=N`, `--only=TEXT`, and `--short` to see only that everything
 * works.
 */
export function benchOptions(): BenchOptions {
  const { values: { rounds, short, only } } = parseArgs({
    args: Deno.args,
    options: {
      rounds: { type: "string", default: "5" },
      short: { type: "boolean", default: false },
      only: { type: "string", default: "" },
    },
  });
  return short
    ? { rounds: 1, seconds: 1, short, only }
    : { rounds: Number(rounds), seconds: 2, short, only };
}
