import { ok } from "node:assert";
import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzProxyHeaders, parseDamagedHeaders } from "./proxy_headers_fuzz.ts";

/** How many headers are parsed. */
const MANY = 1_000_000;

for (const seed of SEEDS) {
  Deno.test(`a PROXY header is read or refused, however it is damaged (seed ${seed})`, async () => {
    const { read, refused } = await fuzzProxyHeaders(seed, ROUNDS);
    ok(read > ROUNDS / 20, `${read} of ${ROUNDS} were read`);
    ok(refused > ROUNDS / 20, `${refused} of ${ROUNDS} were refused`);
  });
}

Deno.test("a million damaged PROXY headers are read or refused, and nothing else", () => {
  const { read, refused } = parseDamagedHeaders(1, MANY);
  ok(read > MANY / 20, `${read} were read`);
  ok(refused > MANY / 20, `${refused} were refused`);
});
