import { ok } from "node:assert";
import { decode } from "./_sockets.ts";

/** `_fuzz.ts` by itself makes a million. */
const CALLS = 200_000;

for (const seed of [1, Date.now() >>> 0]) {
  Deno.test(`${CALLS / 2} random calls end in results and errors, seed ${seed}`, async () => {
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: [
          ...["run", "-A", "--no-check"],
          new URL("_fuzz.ts", import.meta.url).pathname,
          ...[String(CALLS / 2), String(seed)],
        ],
        env: { NO_COLOR: "1" },
      },
    ).output();
    ok(success, decode(stdout) + decode(stderr));
  });
}
