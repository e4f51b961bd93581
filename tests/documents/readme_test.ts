import { deepStrictEqual, match, strictEqual } from "node:assert";
import { encodeProxyHeader, TLSServer, UDPServer } from "../../mod.ts";
import {
  connect,
  connectDatagram,
  type StreamClient,
} from "../../handlers/client/mod.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../server/testing/mod.ts";
import { SimpleXMLRPCServer } from "../../server/xmlrpc/mod.ts";
import { ask, LOOPBACK, ownLoopback } from "../_loopback.ts";
import type { Output } from "../_program.ts";
import { READ_CHECKOUT, WrittenProgram } from "./_written_program.ts";

const NET = "deno run --allow-net=127.0.0.1:1234 FILE";

/** Reads what a server sends until it ends its side, and leaves. */
async function readAll(client: StreamClient<Deno.NetAddr>): Promise<string> {
  await using _leaving = client;
  return new TextDecoder().decode(await client.rfile.readAll());
}

/** What a program has printed. */
function printed({ stdout }: Output): string {
  return new TextDecoder().decode(stdout);
}

Deno.test("README's first server echoes", async () => {
  await using program = await WrittenProgram.start("README.md: socketserver", {
    command: NET,
  });
  strictEqual(await ask(await program.address(), "hello\n"), "hello\n");
  match(printed(await program.end("SIGINT")), /^127\.0\.0\.1 has connected$/m);
});

Deno.test("README's first client prints the answer", async () => {
  await using echo = await serveForTest(async ({ rfile, wfile }) => {
    await wfile.write(`${await rfile.readLine()}\n`);
  });
  await using program = await WrittenProgram.start(
    "README.md: socketserver (2)",
    { command: NET, port: echo.addr.port },
  );
  strictEqual(printed(await program.ended()), "hello\n");
});

Deno.test("README's class echoes in a thread", async () => {
  await using program = await WrittenProgram.start(
    "README.md: Ways to run a handler",
    {
      command:
        "deno run --allow-net=127.0.0.1:1234 --allow-read=server.ts server.ts",
      flags: [READ_CHECKOUT],
    },
  );
  strictEqual(await ask(await program.address(), "hello\n"), "hello\n");
  await program.end();
});

Deno.test("README's server with a field answers lines", async () => {
  await using program = await WrittenProgram.start("README.md: Handlers");
  strictEqual(
    await ask(await program.address(), "a\nb\n"),
    "127.0.0.1: a\n127.0.0.1: b\n",
  );
  await program.end();
});

Deno.test("README's server of datagrams counts bytes", async () => {
  await using program = await WrittenProgram.start(
    "README.md: Handlers (2)",
    { command: "deno run --unstable-net --allow-net=127.0.0.1 FILE" },
  );
  await using client = await connectDatagram(await program.address());
  const answer = await client.request("hello", { timeout: 5_000, attempts: 3 });
  strictEqual(new TextDecoder().decode(answer), "5 bytes\n");
  await program.end();
});

Deno.test("README's server with hooks as options lets in whom it names", async () => {
  await using program = await WrittenProgram.start("README.md: Handlers (3)");
  strictEqual(await ask(await program.address()), "");
  await program.end();
});

Deno.test("README's configuration and messages reach a thread", async () => {
  await using program = await WrittenProgram.start(
    "README.md: Configuration and messages",
    {
      command:
        "deno run --allow-net=127.0.0.1:1234 --allow-read=shouter.ts shouter.ts",
      flags: [READ_CHECKOUT],
    },
  );
  await using client = await connect(await program.address());
  strictEqual(await client.rfile.readLine(), "Hello");
  await client.wfile.write("hear me\n");
  strictEqual(await client.rfile.readLine(), "HEAR ME");
  await client.wfile.closeWrite();
  strictEqual(await client.rfile.readLine(), null);
  await program.end();
});

Deno.test("README's function serves TLS", async () => {
  const { cert, key } = await selfSignedCertificate();
  await using program = await WrittenProgram.start(
    "README.md: TLS, and sockets that outlive a process",
    {
      files: { "cert.pem": cert, "key.pem": key },
      caller: `
        import { run } from "@wire/socketserver";
        import { serve } from "./server.ts";

        const cert = await Deno.readTextFile("cert.pem");
        await run(serve(cert, await Deno.readTextFile("key.pem")));
      `,
    },
  );
  const client = await connect(await program.address(), {
    tls: { ca: cert, serverName: "localhost" },
  });
  strictEqual(await readAll(client), "You speak TLSv1.3\n");
  await program.end();
});

Deno.test("README's server behind a balancer prints whose a connection is", async () => {
  await using program = await WrittenProgram.start(
    "README.md: Behind a load balancer",
    { changes: { "10.0.0.0/8": "127.0.0.0/8" } },
  );
  const client = await connect(await program.address(), {
    proxyHeader: encodeProxyHeader({
      source: { transport: "tcp", hostname: "198.51.100.7", port: 1000 },
      destination: { transport: "tcp", hostname: "192.0.2.1", port: 443 },
      tlvs: { authority: "example.org" },
    }),
  });
  strictEqual(await readAll(client), "");
  match(printed(await program.end()), /^198\.51\.100\.7 example\.org$/m);
});

Deno.test("README's server of HTTP says what it was asked for", async () => {
  await using program = await WrittenProgram.start(
    "README.md: HTTP and XML-RPC",
  );
  const { port } = await program.address();
  const url = `http://127.0.0.1:${port}/here`;
  const response = await fetch(url);
  strictEqual(await response.text(), `You asked for ${url}\n`);
  await program.end();
});

Deno.test("README's server of HTTP with four settings logs what it answers", async () => {
  await using program = await WrittenProgram.start(
    "README.md: Compression, logs, proxies, errors",
  );
  const { port } = await program.address();
  const url = `http://127.0.0.1:${port}/here`;
  const response = await fetch(url);
  deepStrictEqual(await response.json(), { asked: url });
  const { stderr } = await program.end();
  match(stderr, /^127\.0\.0\.1 - - \[.*\] "GET \/here HTTP\/1\.1" 200 /);
});

Deno.test("README's client of XML-RPC prints what functions return", async () => {
  const server = new SimpleXMLRPCServer(LOOPBACK, { logRequests: false });
  server.registerFunction((a: number, b: number) => a + b, { name: "add" });
  server.registerFunction(
    (values: number[]) => values.reduce((a, b) => a + b) / values.length,
    { name: "statistics.mean" },
  );
  server.registerMulticallFunctions();
  await using served = await serveForTest(server);
  await using program = await WrittenProgram.start(
    "README.md: Calling XML-RPC",
    { port: served.addr.port },
  );
  strictEqual(printed(await program.ended()), "5 1.5\n5\n1.5\n");
});

Deno.test("README's server of WebSockets sends back what comes", async () => {
  await using program = await WrittenProgram.start("README.md: WebSockets");
  const { port } = await program.address();
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  const answer = await new Promise((resolve, reject) => {
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = reject;
  });
  strictEqual(answer, "hello");
  socket.close();
  await closed;
  await program.end();
});

Deno.test("README's clients ask over TLS and by datagrams", async () => {
  const { cert, key } = await selfSignedCertificate({ names: ["127.0.0.1"] });
  await using echo = await serveForTest(
    new TLSServer(
      { ...LOOPBACK, cert, key, alpnProtocols: ["echo"] },
      async ({ rfile, wfile, tls }) => {
        await wfile.write(`${tls?.alpnProtocol} ${await rfile.readLine()}\n`);
      },
    ),
  );
  // It has the port of the other, at an address of its own.
  const { port } = echo.addr;
  const hostname = ownLoopback();
  await using time = await serveForTest(
    new UDPServer({ hostname, port }, ({ wfile }) => void wfile.write("noon")),
  );
  strictEqual(time.addr.port, port);
  await using program = await WrittenProgram.start("README.md: Clients", {
    port,
    isUnstable: true,
    changes: { "example.org": "127.0.0.1", "192.0.2.1": hostname },
    files: { "cert.pem": cert },
    caller: `
      import { ask, time } from "./server.ts";

      console.log(await ask(await Deno.readTextFile("cert.pem")));
      console.log(new TextDecoder().decode(await time()));
    `,
  });
  strictEqual(printed(await program.ended()), "echo hello\nnoon\n");
});

Deno.test("README's test passes", async () => {
  await using program = await WrittenProgram.start(
    "README.md: Tests of your own",
    { command: "deno test --allow-net=127.0.0.1" },
  );
  match(printed(await program.ended()), /^Hello greets \.\.\. ok/m);
});

Deno.test("README's function closes what lingers", async () => {
  await using program = await WrittenProgram.start(
    "README.md: Numbers and events",
    {
      caller: `
        import { subscribe } from "node:diagnostics_channel";
        import { setImmediate } from "node:timers/promises";
        import { TCPServer } from "@wire/socketserver";
        import { connect } from "@wire/socketserver/client";
        import { closeLingering } from "./server.ts";

        const ended = Promise.withResolvers();
        subscribe("socketserver:end", ended.resolve);
        const address = { hostname: "127.0.0.1", port: 0 };
        await using server = new TCPServer(address, () => {});
        server.serveForever();
        await using client = await connect(server.addr);
        // It ends its own side, and waits for the client's.
        await client.rfile.readLine();
        while (server.stats().lingering === 0) await setImmediate();
        await closeLingering(server);
        console.log("why:", (await ended.promise).reason);
      `,
    },
  );
  const text = printed(await program.ended());
  match(text, /lingering: 1,/);
  match(text, /^closing .*\n\s+hostname: "127\.0\.0\.1",[^]*^why: closed$/m);
});

Deno.test("README's function answers scrapes", async () => {
  await using program = await WrittenProgram.start(
    "README.md: Numbers and events (2)",
    {
      caller: `
        import { run } from "@wire/socketserver";
        import { HTTPServer } from "@wire/socketserver/http";
        import { watch } from "./server.ts";

        const address = { hostname: "127.0.0.1", port: 0 };
        const server = new HTTPServer(address, () => new Response("hello\\n"));
        await run([server, watch(server)]);
      `,
    },
  );
  const site = await program.address();
  const metrics = await program.address();
  const page = await fetch(`http://127.0.0.1:${site.port}/`);
  strictEqual(await page.text(), "hello\n");
  const scraped = await fetch(`http://127.0.0.1:${metrics.port}/`);
  match(await scraped.text(), /# EOF\n$/);
  await program.end();
});
