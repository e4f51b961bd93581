import { ok, strictEqual, throws } from "node:assert";
import { TCPServer, ThreadingTCPServer } from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { ask, hasIPv6, LOOPBACK } from "../../_loopback.ts";
import { Child, Folder } from "../../_program.ts";
import { Commanded } from "./_accepted_handlers.ts";

const THREADS = { accept: "threads", workers: 2 } as const;

Deno.test("servers that ask for port 0 get ports of their own", async () => {
  const servers = await Promise.all(Array.from(
    { length: 8 },
    () =>
      serveForTest(Commanded, {
        server: ThreadingTCPServer,
        options: { ...THREADS, workers: 1 },
      }),
  ));
  strictEqual(new Set(servers.map(({ addr }) => addr.port)).size, 8);
  const threads = new Set<string>();
  for (const { addr } of servers) threads.add(await ask(addr, "thread\n"));
  strictEqual(threads.size, 8);
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
});

Deno.test("a port that another server of this process has is taken", async () => {
  for (
    const first of [
      new ThreadingTCPServer(LOOPBACK, Commanded, THREADS),
      new TCPServer(LOOPBACK, Commanded),
    ]
  ) {
    await using _ = await serveForTest(first);
    const { port } = first.addr;
    for (const accept of ["threads", "auto"] as const) {
      throws(
        () =>
          new ThreadingTCPServer({ hostname: "127.0.0.1", port }, Commanded, {
            accept,
          }),
        { name: "AddrInUse" },
      );
    }
  }
});

Deno.test("a server can be opened on its port again at once, fifty times", async () => {
  await using child = new Child(Deno.execPath(), [
    ...["run", "--quiet", "--allow-all"],
    `${import.meta.dirname}/_reopening_program.ts`,
  ]);
  const { code, stdout, stderr } = await child.output();
  strictEqual(code, 0, stderr);
  strictEqual(new TextDecoder().decode(stdout), "reopened\n");
});

Deno.test("threads accept at every kind of host", async () => {
  const hosts = ["127.0.0.1", "localhost", "0.0.0.0", undefined];
  if (hasIPv6()) hosts.push("::1", "::");
  for (const hostname of hosts) {
    const address = hostname === undefined
      ? { port: 0 }
      : { hostname, port: 0 };
    await using served = await serveForTest(
      new ThreadingTCPServer(address, Commanded, { ...THREADS, backlog: 7 }),
    );
    const { port } = served.addr;
    const client = hostname?.includes(":") ? "::1" : "127.0.0.1";
    strictEqual(await ask({ hostname: client, port }, "kind\n"), "TcpConn");
    // A dual-stack socket takes clients of IPv4 as well.
    if (hostname === "::") {
      strictEqual(
        await ask({ hostname: "127.0.0.1", port }, "kind\n"),
        "TcpConn",
      );
    }
  }
});

/** What a program prints that may listen on so much. */
async function printed(net: string, accept: string): Promise<string> {
  await using folder = new Folder();
  const file = folder.at("program.ts");
  await Deno.writeTextFile(
    file,
    `import { ThreadingTCPServer } from ${
      JSON.stringify(import.meta.resolve("../../../mod.ts"))
    };
    import { Commanded } from ${
      JSON.stringify(import.meta.resolve("./_accepted_handlers.ts"))
    };
    try {
      const server = new ThreadingTCPServer({ hostname: "127.0.0.1", port: 0 }, Commanded, { workers: 1, accept: ${
      JSON.stringify(accept)
    } });
      const served = server.serveForever();
      const client = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port })
        .catch(({ name }) => name);
      console.log("served", typeof client);
      if (typeof client !== "string") client.close();
      await server.shutdown();
      await served;
    } catch (error) {
      console.log(String(error));
    }`,
  );
  await using child = new Child(Deno.execPath(), [
    ...["run", "--no-prompt", "--allow-read", `--allow-net=${net}`, file],
  ], { NO_COLOR: "1" });
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout);
}

Deno.test("where only port 0 is permitted, the main thread accepts, and an explicit wish says what is missing", async () => {
  strictEqual(await printed("127.0.0.1:0", "auto"), "served string\n");
  ok(
    /^NotSupported: Cannot let threads accept: it takes permission to listen on port \d+;/
      .test(await printed("127.0.0.1:0", "threads")),
  );
});
