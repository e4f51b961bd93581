import { ok } from "node:assert";
import { fuzzControl } from "./control_messages_fuzz.ts";
import { ROUNDS, SEEDS } from "./_fuzzing.ts";

for (const seed of SEEDS) {
  Deno.test(`control messages end where the kernel says (seed ${seed})`, async () => {
    const found = await fuzzControl(seed, ROUNDS);
    ok(found > ROUNDS / 10, `${found} messages in ${ROUNDS} rounds`);
  });
}
