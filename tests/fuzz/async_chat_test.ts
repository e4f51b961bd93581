import { ok } from "node:assert";
import "../poll/_open_libc.ts";
import { feedBeginnings, fuzzAsyncChat } from "./async_chat_fuzz.ts";
import { ROUNDS, SEEDS } from "./_fuzzing.ts";

for (const seed of SEEDS) {
  Deno.test(`messages of an AsyncChat are those of the bytes, however they are cut (seed ${seed})`, async () => {
    const messages = await fuzzAsyncChat(seed, ROUNDS);
    ok(messages > ROUNDS, `${messages} messages in ${ROUNDS} rounds`);
  });
}

Deno.test("beginnings of a long terminator, over and over, are looked at once", () => {
  feedBeginnings();
});
