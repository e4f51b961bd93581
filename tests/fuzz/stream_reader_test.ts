import { ok } from "node:assert";
import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzStreamReader } from "./stream_reader_fuzz.ts";

for (const seed of SEEDS) {
  Deno.test(`reads of any kind give what has come, whatever ends or interrupts them (seed ${seed})`, async () => {
    ok(await fuzzStreamReader(seed, ROUNDS) > 0, "no read was interrupted");
  });
}
