import { type Measured, median } from "./_programs.ts";

/** One measurement of a server. */
export interface RunFigures extends Measured {
  /** The processor time of one request, in microseconds. */
  readonly cost: number;
}

/** A server of a comparison, and what came of each round. */
export interface ServerFigures {
  readonly label: string;
  readonly rounds: readonly RunFigures[];
}

/** What is looked at of a measurement. */
export type Reading = (figures: RunFigures) => number;

/** The processor time of one request. */
export const costOf: Reading = ({ cost }) => cost;

/** The median of what was read in each round. */
export function middle(server: ServerFigures, read: Reading): number {
  return median(server.rounds.map(read));
}

/**
 * The median of the ratios of each round: what slows the machine down slows both.
 */
export function ratio(
  ours: ServerFigures,
  theirs: ServerFigures,
  read: Reading,
): number {
  return median(
    ours.rounds.map((run, at) => read(run) / read(theirs.rounds[at]!)),
  );
}
