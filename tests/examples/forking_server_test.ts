import { deepStrictEqual, strictEqual } from "node:assert";
import { readAll } from "../_loopback.ts";
import { end, portOf, startExample } from "./_example.ts";

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`forking_server.ts says who connected, thanks, and ends on ${signal}`, async () => {
    await using child = startExample("forking_server", { 1234: 0 }, [0]);
    const port = await portOf(child);
    for (let i = 0; i < 3; i++) {
      const client = await Deno.connect({ hostname: "127.0.0.1", port });
      const { port: own } = client.localAddr;
      strictEqual(await readAll(client), "Thank you for connecting");
      await child.untilStderr(`Got connection from 127.0.0.1:${own}\n`);
    }
    const { code, stdout } = await end(child, signal);
    deepStrictEqual(
      { code, stdout: new TextDecoder().decode(stdout) },
      { code: 0, stdout: `Listening on 127.0.0.1:${port}\n` },
    );
  });
}
