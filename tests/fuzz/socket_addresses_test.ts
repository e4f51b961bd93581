import { ok } from "node:assert";
import "../poll/_open_libc.ts";
import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzAddresses } from "./socket_addresses_fuzz.ts";

for (const seed of SEEDS) {
  Deno.test(`a socket's address ends where the kernel says (seed ${seed})`, async () => {
    const named = await fuzzAddresses(seed, ROUNDS);
    ok(named > ROUNDS / 10, `${named} of ${ROUNDS} had a name`);
  });
}
