import { match, strictEqual } from "node:assert";
import { connect } from "../../handlers/client/mod.ts";
import { HTTPServer } from "../../server/http/mod.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../server/testing/mod.ts";
import { ask } from "../_loopback.ts";
import { READ_CHECKOUT, WrittenProgram } from "./_written_program.ts";

/** The exit code of what a signal ends that nobody has taken. */
const ENDED_BY_SIGINT = 130;

Deno.test("the guide's class that can travel echoes in a thread", async () => {
  await using program = await WrittenProgram.start(
    "docs/guide/threads-or-processes.md: A class that can travel",
    {
      flags: ["--allow-net=0.0.0.0:0", "--allow-read=server.ts", READ_CHECKOUT],
    },
  );
  strictEqual(await ask(await program.address(), "hello\n"), "hello\n");
  await program.end("SIGINT", ENDED_BY_SIGINT);
});

Deno.test("the guide's processes echo, and live on", async () => {
  await using program = await WrittenProgram.start(
    "docs/guide/threads-or-processes.md: Processes",
    {
      flags: [
        ...["--allow-net=0.0.0.0:0", "--allow-run=deno"],
        "--allow-read=deno.json",
      ],
    },
  );
  const address = await program.address();
  for (const line of ["hello\n", "again\n"]) {
    strictEqual(await ask(address, line), line);
  }
  await program.end("SIGINT", ENDED_BY_SIGINT);
});

Deno.test("the guide's sandbox computes for strangers, and lets them read nothing", async () => {
  await using program = await WrittenProgram.start(
    "docs/guide/sandboxing.md: Sandboxing",
    {
      command:
        "deno run --allow-net=127.0.0.1:1234 --allow-run=deno examples/sandboxed_calculator.ts",
      flags: ["--allow-read=deno.json"],
    },
  );
  const address = await program.address();
  strictEqual(await ask(address, "6 * 7\n"), "42\n");
  const reading = "Deno.readTextFile('/etc/hostname').catch((e) => e.name)\n";
  strictEqual(await ask(address, reading), "NotCapable\n");
  await program.end("SIGINT", ENDED_BY_SIGINT);
});

Deno.test("the guide's program tells of its signal, and drains", async () => {
  await using program = await WrittenProgram.start(
    "docs/guide/ending.md: A program",
  );
  strictEqual(await ask(await program.address()), "hello\n");
  const { stdout } = await program.end("SIGINT");
  match(new TextDecoder().decode(stdout), /^SIGINT drain$/m);
});

Deno.test("the guide's mail handler upgrades to TLS", async () => {
  const { cert, key } = await selfSignedCertificate();
  await using program = await WrittenProgram.start(
    "docs/guide/tls.md: From plain to TLS",
    {
      files: { "cert.pem": cert, "key.pem": key },
      caller: `
        import { run, TCPServer } from "@wire/socketserver";
        import { mailHandler } from "./server.ts";

        const cert = await Deno.readTextFile("cert.pem");
        const key = await Deno.readTextFile("key.pem");
        const address = { hostname: "127.0.0.1", port: 0 };
        await run(new TCPServer(address, mailHandler({ cert, key })));
      `,
    },
  );
  await using client = await connect(await program.address());
  await client.wfile.write("MAIL\r\n");
  strictEqual(await client.rfile.readLine(), "530 STARTTLS first");
  await client.wfile.write("STARTTLS\r\n");
  strictEqual(await client.rfile.readLine(), "220 Ready to start TLS");
  await client.startTLS({ ca: cert, serverName: "localhost" });
  await client.wfile.write("MAIL\r\n");
  strictEqual(await client.rfile.readLine(), "250 Ok");
  await client.wfile.closeWrite();
  strictEqual(await client.rfile.readLine(), null);
  await program.end();
});

Deno.test("the guide's handler that fetches answers with what it was asked for", async () => {
  await using site = await serveForTest(() => new Response("a page\n"), {
    server: HTTPServer,
  });
  await using program = await WrittenProgram.start(
    "docs/guide/handlers.md: Give up in time",
    {
      caller: `
        import { run, TCPServer } from "@wire/socketserver";
        import { Fetching } from "./server.ts";

        await run(new TCPServer({ hostname: "127.0.0.1", port: 0 }, Fetching));
      `,
    },
  );
  const url = `http://127.0.0.1:${site.addr.port}/\n`;
  strictEqual(await ask(await program.address(), url), "a page\n");
  await program.end();
});
