import { ok } from "node:assert";
import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzProxyHeaders } from "./proxy_headers_fuzz.ts";

for (const seed of SEEDS) {
  Deno.test(`a PROXY header is read or refused, however it is damaged (seed ${seed})`, async () => {
    const { read, refused } = await fuzzProxyHeaders(seed, ROUNDS);
    ok(read > ROUNDS / 20, `${read} of ${ROUNDS} were read`);
    ok(refused > ROUNDS / 20, `${refused} of ${ROUNDS} were refused`);
  });
}
