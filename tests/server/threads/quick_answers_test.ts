import { strictEqual } from "node:assert";
import { QuickAnswers } from "../../../server/_threads/quick_answers.ts";

const side = {};

/** Sends messages until an answer is expected, and says how many those were. */
function sendUntilExpected(answers: QuickAnswers, channel: number): number {
  for (let sent = 1; sent <= 5_000; sent++) {
    answers.sent(side, channel);
    if (answers.expected) return sent;
  }
  return Infinity;
}

Deno.test("a quick answer is expected where one request alone sends", () => {
  const answers = new QuickAnswers();
  strictEqual(answers.expected, false);
  strictEqual(sendUntilExpected(answers, 1), 5);
  for (let i = 0; i < 100; i++) {
    answers.looked(true);
    answers.sent(side, 1);
    strictEqual(answers.expected, true);
  }
  answers.sent(side, 2);
  strictEqual(answers.expected, false);
  strictEqual(sendUntilExpected(answers, 1), 5);
});

Deno.test("no quick answer is expected where two requests take turns", () => {
  const answers = new QuickAnswers();
  for (let i = 0; i < 100; i++) {
    answers.sent(side, i % 2);
    strictEqual(answers.expected, false);
  }
});

Deno.test("no quick answer is expected where requests of two threads take turns", () => {
  const answers = new QuickAnswers();
  const sides = [{}, {}];
  for (let i = 0; i < 100; i++) {
    answers.sent(sides[i % 2]!, 1);
    strictEqual(answers.expected, false);
  }
});

Deno.test("looks in vain get rarer and rarer, until one is not", () => {
  const answers = new QuickAnswers();
  sendUntilExpected(answers, 1);
  const pauses = Array.from({ length: 13 }, () => {
    answers.looked(false);
    return sendUntilExpected(answers, 1);
  });
  strictEqual(
    pauses.join(" "),
    "2 4 8 16 32 64 128 256 512 1024 1024 1024 1024",
  );
  answers.looked(true);
  strictEqual(sendUntilExpected(answers, 1), 1);
  answers.looked(false);
  strictEqual(sendUntilExpected(answers, 1), 2);
});
