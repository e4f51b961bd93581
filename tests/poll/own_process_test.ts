import { ok } from "node:assert";
import { decode } from "./_sockets.ts";

Deno.test("descriptor numbers, in a process of its own", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-A", "--no-check"],
      "--v8-flags=--expose-gc",
      new URL("_own_process.ts", import.meta.url).pathname,
    ],
    // Soon after the start Deno looks for a newer one, by a socket.
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  ok(success, decode(stdout) + decode(stderr));
});
