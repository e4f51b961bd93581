import { ok } from "node:assert";
import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzFrames, fuzzRings } from "./frames_fuzz.ts";

for (const seed of SEEDS) {
  Deno.test(`frames from the far side are taken or refused, whatever they are (seed ${seed})`, async () => {
    const refusals = await fuzzFrames(seed, ROUNDS);
    ok(refusals > ROUNDS / 10, `${refusals} of ${ROUNDS} were refused`);
    ok(refusals < ROUNDS, `${refusals} of ${ROUNDS} were refused`);
  });

  Deno.test(`a carrier fails or goes on, whatever stands in its memory (seed ${seed})`, async () => {
    const rounds = Math.ceil(ROUNDS / 10);
    const failures = await fuzzRings(seed, rounds);
    ok(failures > 0, `${failures} of ${rounds} failed`);
  });
}
