/**
 * Compares servers of HTTP that answer with six bytes, run in turn on one core
 * under the load of wrk on the other.
 *
 * Options: `--rounds=N`, `--short` to see only that everything works.
 */
import { httpLoad } from "./_http_loads.ts";
import { benchOptions } from "./_options.ts";
import { compareLoads } from "./_served_loads.ts";

const { rounds, seconds, short } = benchOptions();

await compareLoads(
  // The servers are the same, however many connections there are.
  (short ? [50] : [1, 50, 500]).map((count) => httpLoad(count, seconds)),
  rounds,
  short ? 0 : 1,
);
