import { deepStrictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import { end, portOf, startExample } from "./_example.ts";

const python = new Program("python3", "python3");
const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("select_server.ts prints what each client sends and who disconnects", async () => {
  await using child = startExample("select_server", {}, [0]);
  const port = await portOf(child);
  const clients = [];
  for (let i = 0; i < 3; i++) {
    const client = await Deno.connect({ hostname: "127.0.0.1", port });
    const own = (client.localAddr as Deno.NetAddr).port;
    await child.until(`Got connection from 127.0.0.1:${own}\n`);
    clients.push({ client, own });
  }
  for (const [i, { client }] of clients.entries()) {
    await client.write(encode(`hello from ${i}\n`));
    await child.until(`hello from ${i}\n`);
  }
  const [first, ...rest] = clients;
  first!.client.close();
  await child.until(`127.0.0.1:${first!.own} disconnected\n`);
  for (const { client } of rest) client.close();
  for (const _ of rest) await child.until(/127\.0\.0\.1:\d+ disconnected\n/);
  const { code, stderr } = await end(child);
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
});

testWith(
  [python],
  "select_server.ts outlives a client of CPython's socket that breaks off",
  async () => {
    await using child = startExample("select_server", {}, [0]);
    const port = await portOf(child);
    await python.run([
      "-c",
      `import socket, struct, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
s.send(b"hello\\n")
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()`,
      String(port),
    ]);
    await child.until("disconnected\n");
    using client = await Deno.connect({ hostname: "127.0.0.1", port });
    await client.write(encode("still there\n"));
    await child.until("still there\n");
    deepStrictEqual((await end(child, "SIGTERM")).code, 0);
  },
);
