import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzLargeCalls } from "./xmlrpc_large_fuzz.ts";
import { fuzzCompressed, fuzzDocuments, fuzzValues } from "./xmlrpc_fuzz.ts";

for (const seed of SEEDS) {
  Deno.test(`values of XML-RPC are read as they were written, seed ${seed}`, () =>
    fuzzValues(seed, ROUNDS));

  Deno.test(`damaged XML-RPC documents are read or refused, seed ${seed}`, () =>
    fuzzDocuments(seed, ROUNDS));

  Deno.test(`damaged compressed calls are read or refused, seed ${seed}`, () =>
    fuzzCompressed(seed, ROUNDS));

  Deno.test(`no call of the full size keeps the event loop for long, seed ${seed}`, () =>
    fuzzLargeCalls(seed, Math.ceil(ROUNDS / 50)));
}
