import { strictEqual } from "node:assert";
import { createHash } from "node:crypto";
import { ask } from "../_loopback.ts";
import { end, portOf, startExample } from "./_example.ts";

/** The hash that the service gives for a line. */
function hashOf(line: string): string {
  let hash: string | Uint8Array = line;
  for (let i = 0; i < 1_000; i++) {
    hash = new Uint8Array(createHash("sha256").update(hash).digest());
  }
  return (hash as Uint8Array).toHex();
}

Deno.test("hash_service.ts answers each line with its hash, with what its command permits", async () => {
  await using child = startExample("hash_service", { 1234: 0 }, [0]);
  const port = await portOf(child);
  const answers = await Promise.all(
    ["a", "b", "c"].map((line) =>
      ask({ hostname: "127.0.0.1", port }, `${line}\n${line}${line}\n`)
    ),
  );
  for (const [i, line] of ["a", "b", "c"].entries()) {
    strictEqual(answers[i], `${hashOf(line)}\n${hashOf(line + line)}\n`);
  }
  const { code, stderr } = await end(child);
  strictEqual(stderr, "");
  strictEqual(code, 0);
});
