import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { serveForTest } from "../../server/testing/mod.ts";
import { Program, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { startExample } from "./_example.ts";

const python = new Program("python3", "python3");

Deno.test("tcp_client.ts prints the greeting, then says hello once a second", async () => {
  const arrivals: number[] = [];
  await using served = await serveForTest(
    async ({ rfile, wfile }) => {
      await wfile.write("Thank you for connecting\n");
      for await (const line of rfile) {
        arrivals.push(performance.now());
        await wfile.write(`${line} to you\n`);
        if (arrivals.length === 3) return;
      }
    },
  );
  const { port } = served.addr;
  await using child = startExample("tcp_client", { 1234: port }, [port]);
  await child.until("Thank you for connecting\nhello to you\n");
  const { code, stdout, stderr } = await child.output();
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
  strictEqual(
    new TextDecoder().decode(stdout),
    "Thank you for connecting\n" + "hello to you\n".repeat(3) +
      "The connection has ended\n",
  );
  const [first, second, third] = arrivals;
  // A timer may fire a millisecond early; none of them fires much too early.
  ok(second! - first! > 950 && third! - second! > 950, `${arrivals}`);
});

Deno.test("tcp_client.ts says hello as often as it is told and ends its side", async () => {
  const lines: string[] = [];
  await using served = await serveForTest(
    async ({ rfile, wfile }) => {
      await wfile.write("welcome");
      for await (const line of rfile) lines.push(line);
      await wfile.write("goodbye");
    },
  );
  const { port } = served.addr;
  await using child = startExample("tcp_client", { 1234: port }, [port, 5, 1]);
  const { code, stdout, stderr } = await child.output();
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
  deepStrictEqual(lines, Array(5).fill("hello"));
  strictEqual(
    new TextDecoder().decode(stdout),
    "welcome\ngoodbye\nThe connection has ended\n",
  );
});

Deno.test("tcp_client.ts says so when nothing listens", async () => {
  const listener = Deno.listen(LOOPBACK);
  const { port } = listener.addr;
  listener.close();
  await using child = startExample("tcp_client", { 1234: port }, [port]);
  const { code, stderr } = await child.output();
  strictEqual(stderr, `Nothing listens on 127.0.0.1:${port}\n`);
  strictEqual(code, 1);
});

testWith([python], "tcp_client.ts talks to a server of CPython", async () => {
  await using peer = python.start(
    "-I",
    "-c",
    `
import socket
s = socket.create_server(("127.0.0.1", 0))
s.settimeout(40)
print(s.getsockname()[1], flush=True)
c, addr = s.accept()
c.settimeout(40)
print("Got connection from", addr, flush=True)
c.sendall(b"Thank you for connecting")
with c.makefile("r") as lines:
    for line in lines:
        print("it says", line, end="")
`,
  );
  const [port] = await peer.until(/^\d+/);
  await using child = startExample(
    "tcp_client",
    { 1234: port },
    [port, 2, 10],
  );
  const { code, stdout } = await child.output();
  strictEqual(code, 0);
  strictEqual(
    new TextDecoder().decode(stdout),
    "Thank you for connecting\nThe connection has ended\n",
  );
  await peer.until("Got connection from");
  await peer.until("it says hello\nit says hello\n");
  strictEqual((await peer.output()).code, 0);
});
