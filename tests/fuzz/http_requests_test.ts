import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzChunks, fuzzRequests } from "./http_requests_fuzz.ts";

for (const seed of SEEDS) {
  Deno.test(`damaged HTTP requests are taken or refused, seed ${seed}`, () =>
    fuzzRequests(seed, ROUNDS));

  Deno.test(`damaged chunked bodies are taken or refused, seed ${seed}`, () =>
    fuzzChunks(seed, ROUNDS));
}
