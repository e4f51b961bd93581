import { strictEqual } from "node:assert";
import { ask } from "../_loopback.ts";
import { end, portOf, startExample } from "./_example.ts";

Deno.test("threading_server.ts thanks its clients in threads, with what its command permits", async () => {
  await using child = startExample("threading_server", { 1234: 0 }, [0]);
  const port = await portOf(child);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => ask({ hostname: "127.0.0.1", port })),
  );
  for (const answer of answers) {
    strictEqual(answer, "Thank you for connecting");
  }
  await child.until(/Got connection from 127\.0\.0\.1:\d+\n/);
  const { code, stderr } = await end(child);
  strictEqual(stderr, "");
  strictEqual(code, 0);
});
