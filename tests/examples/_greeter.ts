import { deepStrictEqual, strictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import { readAll } from "../_loopback.ts";
import { end, portOf, startExample } from "./_example.ts";

const nc = new Program("nc.openbsd", "netcat-openbsd");

/** What the two servers that greet and close have in common. */
export function testGreeter(name: string): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.test(`${name}.ts says who connected, thanks, and ends on ${signal}`, async () => {
      await using child = startExample(name, { 1234: 0 }, [0]);
      const port = await portOf(child);
      for (let i = 0; i < 3; i++) {
        const client = await Deno.connect({ hostname: "127.0.0.1", port });
        const { port: own } = client.localAddr;
        strictEqual(await readAll(client), "Thank you for connecting");
        await child.until(`Got connection from 127.0.0.1:${own}\n`);
      }
      const { code, stderr } = await end(child, signal);
      deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
    });
  }

  testWith([nc], `${name}.ts thanks nc`, async () => {
    await using child = startExample(name, { 1234: 0 }, [0]);
    const port = await portOf(child);
    strictEqual(
      await nc.run(["127.0.0.1", `${port}`]),
      "Thank you for connecting",
    );
    strictEqual((await end(child)).code, 0);
  });
}
