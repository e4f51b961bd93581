import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert";
import { patiently } from "../../_patience.ts";
import { Child, Folder } from "../../_program.ts";
import { makeCertificate } from "../../_certificate.ts";
import { Meddler, writeAll } from "./_meddler.ts";
import { echoLines, Pair, talk } from "./_pair.ts";

/** What a client sends first: its ClientHello. */
async function firstFlight(pair: Pair): Promise<Uint8Array<ArrayBuffer>> {
  let first: Uint8Array<ArrayBuffer> | undefined;
  using meddler = new Meddler(pair.server.addr, (bytes, server) => {
    first ??= bytes;
    return writeAll(server, bytes);
  });
  const client = await pair.connect(meddler.addr);
  strictEqual(await talk(client, "hello"), "<hello>");
  await client.closeWrite();
  await client.read(new Uint8Array(1));
  client.close();
  await meddler.ended;
  return first!;
}

for (const how of ["one certificate", "a certificate by name"]) {
  const byName = how !== "one certificate";
  const start = (options = {}) =>
    Pair.start(
      echoLines,
      options,
      (own) => byName ? { contexts: { localhost: own } } : {},
    );

  Deno.test(
    `a handshake that is cut at any byte harms nobody (${how})`,
    async () => {
      await using pair = await start();
      const hello = await firstFlight(pair);
      ok(hello.length > 100);
      for (let cut = 0; cut < hello.length; cut += 50) {
        await Promise.all(
          Array.from(
            { length: Math.min(50, hello.length - cut) },
            async (_, i) => {
              using client = await Deno.connect(pair.server.addr);
              await writeAll(client, hello.subarray(0, cut + i));
              await client.closeWrite();
              strictEqual(await client.read(new Uint8Array(1)), null);
            },
          ),
        );
      }
      const errors = await pair.served.untilErrors(hello.length);
      ok(
        errors.every((error) => error instanceof Deno.errors.UnexpectedEof),
        String(
          errors.find((error) => !(error instanceof Deno.errors.UnexpectedEof)),
        ),
      );
      using client = await pair.connect();
      strictEqual(await talk(client, "still here"), "<still here>");
    },
  );

  Deno.test(
    `a client whose bytes come one by one is served (${how})`,
    async () => {
      await using pair = await start();
      using meddler = new Meddler(pair.server.addr, async (bytes, server) => {
        for (const byte of bytes) await server.write(Uint8Array.of(byte));
      });
      const client = await pair.connect(meddler.addr);
      strictEqual(await talk(client, "slowly"), "<slowly>");
      // Records of one byte each.
      for (const letter of "a line\n") {
        await client.write(new TextEncoder().encode(letter));
      }
      const buffer = new Uint8Array(9);
      for (let n = 0; n < buffer.length;) {
        n += (await client.read(buffer.subarray(n)))!;
      }
      strictEqual(new TextDecoder().decode(buffer), "<a line>\n");
      await client.closeWrite();
      strictEqual(await client.read(buffer), null);
      client.close();
      await meddler.ended;
      deepStrictEqual(pair.served.errors, []);
    },
  );

  Deno.test(
    `plain text to a TLS port is an error of its own (${how})`,
    async () => {
      await using pair = await start();
      for (const text of ["GET / HTTP/1.0\r\n\r\n", "\0".repeat(100_000)]) {
        using client = await Deno.connect(pair.server.addr);
        await writeAll(client, new TextEncoder().encode(text)).catch(() => {});
        await client.closeWrite().catch(() => {});
        // A fatal alert: type 21, two bytes of version, two of length, level 2,
        // decode_error (RFC 8446, sections 5.1 and 6.2); and nothing else.
        const answer = await new Response(
          client.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
        ).bytes();
        deepStrictEqual([...answer], [21, 3, 3, 0, 2, 2, 50]);
      }
      const errors = await pair.served.untilErrors(2);
      ok(errors.every((error) => error instanceof Deno.errors.InvalidData));
      using client = await pair.connect();
      strictEqual(await talk(client, "still here"), "<still here>");
    },
  );
}

Deno.test(
  "a record that was changed on its way ends the connection, with an alert",
  async () => {
    await using pair = await Pair.start(echoLines);
    let changes = false;
    using meddler = new Meddler(pair.server.addr, (bytes, server) => {
      if (changes) bytes[bytes.length - 1]! ^= 1;
      return writeAll(server, bytes);
    });
    const client = await pair.connect(meddler.addr);
    strictEqual(await talk(client, "before"), "<before>");
    changes = true;
    await rejects(talk(client, "after"), /fatal alert/);
    client.close();
    const [error] = await pair.served.untilErrors();
    match(String(error), /^InvalidData: .*decrypt/);
    await meddler.ended;
  },
);

/**
 * The connections to a port that somebody still has a descriptor of, as Linux lists
 * them: those that are over have no inode (proc(5), `/proc/net/tcp`).
 */
function heldAt(port: number): string[] {
  const local = port.toString(16).toUpperCase().padStart(4, "0");
  const LISTENING = "0A";
  return Deno.readTextFileSync("/proc/net/tcp").trim().split("\n").slice(1)
    .filter((line) => {
      const [, address, , state, , , , , , inode] = line.trim().split(/ +/);
      return address!.endsWith(`:${local}`) && state !== LISTENING &&
        inode !== "0";
    });
}

Deno.test(
  "500 clients that are silent in the handshake are closed, and their descriptors given back",
  async () => {
    await using pair = await Pair.start(echoLines, {
      // An honest handshake takes as long on a busy machine.
      handshakeTimeout: 1_500,
      maxConnections: 250,
    });
    const { port } = pair.server.addr;
    const ends = Array.from({ length: 500 }, async () => {
      using client = await Deno.connect(pair.server.addr);
      await client.read(new Uint8Array(1)).catch(() => null);
    });
    // Each in its turn: the last waits as long as all before it take.
    for (const [i, end] of ends.entries()) {
      await patiently(end, () => `the end of the silent client ${i}`);
      if (i === 0) ok(heldAt(port).length > 0);
    }
    const errors = await pair.served.untilErrors(500);
    ok(errors.every((error) => (error as Error).name === "TimeoutError"));
    deepStrictEqual(heldAt(port), []);
    using client = await pair.connect();
    strictEqual(await talk(client, "still here"), "<still here>");
  },
);

Deno.test(
  "clients that go in the middle of their handshake leave no memory behind",
  async () => {
    await using folder = new Folder();
    await makeCertificate(folder);
    await using child = new Child(Deno.execPath(), [
      ...["run", "--quiet", "--no-config", "-A", "--v8-flags=--expose-gc"],
      `${import.meta.dirname}/_silent_program.ts`,
      ...[folder.at("cert.pem"), folder.at("cert.key")],
    ]);
    const heap: number[] = [];
    for (let i = 0; i < 3; i++) {
      heap.push(Number((await child.until(/heap (\d+)\n/))[1]));
    }
    // Each would leave some 2 KiB, and in the engine 30 more.
    ok(heap[2]! - heap[0]! < 1_000_000, heap.join());
  },
);
