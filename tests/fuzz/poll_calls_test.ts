import { ok } from "node:assert";
import { ROUNDS, SEEDS } from "./_fuzzing.ts";

/** Calls of a round: each takes a microsecond or few. */
const CALLS = 200;

for (const seed of SEEDS) {
  Deno.test(`random calls of poll/ end in results and errors (seed ${seed})`, async () => {
    // It compares the descriptors of its process, which must have no others.
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: [
          ...["run", "-A", "--no-check"],
          new URL("poll_calls_fuzz.ts", import.meta.url).pathname,
          ...[String(seed), String(ROUNDS * CALLS)],
        ],
        // Soon after the start Deno looks for a newer one, by a socket.
        env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      },
    ).output();
    const printed = new TextDecoder().decode(stdout) +
      new TextDecoder().decode(stderr);
    ok(success, printed);
    // Calls that succeed are what can do harm.
    ok(printed.includes('"ok"'), printed);
  });
}
