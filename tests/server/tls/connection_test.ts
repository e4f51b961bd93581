import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import { StreamRequestHandler } from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { testWith } from "../../_program.ts";
import { readAll } from "../../_loopback.ts";
import { openssl, pattern, sha256 } from "../../peers/_peers.ts";
import { writeAll } from "./_meddler.ts";
import { echoLines, Pair, talk } from "./_pair.ts";

/** Much more than fits into the buffers of two sockets, in bytes. */
const MUCH = 24 << 20;

/** Collects what a connection gives until its end. */
async function collect(conn: Deno.Conn): Promise<Uint8Array> {
  return await new Response(
    conn.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
  ).bytes();
}

testWith(
  [openssl],
  "each side can end alone, and hears the other",
  async () => {
    await using pair = await Pair.start(async ({ rfile, wfile }) => {
      await wfile.write("first ");
      await wfile.closeWrite();
      heard.push(await rfile.readLine());
    });
    const heard: (string | null)[] = [];
    const client = await pair.connect();
    strictEqual(await readUntilEnd(client), "first ");
    await client.write(new TextEncoder().encode("still here"));
    client.close();
    await pair.server.shutdown();
    deepStrictEqual(heard, ["still here"]);

    await using other = await Pair.start(async ({ rfile, wfile }) => {
      const all = await rfile.readAll();
      await wfile.write(`${all.length} bytes`);
    });
    const ending = await other.connect();
    await ending.write(new Uint8Array(1000));
    await ending.closeWrite();
    strictEqual(await readAll(ending), "1000 bytes");
    deepStrictEqual([...pair.served.errors, ...other.served.errors], []);
  },
);

/** Reads to the end, and leaves the connection open. */
async function readUntilEnd(conn: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(100);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, n));
  }
  return text;
}

testWith(
  [openssl],
  "24 MiB go each way at once, whole and in order",
  async () => {
    const sent = pattern(MUCH);
    await using pair = await Pair.start(async ({ rfile, wfile }) => {
      for await (const chunk of rfile.readable) await wfile.write(chunk);
    });
    const client = await pair.connect();
    const [received] = await Promise.all([
      collect(client),
      writeAll(client, sent).then(() => client.closeWrite()),
    ]);
    strictEqual(received.length, MUCH);
    strictEqual(sha256(received), sha256(sent));
    deepStrictEqual(pair.served.errors, []);
  },
);

testWith(
  [openssl],
  "a client that does not read stalls its handler, which reads meanwhile",
  async () => {
    let taken = 0;
    const reading = Promise.withResolvers<string | null>();
    await using pair = await Pair.start(async ({ rfile, wfile, signal }) => {
      rfile.readLine().then(reading.resolve, reading.reject);
      const chunk = new Uint8Array(1 << 20);
      while (!signal.aborted) {
        await wfile.write(chunk);
        taken += chunk.length;
      }
    });
    const client = await pair.connect();
    // What the handler reads is no part of what it waits for.
    await client.write(new TextEncoder().encode("hello\n"));
    strictEqual(await reading.promise, "hello");
    const stalled = pair.server.shutdown({ gracePeriod: 200 });
    await stalled;
    ok(taken < MUCH, `${taken} bytes were taken`);
    client.close();
    await pair.served.untilErrors();
  },
);

testWith(
  [openssl],
  "a handler that does not read stalls its client",
  async () => {
    const goOn = Promise.withResolvers<void>();
    let waits = true;
    await using pair = await Pair.start(async ({ rfile, wfile }) => {
      if (waits) {
        waits = false;
        await goOn.promise;
      }
      let total = 0;
      for await (const chunk of rfile.readable) total += chunk.length;
      await wfile.write(`${total}`);
    });
    /** How much each of two clients has got rid of. */
    const written = [0, 0];
    const send = async (client: Deno.TlsConn, i: 0 | 1) => {
      const chunk = new Uint8Array(1 << 20);
      while (written[i]! < MUCH) {
        await writeAll(client, chunk);
        written[i]! += chunk.length;
      }
      await client.closeWrite();
      return await readAll(client);
    };
    const stalled = send(await pair.connect(), 0);
    // One that came later is done: the other has had the time.
    strictEqual(await send(await pair.connect(), 1), `${MUCH}`);
    ok(written[0]! < MUCH, `${written[0]} bytes were taken`);
    goOn.resolve();
    strictEqual(await stalled, `${MUCH}`);
  },
);

testWith(
  [openssl],
  "two writes at once go out one after the other, and two reads as they come",
  async () => {
    const parts: string[] = [];
    await using pair = await Pair.start(async ({ request }) => {
      const read = async () => {
        const buffer = new Uint8Array(3);
        const n = await request.read(buffer);
        parts.push(new TextDecoder().decode(buffer.subarray(0, n ?? 0)));
      };
      await Promise.all([read(), read()]);
      const write = (byte: number) =>
        writeAll(request, new Uint8Array(300_000).fill(byte));
      const first = request.write(new Uint8Array(10).fill(1));
      const second = write(2);
      await Promise.all([first, second]);
    });
    const client = await pair.connect();
    await client.write(new TextEncoder().encode("onetwo"));
    const answer = await collect(client);
    deepStrictEqual(parts, ["one", "two"]);
    strictEqual(answer.length, 300_010);
    strictEqual(answer.lastIndexOf(1), 9);
    strictEqual(answer.indexOf(2), 10);
  },
);

testWith(
  [openssl],
  "a connection that is closed refuses reads and writes, and tells of its end",
  async () => {
    const errors: unknown[] = [];
    await using pair = await Pair.start(async ({ request }) => {
      strictEqual(await request.read(new Uint8Array(0)), 0);
      strictEqual(await request.write(new Uint8Array(0)), 0);
      const reading = request.read(new Uint8Array(1));
      request.close();
      await reading.catch((error) => errors.push(error));
      await request.read(new Uint8Array(1))
        .catch((error) => errors.push(error));
      await request.write(new Uint8Array(1))
        .catch((error) => errors.push(error));
      await request.closeWrite().catch((error) => errors.push(error));
    });
    const client = await pair.connect();
    // It ends with close_notify: without it this would fail.
    strictEqual((await collect(client)).length, 0);
    await pair.server.shutdown();
    strictEqual(errors.length, 4);
    ok(
      errors.every((error) =>
        error instanceof Deno.errors.BadResource ||
        error instanceof Deno.errors.Interrupted
      ),
      errors.join("\n"),
    );
  },
);

testWith(
  [openssl],
  "writing after the end is refused, as over TCP",
  async () => {
    await using pair = await Pair.start(async ({ request }) => {
      await request.closeWrite();
      await request.write(new Uint8Array(1));
    });
    const client = await pair.connect();
    strictEqual((await collect(client)).length, 0);
    const [error] = await pair.served.untilErrors();
    ok(error instanceof Deno.errors.BrokenPipe, String(error));
  },
);

testWith(
  [openssl],
  "Nagle's algorithm is off from the handshake on, unless a handler wants it",
  async () => {
    for (const disables of [true, false]) {
      const noted: unknown[] = [];
      class Handler extends StreamRequestHandler<Deno.NetAddr> {
        static override readonly disableNagleAlgorithm: boolean = disables;
      }
      await using pair = await Pair.start(
        async ({ rfile, wfile }) => {
          await rfile.readLine();
          await wfile.write("Thank you ");
          await wfile.write("for connecting");
        },
        {
          verify(request) {
            const connection = request as Deno.Conn as Deno.TcpConn;
            const set = connection.setNoDelay.bind(connection);
            connection.setNoDelay = (noDelay = true) => {
              noted.push(noDelay);
              set(noDelay);
            };
            return true;
          },
        },
        undefined,
        Handler,
      );
      const client = await pair.connect();
      await client.write(new TextEncoder().encode("hello\n"));
      strictEqual(await readAll(client), "Thank you for connecting");
      deepStrictEqual(noted, disables ? [true, true] : [true, false]);
    }
  },
);

testWith(
  [openssl],
  "readable and writable of a TLS connection pass everything on",
  async () => {
    await using pair = await Pair.start(({ request }) =>
      request.readable.pipeTo(request.writable)
    );
    const client = await pair.connect();
    const sent = pattern(300_000);
    const [received] = await Promise.all([
      collect(client),
      writeAll(client, sent).then(() => client.closeWrite()),
    ]);
    strictEqual(sha256(received), sha256(sent));
  },
);

testWith(
  [openssl],
  "a reply that is cut short ends without close_notify",
  async () => {
    await using pair = await Pair.start(({ wfile }) => {
      wfile.write("the first part of two");
      wfile.write(2 as unknown as string).catch(() => {});
      throw new Error("something failed");
    });
    const client = await pair.connect();
    await rejects(readAll(client), Deno.errors.UnexpectedEof);
    await pair.served.untilErrors();
  },
);

testWith(
  [openssl],
  "an idle connection in TLS is closed after idleTimeout, one that talks is not",
  async () => {
    await using pair = await Pair.start(echoLines, { idleTimeout: 300 });
    using client = await pair.connect();
    strictEqual(await talk(client, "hello"), "<hello>");
    await patiently(
      client.read(new Uint8Array(1)).catch(() => null),
      () => "the end",
    );
    const [error] = await pair.served.untilErrors();
    strictEqual((error as Error).name, "TimeoutError");
  },
);
