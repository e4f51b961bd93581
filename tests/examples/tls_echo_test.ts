import { deepStrictEqual, strictEqual } from "node:assert";
import { Folder, Program, testWith } from "../_program.ts";
import { end, portOf, startExample } from "./_example.ts";

const openssl = new Program("openssl", "openssl");

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  testWith(
    [openssl],
    `tls_echo.ts echoes lines over TLS, leaves no key behind and ends on ${signal}`,
    async () => {
      await using folder = new Folder();
      await using child = startExample(
        "tls_echo",
        { "=/tmp": `=${folder.path}`, 1234: 0 },
        [0],
        { TMPDIR: folder.path },
      );
      const port = await portOf(child);
      deepStrictEqual([...Deno.readDirSync(folder.path)], []);
      await using client = openssl.start(
        ...["s_client", "-quiet", "-connect", `127.0.0.1:${port}`],
      );
      await client.send("one\n");
      await client.until("one\n");
      await client.send("two\n");
      await client.until("two\n");
      client.kill("SIGTERM");
      await client.output();
      strictEqual((await end(child, signal)).code, 0);
    },
  );
}
