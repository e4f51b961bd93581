import { strictEqual } from "node:assert";
import { ask } from "../_loopback.ts";
import { end, portOf, startExample } from "./_example.ts";

Deno.test("prime_server.ts counts primes, and its threads let others go on", async () => {
  await using child = startExample("prime_server", { 1234: 0, 1235: 0 }, [
    0,
    0,
  ]);
  const hostname = "127.0.0.1";
  const plain = { hostname, port: await portOf(child) };
  const threads = { hostname, port: await portOf(child) };
  for (const server of [plain, threads]) {
    strictEqual(
      await ask(server, "100\n1.5\n60000000\n"),
      "25 primes below 100\n" +
        "send an integer from 0 to 50000000\n".repeat(2),
    );
  }
  // The second thread starts when the first is taken, so it is made to.
  await Promise.all([ask(threads, "1000000\n"), ask(threads, "1000000\n")]);

  let slowIsDone = false;
  const slow = ask(threads, "20000000\n").then((answer) => {
    slowIsDone = true;
    return answer;
  });
  let answered = 0;
  while (answered < 5) {
    strictEqual(await ask(threads, "10\n"), "4 primes below 10\n");
    answered++;
  }
  strictEqual(slowIsDone, false);
  strictEqual(await slow, "1270607 primes below 20000000\n");
  strictEqual((await end(child)).code, 0);
});
