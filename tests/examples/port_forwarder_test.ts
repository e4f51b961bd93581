import { deepStrictEqual, match, strictEqual } from "node:assert";
import { createHash } from "node:crypto";
import { serveForTest } from "../../server/testing/mod.ts";
import type { Child } from "../_program.ts";
import { ask, LOOPBACK, readAll, refuses } from "../_loopback.ts";
import { end, portOf, startExample } from "./_example.ts";

const at = (port: number) => ({ hostname: "127.0.0.1", port });

/** Starts the forwarder in front of a port of this machine. */
function forwardTo(port: number): Child {
  return startExample("port_forwarder", { 1234: 0, 8080: port });
}

Deno.test("port_forwarder.ts passes on what either side sends, and its end", async () => {
  await using target = await serveForTest(
    async ({ rfile, wfile }) => {
      // Answers only when it has seen the end.
      const lines = await Array.fromAsync(rfile);
      await wfile.write(lines.join("+"));
    },
  );
  await using child = forwardTo(target.addr.port);
  const port = await portOf(child);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ask(at(port), `${i}\n1\n`)),
  );
  deepStrictEqual(answers, Array.from({ length: 20 }, (_, i) => `${i}+1`));
  const { code, stderr } = await end(child, "SIGTERM");
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
});

Deno.test("port_forwarder.ts passes on the end of a target that still listens", async () => {
  const { promise: rest, resolve } = Promise.withResolvers<string>();
  await using target = await serveForTest(
    async ({ rfile, wfile }) => {
      await wfile.write("my last words");
      await wfile.closeWrite();
      resolve(new TextDecoder().decode(await rfile.readAll()));
    },
  );
  await using child = forwardTo(target.addr.port);
  const client = await Deno.connect(at(await portOf(child)));
  strictEqual(await readWithoutClosing(client), "my last words");
  await client.write(new TextEncoder().encode("after your end"));
  await client.closeWrite();
  strictEqual(await rest, "after your end");
  client.close();
  strictEqual((await end(child)).code, 0);
});

Deno.test("port_forwarder.ts passes on 8 MiB each way unchanged", async () => {
  await using target = await serveForTest(
    async ({ rfile, wfile }) => {
      for await (const chunk of rfile.readable) await wfile.write(chunk);
    },
  );
  await using child = forwardTo(target.addr.port);
  const client = await Deno.connect(at(await portOf(child)));
  const data = new Uint8Array(8 * 1024 * 1024).map((_, i) => i ^ (i >> 9));
  const [answer] = await Promise.all([
    new Response(client.readable).bytes(),
    (async () => {
      await client.writable.getWriter().write(data);
      await client.closeWrite();
    })(),
  ]);
  const sha256 = (bytes: Uint8Array) =>
    createHash("sha256").update(bytes).digest("hex");
  strictEqual(sha256(answer), sha256(data));
  strictEqual((await end(child)).code, 0);
});

Deno.test("port_forwarder.ts says so when nothing answers, and goes on", async () => {
  const listener = Deno.listen(LOOPBACK);
  const { port: dead } = listener.addr;
  listener.close();
  await refuses(listener.addr);
  await using child = forwardTo(dead);
  const port = await portOf(child);
  for (let i = 0; i < 2; i++) {
    const client = await Deno.connect(at(port));
    const { port: own } = client.localAddr;
    strictEqual(await readAll(client), "");
    await child.untilStderr(
      new RegExp(`^Gave up on 127\\.0\\.0\\.1:${own}: ConnectionRefused.*\n`),
    );
  }
  strictEqual((await end(child)).code, 0);
});

Deno.test("port_forwarder.ts tells its target whose a connection is", async () => {
  await using target = await serveForTest(
    async ({ clientAddress, proxy, rfile, wfile }) => {
      const sent = new TextDecoder().decode(await rfile.readAll());
      const { destination } = proxy!;
      await wfile.write(JSON.stringify({ clientAddress, destination, sent }));
    },
    { options: { proxyProtocol: { mode: "require", trust: ["127.0.0.1"] } } },
  );
  const { port } = target.addr;
  await using child = startExample("port_forwarder", { 1234: 0, 8080: port }, [
    ...[0, `127.0.0.1:${port}`, "proxy"],
  ]);
  const front = at(await portOf(child));
  const client = await Deno.connect(front);
  const { localAddr } = client;
  await client.write(new TextEncoder().encode("hello"));
  await client.closeWrite();
  deepStrictEqual(JSON.parse(await readAll(client)), {
    clientAddress: { ...localAddr },
    destination: { ...front, transport: "tcp" },
    sent: "hello",
  });
  strictEqual((await end(child)).code, 0);
});

Deno.test("port_forwarder.ts refuses a target that is none", async () => {
  await using child = startExample(
    "port_forwarder",
    { 1234: 0 },
    [0, "no port here"],
  );
  const { code, stderr } = await child.output();
  strictEqual(code, 1);
  match(stderr, /Cannot forward to "no port here": give it as HOST:PORT/);
});

async function readWithoutClosing(client: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(1000);
  for (let n; (n = await client.read(buffer)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, n));
  }
  return text;
}
