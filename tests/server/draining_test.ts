// What the kernel has taken for the server before it shuts down is served.

import { deepStrictEqual, strictEqual } from "node:assert";
import { TCPServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { Child, Folder } from "../_program.ts";
import { ask, LOOPBACK, readAll } from "../_loopback.ts";

const PROGRAM = `${import.meta.dirname}/_queue_program.ts`;
const CLIENTS = 40;
const encode = (text: string) => new TextEncoder().encode(text);

/** Starts the program, and stops its process as a busy system would. */
async function stopped(kind: string, path: string) {
  const child = new Child(Deno.execPath(), [
    ...["run", "--quiet", "--allow-all", "--unstable-net", PROGRAM, kind, path],
  ]);
  const [, address] = await child.until(/ready at (.*)\n/);
  child.kill("SIGSTOP");
  return { child, address: JSON.parse(address!) };
}

for (
  const kind of [
    "tcp",
    "tcp, one at a time",
    "tcp, handleRequest()",
    "unix, handleRequest()",
    "threads, handleRequest()",
    "processes, handleRequest()",
    "unix",
    "threads",
    "threads, the main thread accepts",
    "processes",
  ]
) {
  Deno.test(`${CLIENTS} clients that wait in the queue at a shutdown are answered: ${kind}`, async () => {
    await using folder = new Folder();
    const { child, address } = await stopped(kind, folder.at("socket"));
    await using _ = child;
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, i) => {
        const client = await Deno.connect(address);
        await client.write(encode(`${i}\n`));
        return client;
      }),
    );
    child.kill("SIGTERM");
    child.kill("SIGCONT");
    const answers = await patiently(
      Promise.all(clients.map(readAll)),
      () => "all answers",
    );
    deepStrictEqual(answers, clients.map((_, i) => `answer to ${i}`));
    await child.until("served");
  });
}

for (
  const kind of [
    "udp",
    "unix datagrams",
    "udp, handleRequest()",
    "unix datagrams, handleRequest()",
  ]
) {
  Deno.test(`datagrams that wait in the queue at a shutdown are served: ${kind}`, async () => {
    await using folder = new Folder();
    const { child, address } = await stopped(kind, folder.at("socket"));
    await using _ = child;
    const client = kind.startsWith("udp")
      ? Deno.listenDatagram({ transport: "udp", ...LOOPBACK })
      : Deno.listenDatagram({
        transport: "unixpacket",
        path: folder.at("client"),
      });
    // As many as a queue of Unix datagrams takes without a wait.
    for (let i = 0; i < 8; i++) await client.send(encode(`${i}`), address);
    child.kill("SIGTERM");
    child.kill("SIGCONT");
    await child.until("served 8 datagrams");
    client.close();
  });
}

Deno.test("clients that go on coming do not keep a server from ending", async () => {
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, ({ wfile }) => wfile.write("x")),
  );
  let going = true;
  const flood = Array.from({ length: 8 }, async () => {
    // Those at the very end are reset or refused.
    while (going) await ask(served.addr).catch(() => {});
  });
  strictEqual(await ask(served.addr), "x");
  await patiently(
    served.server.shutdown({ gracePeriod: 500 }),
    () => "the end of the server",
  );
  going = false;
  await Promise.all(flood);
});

Deno.test("a client that was accepted ahead of handleRequest() is answered at a shutdown", async () => {
  const server = new TCPServer(
    LOOPBACK,
    async ({ rfile, wfile }) => {
      await wfile.write(`answer to ${await rfile.readLine()}`);
    },
    // Their clients keep their side open, and are let go soon.
    { timeout: 0, lingerTimeout: 50 },
  );
  const clients: Deno.Conn[] = [];
  // Nobody comes in time, and what is accepted then waits for the next call.
  await server.handleRequest();
  for (let i = 0; i < 3; i++) {
    const client = await Deno.connect(server.addr);
    await client.write(encode(`${i}\n`));
    clients.push(client);
  }
  await server.shutdown();
  deepStrictEqual(
    await Promise.all(clients.map(readAll)),
    clients.map((_, i) => `answer to ${i}`),
  );
});
