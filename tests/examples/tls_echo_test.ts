import { strictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import { end, portOf, startExample } from "./_example.ts";

const openssl = new Program("openssl", "openssl");

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  testWith(
    [openssl],
    `tls_echo.ts echoes lines over TLS and ends on ${signal}`,
    async () => {
      await using child = startExample("tls_echo", { 1234: 0 }, [0]);
      const port = await portOf(child);
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
