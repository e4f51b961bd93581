import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzMessageValues } from "./message_values_fuzz.ts";

for (const seed of SEEDS) {
  Deno.test(`messages arrive as they were sent, and forged ones are refused (seed ${seed})`, async () => {
    await fuzzMessageValues(seed, 3 * ROUNDS);
  });
}
