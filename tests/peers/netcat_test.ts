import { deepStrictEqual, strictEqual } from "node:assert";
import {
  TCPServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { hasIPv6 } from "../_loopback.ts";
import { bracket, echo, LARGE, pattern, sha256 } from "./_peers.ts";

// By this name, since other programs are called nc too and take other flags.
const nc = new Program("nc.openbsd", "netcat-openbsd");

testWith(
  [nc],
  "nc talks to a TCPServer line by line, until the server says goodbye",
  async () => {
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        await wfile.write("name? ");
        const name = await rfile.readLine();
        await wfile.write(`hello ${name}\n`);
        await rfile.readLine();
        await wfile.write("goodbye\n");
      },
    );
    await using child = nc.start("127.0.0.1", `${served.addr.port}`);
    await child.until("name? ");
    await child.send("Ada\n");
    await child.until("hello Ada\n");
    await child.send("\n");
    await child.until("goodbye\n");
    strictEqual((await child.output()).code, 0);
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [nc],
  "nc -N ends its writing side and still gets its answers",
  async () => {
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        // Answers only when the end has been seen.
        const lines = await Array.fromAsync(rfile);
        await wfile.write(lines.join("+"));
      },
    );
    const answer = await nc.run(
      ["-N", "127.0.0.1", `${served.addr.port}`],
      "1\n2\n3",
    );
    strictEqual(answer, "1+2+3");
    deepStrictEqual(served.errors, []);
  },
);

testWith([nc], "nc -C ends its lines by CRLF", async () => {
  let start = "";
  await using served = await serveForTest(
    async (handler) => {
      start = new TextDecoder().decode((await handler.rfile.peek(5))!);
      await bracket(handler);
    },
  );
  const answer = await nc.run(
    ["-C", "-N", "127.0.0.1", `${served.addr.port}`],
    "one\n\ntwo\n",
  );
  strictEqual(start, "one\r\n");
  strictEqual(answer, "<one>\n<>\n<two>\n");
  deepStrictEqual(served.errors, []);
});

testWith([nc], "8 MiB go through nc and back unchanged", async () => {
  await using served = await serveForTest(echo);
  const data = pattern(LARGE);
  const answer = await nc.runBytes(
    ["-N", "127.0.0.1", `${served.addr.port}`],
    data,
  );
  strictEqual(answer.length, LARGE);
  strictEqual(sha256(answer), sha256(data));
  deepStrictEqual(served.errors, []);
});

testWith(
  [nc],
  "nc -z only looks whether the port is open, and the server goes on",
  async () => {
    await using served = await serveForTest(bracket);
    const port = `${served.addr.port}`;
    for (let i = 0; i < 5; i++) await nc.run(["-z", "127.0.0.1", port]);
    strictEqual(
      await nc.run(["-N", "127.0.0.1", port], "after\n"),
      "<after>\n",
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [nc],
  "nc that is killed in the middle leaves the server serving",
  async () => {
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        if (await rfile.readLine() === "flood") {
          while (true) await wfile.write(new Uint8Array(65_536));
        }
        await wfile.write("served");
      },
    );
    const port = `${served.addr.port}`;
    {
      await using child = nc.start("127.0.0.1", port);
      await child.send("flood\n");
      await child.until("\0");
    }
    strictEqual((await served.untilErrors()).length, 1);
    strictEqual(await nc.run(["-N", "127.0.0.1", port], "\n"), "served");
  },
);

testWith([nc], "nc -U talks to a UnixStreamServer", async () => {
  await using folder = new Folder();
  const path = folder.at("server");
  await using served = await serveForTest(
    new UnixStreamServer({ path }, bracket),
  );
  strictEqual(await nc.run(["-U", "-N", path], "a\nb\n"), "<a>\n<b>\n");
  deepStrictEqual(served.errors, []);
});

testWith([nc], "nc -u talks to a UDPServer", async () => {
  await using served = await serveForTest(
    ({ packet, wfile }) => {
      wfile.write(`${packet.length} bytes\n`);
    },
    { server: UDPServer },
  );
  // It ends by itself when it has received two.
  await using child = nc.start(
    ...["-u", "-W", "2", "127.0.0.1", `${served.addr.port}`],
  );
  await child.send("hello\n");
  await child.until("6 bytes\n");
  await child.send("hello again\n");
  await child.until("12 bytes\n");
  strictEqual((await child.output()).code, 0);
  deepStrictEqual(served.errors, []);
});

testWith([nc], "nc -U -u talks to a UnixDatagramServer", async () => {
  await using folder = new Folder();
  const path = folder.at("server");
  const own = folder.at("client");
  await using served = await serveForTest(
    new UnixDatagramServer(
      { path },
      async ({ rfile, wfile, clientAddress }) => {
        await wfile.write(`${clientAddress.path}: ${await rfile.readLine()}\n`);
      },
    ),
  );
  await using child = nc.start("-U", "-u", "-s", own, path);
  await child.send("hello\n");
  await child.until(`${own}: hello\n`);
  deepStrictEqual(served.errors, []);
});

if (hasIPv6()) {
  testWith([nc], "nc -6 talks to a TCPServer on ::1", async () => {
    await using served = await serveForTest(
      new TCPServer({ hostname: "::1", port: 0 }, bracket),
    );
    const port = `${served.addr.port}`;
    strictEqual(await nc.run(["-6", "-N", "::1", port], "six\n"), "<six>\n");
  });
}
