import { fuzzScriptOutput } from "./cgi_fuzz.ts";
import { ROUNDS, SEEDS } from "./_fuzzing.ts";

for (const seed of SEEDS) {
  Deno.test(`what CGI scripts print is a header or refused, seed ${seed}`, () =>
    fuzzScriptOutput(seed, ROUNDS));
}
