import { ok, strictEqual } from "node:assert";
import { StreamReader } from "../../mod.ts";
import { patiently } from "../_patience.ts";
import { portOf, startExample } from "./_example.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("line_server_asyncchat.ts tells everybody what anybody says, until bye", async () => {
  await using child = startExample("line_server_asyncchat", {}, [0]);
  const port = await portOf(child);
  const clients = [];
  for (let i = 0; i < 3; i++) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const reader = new StreamReader(conn);
    strictEqual(await reader.readLine(), "Say something");
    clients.push({ conn, reader });
  }
  const [one, two] = clients;
  await one!.conn.write(encode("first li"));
  await two!.conn.write(encode("hello\n"));
  for (const { reader } of clients) {
    strictEqual(await reader.readLine(), "hello");
  }
  await one!.conn.write(encode("ne\nbye\n"));
  for (const { reader } of clients) {
    strictEqual(await reader.readLine(), "first line");
  }
  strictEqual(await one!.reader.readLine(), null);
  await two!.conn.write(encode("x".repeat(20_000)));
  // Too long a line ends it, by a reset perhaps.
  const ended = await two!.reader.readLine().catch((error) => error);
  ok(ended === null || ended instanceof Deno.errors.ConnectionReset);
  for (const { conn } of clients) conn.close();
});

Deno.test("line_server_asyncchat.ts ends at once on SIGINT", async () => {
  await using child = startExample("line_server_asyncchat", {}, [0]);
  const port = await portOf(child);
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const reader = new StreamReader(conn);
  // Once it serves it hears signals too.
  strictEqual(await reader.readLine(), "Say something");
  child.kill("SIGINT");
  const { code } = await patiently(child.output(), () => "its end");
  strictEqual(code, 0);
  strictEqual(await reader.readLine(), null);
});
