import { deepStrictEqual, strictEqual } from "node:assert";
import { UnixStreamServer } from "../../mod.ts";
import { connect } from "../../handlers/client/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder, testWith } from "../_program.ts";
import { patiently } from "../_patience.ts";
import { ask, isDisconnect } from "../_loopback.ts";
import { Front, haproxy } from "./_haproxy.ts";
import { bracket, echo, LARGE, pattern, sha256 } from "./_peers.ts";

testWith(
  [haproxy],
  "HAProxy passes clients on to a TCPServer, their half-closes too",
  async () => {
    await using folder = new Folder();
    await using served = await serveForTest(bracket);
    await using front = await Front.start(
      folder,
      `server tcp 127.0.0.1:${served.addr.port}`,
    );
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => ask(front.address, `${i}\nlast`)),
    );
    deepStrictEqual(
      answers,
      Array.from({ length: 50 }, (_, i) => `<${i}>\n<last>\n`),
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [haproxy],
  "8 MiB go through HAProxy to a UnixStreamServer and back unchanged",
  async () => {
    await using folder = new Folder();
    const path = folder.at("server");
    await using served = await serveForTest(
      new UnixStreamServer({ path }, echo),
    );
    await using front = await Front.start(folder, `server unix unix@${path}`);
    const data = pattern(LARGE);
    await using client = await connect(front.address);
    client.rfile.limit = LARGE;
    // It ends its side when it has everything: HAProxy loses now and then what waits in
    // a Unix socket whose sides have both ended, whoever serves it.
    const [answer] = await Promise.all([
      client.rfile.readExactly(LARGE),
      client.wfile.write(data),
    ]);
    await client.wfile.closeWrite();
    strictEqual(await client.rfile.read(), null);
    strictEqual(sha256(answer), sha256(data));
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [haproxy],
  "HAProxy's health checks are served, and tell it that the server drains while its clients go on",
  async () => {
    await using folder = new Folder();
    const { promise: checked, resolve } = Promise.withResolvers<void>();
    let checks = 0;
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        for await (const line of rfile) {
          await wfile.write(`<${line}>\n`);
          if (line === "ping" && ++checks === 5) resolve();
        }
      },
      // A check ends with a reset.
      { allowErrors: isDisconnect },
    );
    await using front = await Front.start(
      folder,
      `option tcp-check
  tcp-check connect
  tcp-check send "ping\\n"
  tcp-check expect string <ping>
  server tcp 127.0.0.1:${served.addr.port} check inter 20 fall 1 rise 1`,
    );
    await patiently(checked, () => `5 health checks, after ${checks}`);
    const client = await Deno.connect(front.address);
    const talk = async (line: string) => {
      await client.write(new TextEncoder().encode(`${line}\n`));
      const answer = new Uint8Array(100);
      const n = await client.read(answer);
      return new TextDecoder().decode(answer.subarray(0, n ?? 0));
    };
    strictEqual(await talk("before"), "<before>\n");
    const drained = served.server.shutdown();
    await front.child.until("Server front/tcp is DOWN");
    strictEqual(await talk("while it drains"), "<while it drains>\n");
    client.close();
    await drained;
  },
);
