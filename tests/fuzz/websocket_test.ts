import { ROUNDS, SEEDS } from "./_fuzzing.ts";
import { fuzzDeflate, fuzzFrames, fuzzSockets } from "./websocket_fuzz.ts";

for (const seed of SEEDS) {
  Deno.test(`damaged WebSocket frames are the same however they are cut, seed ${seed}`, () =>
    fuzzFrames(seed, ROUNDS));

  Deno.test(`WebSockets end, whatever comes, seed ${seed}`, () =>
    fuzzSockets(seed, ROUNDS));

  Deno.test(`damaged compressed messages are inflated or refused, seed ${seed}`, () =>
    fuzzDeflate(seed, ROUNDS));
}
