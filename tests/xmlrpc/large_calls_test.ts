import { match, ok, rejects, strictEqual } from "node:assert";
import { once } from "node:events";
import { createConnection } from "node:net";
import { gzipSync } from "node:zlib";
import {
  encodeXMLRPCCall,
  ForkingSimpleXMLRPCServer,
  SimpleXMLRPCServer,
  ThreadingSimpleXMLRPCServer,
} from "../../server/xmlrpc/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { LOOPBACK } from "../_loopback.ts";
import { call, post } from "./_client.ts";
import { Everywhere } from "./_handlers.ts";
import { HoldingServer } from "./_large_calls.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const long = "x".repeat(80 * KIB);
const gzip = { "content-encoding": "gzip" };

const compressed = (xml: string) => new Uint8Array(gzipSync(xml));
const same = (text: string) => encodeXMLRPCCall("same", [text]);

async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

Deno.test("small calls are answered while large ones wait for each other", async () => {
  await using served = await serveForTest(
    new HoldingServer({ maxHeldBytes: 100 * KIB }),
  );
  const { server } = served;
  const first = call(server, "hold", [long]);
  await server.untilHeld(1);
  const second = call(server, "hold", [long]);
  for (let i = 0; i < 20; i++) strictEqual(await call(server, "same", [i]), i);
  server.letGo();
  strictEqual(await first, long.length);
  await server.untilHeld(1);
  server.letGo();
  strictEqual(await second, long.length);
  strictEqual(await call(server, "same", [long]), long);
});

Deno.test("a large call that waits too long is 503, and the connection goes on", async () => {
  await using served = await serveForTest(
    new HoldingServer({
      maxHeldBytes: 100 * KIB,
      maxWait: 1,
    }),
  );
  const { server } = served;
  const first = call(server, "hold", [long]);
  await server.untilHeld(1);
  const refused = await post(server, same(long));
  strictEqual(refused.status, 503);
  strictEqual(refused.headers.get("retry-after"), "1");
  await refused.body?.cancel();
  // It is small as it comes, and large when it is decompressed.
  strictEqual(
    await statusOf(post(server, compressed(same(long)), gzip)),
    503,
  );
  server.letGo();
  strictEqual(await first, long.length);
  strictEqual(await call(server, "same", [long]), long);
});

Deno.test("a client that leaves while its large call waits lets the next one in", async () => {
  await using served = await serveForTest(
    new HoldingServer({ maxHeldBytes: 170 * KIB }),
  );
  const { server } = served;
  const held = [call(server, "hold", [long]), call(server, "hold", [long])];
  await server.untilHeld(2);
  const { answering } = server.room;
  const leaving = createConnection(server.addr.port, server.addr.hostname);
  leaving.write(requestOf(encodeXMLRPCCall("hold", [long])));
  await until(server, () => answering.waiting === 1);
  const next = call(server, "same", [long]);
  await until(server, () => answering.waiting === 2);
  leaving.resetAndDestroy();
  await once(leaving, "close");
  await until(server, () => answering.waiting === 1);
  server.letGo();
  strictEqual(await next, long);
  server.letGo();
  await Promise.all(held);
  strictEqual(answering.taken, 0);
  // It is told that nobody takes the answer.
  match(String(await served.untilErrors()), /^BrokenPipe: /);
});

Deno.test("calls that are arriving hold no more than maxHeldBytes", async () => {
  await using served = await serveForTest(
    new HoldingServer({ maxHeldBytes: 100 * KIB }),
  );
  const { server } = served;
  using slow = await Deno.connect(server.addr);
  const body = encodeXMLRPCCall("hold", [long]);
  await writeAll(
    slow,
    requestOf(body).slice(0, -1),
  );
  await until(server, () => server.room.arriving.taken > 60 * KIB);
  strictEqual(await statusOf(post(server, same(long))), 503);
  strictEqual(await call(server, "same", [1]), 1);
  await writeAll(slow, body.slice(-1));
  await server.untilHeld(1);
  server.letGo();
  strictEqual(await statusOf(post(server, same(long))), 200);
});

Deno.test("answers that nobody reads hold no more than maxHeldBytes", async () => {
  const length = 32 * MIB;
  await using served = await serveForTest(
    new HoldingServer(
      { maxHeldBytes: 40 * MIB },
      2 * length,
    ),
  );
  const { server } = served;
  const silent = await Deno.connect(server.addr);
  const body = encodeXMLRPCCall("text", [length]);
  await writeAll(
    silent,
    requestOf(body),
  );
  // The answer is on its way, and far longer than what the kernel keeps of it.
  strictEqual(await silent.read(new Uint8Array(1)), 1);
  strictEqual(await statusOf(post(server, body)), 503);
  strictEqual(await call(server, "text", [100]), "x".repeat(100));
  silent.close();
  await served.untilErrors();
  strictEqual(await statusOf(post(server, body)), 200);
  // Its status is all that was read of this one.
  match(String(await served.untilErrors()), /^(BrokenPipe|ConnectionReset): /);
});

Deno.test("a large call that cannot be decompressed gives back what it held", async () => {
  await using served = await serveForTest(
    new HoldingServer({ maxHeldBytes: 100 * KIB }),
  );
  const { server } = served;
  // Of random bytes, which do not become shorter.
  const random = crypto.getRandomValues(new Uint8Array(60 * KIB));
  const text = same([...random].map((byte) => byte.toString(16)).join(" "));
  const whole = compressed(text);
  for (let i = 0; i < 5; i++) {
    strictEqual(
      await statusOf(post(server, whole.subarray(0, -20), gzip)),
      400,
    );
    strictEqual(await statusOf(post(server, whole, gzip)), 200);
  }
});

const bombs: Record<string, string> = {
  "empty values": encodeXMLRPCCall("system.multicall", [[]]).replace(
    "<data>",
    `<data>${"<value/>".repeat(2_000_000)}`,
  ),
  "carriage returns": same("").replace(
    "<string>",
    `<string>${"\r".repeat(64 * MIB)}`,
  ),
  "ampersands": same("").replace(
    "<string>",
    `<string>${"&amp;".repeat(12 * MIB)}`,
  ),
};

for (const [name, xml] of Object.entries(bombs)) {
  const bomb = compressed(xml);
  Deno.test(`a small call that inflates to megabytes of ${name} is 413`, async () => {
    await using served = await serveForTest(
      new SimpleXMLRPCServer(LOOPBACK, Everywhere, { logRequests: false }),
    );
    const { server } = served;
    strictEqual(await statusOf(post(server, bomb, gzip)), 413);
    strictEqual(await call(server, "add", [2, 3]), 5);
  });
}

const remote = {
  thread: ThreadingSimpleXMLRPCServer,
  process: ForkingSimpleXMLRPCServer,
};

for (const [name, Server] of Object.entries(remote)) {
  Deno.test(`what a call costs is bounded in a ${name} too`, async () => {
    await using served = await serveForTest(Everywhere, { server: Server });
    const { server } = served;
    const multicall = (count: number) =>
      call(server, "system.multicall", [
        Array(count).fill({ methodName: "add", params: [2, 3] }),
      ]);
    strictEqual((await multicall(1_000) as unknown[]).length, 1_000);
    await rejects(multicall(1_001), { faultCode: -32602 });
    const bomb = compressed(bombs["empty values"]!);
    strictEqual(await statusOf(post(server, bomb, gzip)), 413);
    const numbers = Array.from({ length: 100_000 }, (_, i) => i ** 2 % 65_537);
    await rejects(call(server, "same", [numbers]), { faultCode: -32700 });
    strictEqual(await call(server, "add", [2, 3]), 5);
  });
}

function requestOf(body: string): string {
  return `POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Waits until something is so, and has small calls answered meanwhile. */
async function until(server: HoldingServer, isSo: () => boolean) {
  for (let tries = 0; !isSo(); tries++) {
    ok(tries < 10_000, `it did not become so: ${isSo}`);
    strictEqual(await call(server, "same", [tries]), tries);
  }
}

async function writeAll(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}
