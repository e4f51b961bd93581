import { deepStrictEqual, strictEqual } from "node:assert";
import { Folder, Program, testWith } from "../_program.ts";
import { hasIPv6, LOOPBACK, serve } from "../_serve.ts";
import {
  bracket,
  echo,
  LARGE,
  pattern,
  ReportingTCPServer,
  ReportingUDPServer,
  ReportingUnixDatagramServer,
  ReportingUnixStreamServer,
  sha256,
} from "./_peers.ts";

// By this name, since other programs are called nc too and take other flags.
const nc = new Program("nc.openbsd", "netcat-openbsd");

testWith(
  [nc],
  "nc talks to a TCPServer line by line, until the server says goodbye",
  async () => {
    await using server = serve(
      new ReportingTCPServer(LOOPBACK, async ({ rfile, wfile }) => {
        await wfile.write("name? ");
        const name = await rfile.readLine();
        await wfile.write(`hello ${name}\n`);
        await rfile.readLine();
        await wfile.write("goodbye\n");
      }),
    );
    await using child = nc.start("127.0.0.1", `${server.addr.port}`);
    await child.until("name? ");
    await child.send("Ada\n");
    await child.until("hello Ada\n");
    await child.send("\n");
    await child.until("goodbye\n");
    strictEqual((await child.output()).code, 0);
    deepStrictEqual(server.reports.errors, []);
  },
);

testWith(
  [nc],
  "nc -N ends its writing side and still gets its answers",
  async () => {
    await using server = serve(
      new ReportingTCPServer(LOOPBACK, async ({ rfile, wfile }) => {
        // Answers only when the end has been seen.
        const lines = await Array.fromAsync(rfile);
        await wfile.write(lines.join("+"));
      }),
    );
    const answer = await nc.run(
      ["-N", "127.0.0.1", `${server.addr.port}`],
      "1\n2\n3",
    );
    strictEqual(answer, "1+2+3");
    deepStrictEqual(server.reports.errors, []);
  },
);

testWith([nc], "nc -C ends its lines by CRLF", async () => {
  let start = "";
  await using server = serve(
    new ReportingTCPServer(LOOPBACK, async (handler) => {
      start = new TextDecoder().decode((await handler.rfile.peek(5))!);
      await bracket(handler);
    }),
  );
  const answer = await nc.run(
    ["-C", "-N", "127.0.0.1", `${server.addr.port}`],
    "one\n\ntwo\n",
  );
  strictEqual(start, "one\r\n");
  strictEqual(answer, "<one>\n<>\n<two>\n");
  deepStrictEqual(server.reports.errors, []);
});

testWith([nc], "8 MiB go through nc and back unchanged", async () => {
  await using server = serve(new ReportingTCPServer(LOOPBACK, echo));
  const data = pattern(LARGE);
  const answer = await nc.runBytes(
    ["-N", "127.0.0.1", `${server.addr.port}`],
    data,
  );
  strictEqual(answer.length, LARGE);
  strictEqual(sha256(answer), sha256(data));
  deepStrictEqual(server.reports.errors, []);
});

testWith(
  [nc],
  "nc -z only looks whether the port is open, and the server goes on",
  async () => {
    await using server = serve(new ReportingTCPServer(LOOPBACK, bracket));
    const port = `${server.addr.port}`;
    for (let i = 0; i < 5; i++) await nc.run(["-z", "127.0.0.1", port]);
    strictEqual(
      await nc.run(["-N", "127.0.0.1", port], "after\n"),
      "<after>\n",
    );
    deepStrictEqual(server.reports.errors, []);
  },
);

testWith(
  [nc],
  "nc that is killed in the middle leaves the server serving",
  async () => {
    await using server = serve(
      new ReportingTCPServer(LOOPBACK, async ({ rfile, wfile }) => {
        if (await rfile.readLine() === "flood") {
          while (true) await wfile.write(new Uint8Array(65_536));
        }
        await wfile.write("served");
      }),
    );
    const port = `${server.addr.port}`;
    {
      await using child = nc.start("127.0.0.1", port);
      await child.send("flood\n");
      await child.until("\0");
    }
    strictEqual((await server.reports.until(1)).length, 1);
    strictEqual(await nc.run(["-N", "127.0.0.1", port], "\n"), "served");
  },
);

testWith([nc], "nc -U talks to a UnixStreamServer", async () => {
  await using folder = new Folder();
  const path = folder.at("server");
  await using server = serve(
    new ReportingUnixStreamServer({ path }, bracket),
  );
  strictEqual(await nc.run(["-U", "-N", path], "a\nb\n"), "<a>\n<b>\n");
  deepStrictEqual(server.reports.errors, []);
});

testWith([nc], "nc -u talks to a UDPServer", async () => {
  await using server = serve(
    new ReportingUDPServer(LOOPBACK, ({ packet, wfile }) => {
      wfile.write(`${packet.length} bytes\n`);
    }),
  );
  // It ends by itself when it has received two.
  await using child = nc.start(
    ...["-u", "-W", "2", "127.0.0.1", `${server.addr.port}`],
  );
  await child.send("hello\n");
  await child.until("6 bytes\n");
  await child.send("hello again\n");
  await child.until("12 bytes\n");
  strictEqual((await child.output()).code, 0);
  deepStrictEqual(server.reports.errors, []);
});

testWith([nc], "nc -U -u talks to a UnixDatagramServer", async () => {
  await using folder = new Folder();
  const path = folder.at("server");
  const own = folder.at("client");
  await using server = serve(
    new ReportingUnixDatagramServer(
      { path },
      async ({ rfile, wfile, clientAddress }) => {
        await wfile.write(`${clientAddress.path}: ${await rfile.readLine()}\n`);
      },
    ),
  );
  await using child = nc.start("-U", "-u", "-s", own, path);
  await child.send("hello\n");
  await child.until(`${own}: hello\n`);
  deepStrictEqual(server.reports.errors, []);
});

if (hasIPv6()) {
  testWith([nc], "nc -6 talks to a TCPServer on ::1", async () => {
    await using server = serve(
      new ReportingTCPServer({ hostname: "::1", port: 0 }, bracket),
    );
    const port = `${server.addr.port}`;
    strictEqual(await nc.run(["-6", "-N", "::1", port], "six\n"), "<six>\n");
  });
}
