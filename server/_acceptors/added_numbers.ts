import type { RunnerNumbers } from "../_core/seam.ts";

/**
 * The numbers of a server whose threads were given up for others.
 *
 * @param before Those of the first, which count their requests themselves.
 * @param now Those of the others.
 */
export function addNumbers(
  before: RunnerNumbers,
  now: RunnerNumbers,
): RunnerNumbers {
  const { workers } = now;
  const { running, starting, started, lost, replaced, retired } =
    before.workers;
  return {
    ...now,
    ...before.counters === undefined ? {} : { counters: before.counters },
    eventsLost: (before.eventsLost ?? 0) + (now.eventsLost ?? 0),
    workers: {
      ...workers,
      running: [
        ...running,
        ...workers.running.map((worker) => ({
          ...worker,
          id: worker.id + started,
        })),
      ],
      starting: workers.starting + starting,
      started: workers.started + started,
      lost: workers.lost + lost,
      replaced: workers.replaced + replaced,
      retired: workers.retired + retired,
    },
  };
}
