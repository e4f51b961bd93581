import { patiently, repeatUntil } from "../_patience.ts";
import { deepStrictEqual, match, strictEqual } from "node:assert";
import { createConnection } from "node:net";
import { once } from "node:events";
import { type Child, Program, testWith } from "../_program.ts";
import { ask, hasIPv6, LOOPBACK } from "../_loopback.ts";
import { commandOf, end, portOf, startExample } from "./_example.ts";

const nc = new Program("nc.openbsd", "netcat-openbsd");
const python = new Program("python3", "python3");

const GREETING = "Thank you for connecting\n";

/** Runs the main job on a free port. */
function start(...args: string[]): Child {
  return startExample("start", {}, ["--port", "0", ...args]);
}

/** Connects and reads the greeting. */
async function greeted(port: number): Promise<Deno.TcpConn> {
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  strictEqual(await read(client), GREETING);
  return client;
}

async function read(client: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(1000);
  const n = await client.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, n ?? 0));
}

async function talk(client: Deno.Conn, line: string): Promise<string> {
  await client.write(new TextEncoder().encode(line));
  return await read(client);
}

/** Whether a client that comes now is not served. */
async function isTurnedAway(port: number): Promise<boolean> {
  try {
    using client = await Deno.connect({ hostname: "127.0.0.1", port });
    // It came while the socket was being closed, and is cut off.
    return await read(client) === "";
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused ||
      error instanceof Deno.errors.ConnectionReset;
  }
}

async function untilTurnedAway(port: number): Promise<void> {
  while (!await isTurnedAway(port));
}

Deno.test("deno task start runs start.ts by the command on its first line", async () => {
  const config = JSON.parse(
    await Deno.readTextFile(`${import.meta.dirname}/../../deno.json`),
  );
  const { flags, args } = commandOf("start");
  strictEqual(
    config.tasks.start,
    ["deno", "run", ...flags, "examples/start.ts", ...args].join(" "),
  );
});

Deno.test("start.ts says in two lines what runs and how to talk to it", async () => {
  await using child = start();
  const [said, port] = await child.until(
    /^Listening on 127\.0\.0\.1:(\d+), echoing lines\nTalk to it: nc 127\.0\.0\.1 \d+\n/,
  );
  strictEqual(said.includes(`nc 127.0.0.1 ${port}\n`), true);
  strictEqual((await end(child)).code, 0);
});

Deno.test("start.ts greets, echoes lines and logs who comes and goes", async () => {
  await using child = start();
  const port = await portOf(child);
  const client = await greeted(port);
  const own = `127.0.0.1:${client.localAddr.port}`;
  await child.until(`Got connection from ${own}\n`);
  strictEqual(await talk(client, "hello\r\n"), "hello\n");
  client.close();
  await child.until(`${own} left\n`);
  const { code, stderr } = await end(child);
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
});

Deno.test("start.ts answers a last line without ending, and many clients at once", async () => {
  await using child = start();
  const port = await portOf(child);
  const answers = await Promise.all(
    Array.from(
      { length: 100 },
      (_, i) => ask({ hostname: "127.0.0.1", port }, `${i}\nand on`),
    ),
  );
  deepStrictEqual(
    answers,
    Array.from({ length: 100 }, (_, i) => `${GREETING}${i}\nand on\n`),
  );
  strictEqual((await end(child)).code, 0);
});

Deno.test("start.ts refuses a line of a megabyte in words, and goes on", async () => {
  await using child = start();
  const address = { hostname: "127.0.0.1", port: await portOf(child) };
  strictEqual(
    await ask(address, "x".repeat(1_000_000)),
    `${GREETING}A line has at most 65536 bytes\n`,
  );
  strictEqual(await ask(address, "next\n"), `${GREETING}next\n`);
  const { code, stderr } = await end(child);
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
});

Deno.test("start.ts tells a reset in one line, and goes on", async () => {
  await using child = start();
  const port = await portOf(child);
  const client = createConnection(port, "127.0.0.1");
  await once(client, "data");
  const own = `127.0.0.1:${(client.address() as { port: number }).port}`;
  client.resetAndDestroy();
  await once(client, "close");
  await child.until(`${own} left\n`);
  strictEqual(
    await ask({ hostname: "127.0.0.1", port }, "next\n"),
    `${GREETING}next\n`,
  );
  const { code, stderr } = await end(child);
  strictEqual(code, 0);
  match(stderr, /^Error while serving \S+: ConnectionReset: [^\n]+\n$/);
  strictEqual(stderr.includes(own), true);
});

testWith([nc], "start.ts talks to nc", async () => {
  await using child = start();
  await using client = nc.start("-N", "127.0.0.1", `${await portOf(child)}`);
  await client.until(GREETING);
  await client.send("one\n");
  await client.until("one\n");
  await client.send("two\n");
  await client.until("two\n");
  strictEqual((await client.output()).code, 0);
  strictEqual((await end(child)).code, 0);
});

testWith([python], "start.ts talks to a client of CPython", async () => {
  await using child = start();
  await python.run(
    [
      "-I",
      "-c",
      `
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 40)
assert s.recv(1024) == b"Thank you for connecting\\n"
for _ in range(3):
    s.send(b"hello\\n")
    assert s.recv(1024) == b"hello\\n"
`,
      `${await portOf(child)}`,
    ],
  );
  const { code, stderr } = await end(child);
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`start.ts lets those connected finish on ${signal}`, async () => {
    await using child = start();
    const port = await portOf(child);
    const client = await greeted(port);
    strictEqual(await talk(client, "before\n"), "before\n");
    child.kill(signal);
    await child.until(
      "Ending: those connected have 5 s to finish; a second signal ends at once\n",
    );
    // Those who come while the queue is emptied are let in.
    await patiently(untilTurnedAway(port), () => "the end of accepting");
    strictEqual(await talk(client, "after\n"), "after\n");
    client.close();
    const { code, stdout, stderr } = await child.output();
    deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
    match(new TextDecoder().decode(stdout), / left\nEnded\n$/);
  });
}

Deno.test("start.ts ends though a client stays for longer than it may", async () => {
  await using child = start();
  const client = await greeted(await portOf(child));
  const started = performance.now();
  const { code, stdout, stderr } = await end(child);
  strictEqual(performance.now() - started > 4_900, true);
  strictEqual(code, 0);
  match(new TextDecoder().decode(stdout), /Ended\n$/);
  match(stderr, /^Error while serving \S+: AbortError: [^\n]+ 5000 ms\n$/);
  client.close();
});

for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`start.ts ends at once on a second signal, ${signal}`, async () => {
    await using child = start();
    const client = await greeted(await portOf(child));
    child.kill("SIGINT");
    await child.until("Ending");
    const { code } = await repeatUntil(child.output(), () => {
      try {
        child.kill(signal);
      } catch {
        // It has ended, and its output has not been read to the end yet.
      }
    });
    strictEqual(code, expected);
    client.close();
  });
}

Deno.test("start.ts refuses bad arguments with a line that says why and its usage", async () => {
  const refused: Record<string, RegExp> = {
    "--port 65536": /^--port must be from 0 to 65535, received "65536"\n/,
    "--port 99999": /^--port must be from 0 to 65535, received "99999"\n/,
    "--port=-1": /^--port must be from 0 to 65535, received "-1"\n/,
    "--port 1e3": /^--port must be from 0 to 65535, received "1e3"\n/,
    "--port=": /^--port must be from 0 to 65535, received ""\n/,
    "--port": /^Option '--port <value>' argument missing\n/,
    "--hostname=": /^--hostname must not be empty\n/,
    "--listen": /^Unknown option '--listen'/,
    "1234": /^Unexpected argument '1234'/,
  };
  for (const [args, why] of Object.entries(refused)) {
    await using child = startExample("start", {}, args.split(" "));
    const { code, stdout, stderr } = await child.output();
    strictEqual(code, 2, args);
    match(stderr, why);
    match(
      stderr,
      /\nUsage: deno task start \[--port N\] \[--hostname H\] \[--threads \| --processes\]\n/,
    );
    strictEqual(stdout.length, 0);
  }
});

Deno.test("start.ts --help and -h print the usage", async () => {
  for (const flag of ["--help", "-h"]) {
    await using child = startExample("start", {}, [flag]);
    const { code, stdout, stderr } = await child.output();
    deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
    match(new TextDecoder().decode(stdout), /^Usage: deno task start/);
  }
});

Deno.test("start.ts says in one line that its port is in use", async () => {
  using listener = Deno.listen(LOOPBACK);
  const { port } = listener.addr;
  await using child = startExample("start", {}, ["--port", port]);
  const { code, stderr } = await child.output();
  match(stderr, /^[^\n]+ choose another port[^\n]+\n$/);
  strictEqual(stderr.startsWith(`Cannot listen on 127.0.0.1:${port}: `), true);
  strictEqual(code, 1);
});

Deno.test("start.ts says in one line that its host name does not resolve", async () => {
  await using child = start("--hostname", "no.such.host.invalid");
  const { code, stderr } = await child.output();
  match(
    stderr,
    /^Cannot listen on no\.such\.host\.invalid:0: failed to lookup [^\n]+\n$/,
  );
  strictEqual(code, 1);
});

Deno.test("start.ts --hostname listens elsewhere", async () => {
  await using child = start("--hostname", "localhost");
  const port = await portOf(child);
  strictEqual(await ask({ hostname: "localhost", port }), GREETING);
  strictEqual((await end(child)).code, 0);
});

Deno.test({
  name: "start.ts --hostname takes an IPv6 address",
  ignore: !hasIPv6(),
  async fn() {
    await using child = start("--hostname", "::1");
    const [, port] = await child.until(/^Listening on \[::1\]:(\d+),/);
    await child.until(`Talk to it: nc ::1 ${port}\n`);
    strictEqual(
      await ask({ hostname: "::1", port: Number(port) }, "six\n"),
      `${GREETING}six\n`,
    );
    await child.until(/Got connection from \[::1\]:\d+\n/);
    strictEqual((await end(child)).code, 0);
  },
});

Deno.test("start.ts --threads does the same in threads", async () => {
  await using child = start("--threads");
  await child.until(/^Listening on \S+:\d+, echoing lines in threads\n/);
  const [, port] = await child.until(/nc 127\.0\.0\.1 (\d+)\n/);
  const address = { hostname: "127.0.0.1", port: Number(port) };
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ask(address, `${i}\n`)),
  );
  deepStrictEqual(
    answers,
    Array.from({ length: 20 }, (_, i) => `${GREETING}${i}\n`),
  );
  await child.until(/Got connection from 127\.0\.0\.1:\d+\n/);
  const { code, stderr } = await end(child);
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
});

Deno.test("start.ts --processes does the same in processes", async () => {
  await using child = start("--processes");
  await child.until(/^Listening on \S+:\d+, echoing lines in processes\n/);
  const [, port] = await child.until(/nc 127\.0\.0\.1 (\d+)\n/);
  const address = { hostname: "127.0.0.1", port: Number(port) };
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ask(address, `${i}\n`)),
  );
  deepStrictEqual(
    answers,
    Array.from({ length: 20 }, (_, i) => `${GREETING}${i}\n`),
  );
  const { code, stderr } = await end(child);
  strictEqual(code, 0);
  // What handlers print in a process goes to stderr.
  match(stderr, /Got connection from 127\.0\.0\.1:\d+\n/);
});
