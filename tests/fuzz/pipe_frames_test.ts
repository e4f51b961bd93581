import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzPipeFrames } from "./pipe_frames_fuzz.ts";

for (const seed of SEEDS) {
  Deno.test(`what a child writes to its pipe costs the server no more than it may (seed ${seed})`, async () => {
    await fuzzPipeFrames(seed, ROUNDS);
  });
}
