import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzCompressed, fuzzDocuments, fuzzValues } from "./xmlrpc_fuzz.ts";

for (const seed of SEEDS) {
  Deno.test(`values of XML-RPC are read as they were written, seed ${seed}`, () =>
    fuzzValues(seed, ROUNDS));

  Deno.test(`damaged XML-RPC documents are read or refused, seed ${seed}`, () =>
    fuzzDocuments(seed, ROUNDS));

  Deno.test(`damaged compressed calls are read or refused, seed ${seed}`, () =>
    fuzzCompressed(seed, ROUNDS));
}
