import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzPreconditions, fuzzRanges, fuzzTargets } from "./files_fuzz.ts";

for (const seed of SEEDS) {
  Deno.test(`of a file, the ranges are sent that are asked for, seed ${seed}`, () =>
    fuzzRanges(seed, ROUNDS));

  Deno.test(`conditions of requests are answered as the RFC says, seed ${seed}`, () =>
    fuzzPreconditions(seed, ROUNDS));

  Deno.test(`no target leads out of the root, seed ${seed}`, () =>
    fuzzTargets(seed, ROUNDS));
}
