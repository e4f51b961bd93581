// How a PROXY header arrives, or does not.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import {
  encodeProxyHeader,
  type ProxyProtocolOptions,
  TCPServer,
  type TCPServerOptions,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { LOOPBACK, readAll, refuses } from "../../_loopback.ts";
import {
  bytes,
  FOUR,
  joined,
  LOCAL,
  send,
  tcp,
  told,
  writeAll,
} from "./_clients.ts";
import { Teller } from "./_told_handler.ts";

/** One of each kind. */
const HEADERS = [
  encodeProxyHeader({ version: 1, ...FOUR }),
  encodeProxyHeader({ version: 1 }),
  encodeProxyHeader({ command: "LOCAL" }),
  encodeProxyHeader({
    source: tcp("2001:db8::1", 1),
    destination: tcp("2001:db8::2", 2),
    tlvs: { authority: "example.org", uniqueId: new Uint8Array(8) },
    checksum: true,
  }),
];

/** A server with a handler that tells what it sees. */
function start(
  proxyProtocol: Partial<ProxyProtocolOptions> = {},
  options: TCPServerOptions = {},
) {
  return serveForTest(Teller, {
    options: {
      proxyProtocol: { mode: "require", trust: LOCAL, ...proxyProtocol },
      ...options,
    },
  });
}

const WHOLE = HEADERS[0]!;

/** What a header lacks, each time something else: all parts of all headers. */
function* parts(): Iterable<Uint8Array> {
  for (const header of HEADERS) {
    for (let length = 0; length < header.length; length++) {
      yield header.subarray(0, length);
    }
  }
}

const isSilent = (error: unknown) =>
  `${error}` ===
    "TimeoutError: The PROXY header took longer than proxyProtocol.timeout, 1000 ms";
const isCut = (error: unknown) =>
  /^UnexpectedEof: Cannot read the PROXY header: the connection ended after \d+ bytes of it$/
    .test(`${error}`);

for (const mode of ["require", "optional"] as const) {
  Deno.test(`a peer that is silent after any part of a PROXY header is given up (${mode})`, async () => {
    await using served = await start({ mode, timeout: 1_000 });
    const ends = Array.from(parts(), async (part) => {
      const client = await Deno.connect(served.addr);
      await writeAll(client, part);
      return await readAll(client);
    });
    // They hold up nobody.
    strictEqual((await told(served.addr, WHOLE, bytes("x"))).sent, "x");
    const answers = await Promise.all(ends);
    ok(answers.every((text) => text === ""));
    const errors = await served.untilErrors(answers.length);
    ok(errors.every(isSilent), `${errors[0]}`);
    strictEqual((await told(served.addr, WHOLE, bytes("x"))).sent, "x");
  });
}

Deno.test("a peer that is gone after any part of a PROXY header is closed, without a word if it sent nothing", async () => {
  await using served = await start();
  let cut = 0;
  await Promise.all(Array.from(parts(), async (part) => {
    if (part.length > 0) cut++;
    strictEqual(await send(served.addr, part), "");
  }));
  const errors = await served.untilErrors(cut);
  strictEqual((await told(served.addr, WHOLE, bytes("x"))).sent, "x");
  deepStrictEqual(served.errors, []);
  ok(errors.every(isCut), `${errors[0]}`);
});

Deno.test("a peer that is gone inside an optional PROXY header may not have meant one", async () => {
  await using served = await start({ mode: "optional" });
  for (const header of HEADERS) {
    const signature = header[0] === 0x50 ? 6 : 12;
    for (let length = 0; length < header.length; length++) {
      const part = header.subarray(0, length);
      if (length < signature) {
        const { sent } = await told(served.addr, part);
        strictEqual(sent, new TextDecoder("latin1").decode(part));
      } else strictEqual(await send(served.addr, part), "");
    }
  }
  await served.server.shutdown();
  const errors = served.takeErrors();
  ok(errors.every(isCut), `${errors[0]}`);
});

Deno.test("a PROXY header may come byte by byte, and in one piece with what follows", async () => {
  await using served = await start();
  for (const header of HEADERS) {
    const client = await Deno.connect(served.addr);
    // Each byte is a segment of its own.
    client.setNoDelay(true);
    for (const byte of header) await client.write(Uint8Array.of(byte));
    await client.write(bytes("what follows"));
    await client.closeWrite();
    strictEqual(JSON.parse(await readAll(client)).sent, "what follows");
    const large = new Uint8Array(60_000).fill(0x61);
    const { sent } = await told(served.addr, joined(header, large));
    strictEqual(sent.length, 60_000);
  }
});

Deno.test("a PROXY header may be as long as maxLength, and no longer", async () => {
  for (const size of [512, 513, 4_096, 65_551]) {
    await using served = await start({ maxLength: size });
    const value = (length: number) => new Uint8Array(length).fill(7);
    const header = (length: number) =>
      encodeProxyHeader({
        ...FOUR,
        tlvs: { others: [{ type: 0xe0, value: value(length - 28 - 3) }] },
      });
    const seen = await told(served.addr, header(size), bytes("x"));
    strictEqual(seen.sent, "x");
    const { tlvs } = seen.proxy as { tlvs: { others: { value: string }[] } };
    strictEqual(tlvs.others[0]!.value, value(size - 31).toHex());
    if (size === 65_551) continue;
    strictEqual(await send(served.addr, header(size + 1)), "");
    strictEqual(
      `${await served.untilErrors()}`,
      `InvalidData: Cannot read the PROXY header: it has ${
        size + 1
      } bytes; maxLength allows ${size}`,
    );
  }
});

Deno.test("PROXY headers with lengths that lie are refused at once, or wait for more", async () => {
  await using served = await start({ timeout: 300 });
  const header = encodeProxyHeader({
    ...FOUR,
    tlvs: { authority: "example.org" },
  });
  const changed = (at: number, byte: number) => {
    const wrong = header.slice();
    wrong[at] = byte;
    return wrong;
  };
  const cases: [Uint8Array, RegExp][] = [
    // The TLV's length: behind the header, and inside the next TLV.
    [changed(30, 12), /a TLV of it ends 1 bytes behind it/],
    [changed(29, 255), /a TLV of it ends 65280 bytes behind it/],
    [changed(30, 9), /a TLV of it ends 1 bytes behind it/],
    // The header's: too short for its addresses, inside its TLV, too long.
    [changed(15, 11), /it has 11 bytes for addresses of 12/],
    [changed(15, 16), /a TLV of it ends 10 bytes behind it/],
    [changed(14, 255), /maxLength allows 4096/],
    [changed(15, 27), /took longer than proxyProtocol.timeout, 300 ms/],
  ];
  for (const [wrong, expected] of cases) {
    const client = await Deno.connect(served.addr);
    await writeAll(client, wrong);
    strictEqual(await readAll(client).catch(() => ""), "");
    const [error] = await served.untilErrors();
    ok(expected.test(`${error}`), `${error}`);
  }
});

Deno.test("a peer that resets its connection before a PROXY header is closed without a word", async () => {
  await using served = await start();
  for (let i = 0; i < 20; i++) (await Deno.connect(served.addr)).close();
  strictEqual((await told(served.addr, WHOLE, bytes("x"))).sent, "x");
  deepStrictEqual(served.errors, []);
});

Deno.test("handleRequest() has served one whose PROXY header is bad", async () => {
  const errors: unknown[] = [];
  await using server = new TCPServer(LOOPBACK, Teller, {
    proxyProtocol: { mode: "require", trust: LOCAL },
    onError: (error) => void errors.push(error),
  });
  const refused = send(server.addr, bytes("no header"));
  await server.handleRequest();
  strictEqual(await refused, "");
  strictEqual(errors.length, 1);
  const served = told(server.addr, WHOLE, bytes("x"));
  await server.handleRequest();
  strictEqual((await served).sent, "x");
});

Deno.test("a shutdown waits for a PROXY header as long as for a handler", async () => {
  await using served = await start({ timeout: Infinity });
  const client = await Deno.connect(served.addr);
  const other = await Deno.connect(served.addr);
  await client.write(WHOLE.subarray(0, 9));
  await other.write(WHOLE.subarray(0, 9));
  // Others that came later are served: those two have been accepted.
  await told(served.addr, WHOLE);
  const ended = served.server.shutdown({ gracePeriod: 500 });
  await writeAll(client, joined(WHOLE.subarray(9), bytes("in time")));
  await client.closeWrite();
  strictEqual(JSON.parse(await readAll(client)).sent, "in time");
  strictEqual(await readAll(other), "");
  await patiently(ended, () => "the end of the shutdown");
  deepStrictEqual(
    served.takeErrors().map((error) => `${error}`),
    [
      "AbortError: The server shut down and the request did not finish within 500 ms",
    ],
  );
  await refuses(served.addr);
});

Deno.test("requestTimeout and idleTimeout go on behind a PROXY header", async () => {
  await using served = await start({}, {
    idleTimeout: 100,
    requestTimeout: 10_000,
  });
  const client = await Deno.connect(served.addr);
  await writeAll(client, joined(WHOLE, bytes("then nothing")));
  strictEqual(await readAll(client), "");
  strictEqual(
    `${await served.untilErrors()}`,
    "TimeoutError: The connection was idle for longer than idleTimeout, 100 ms",
  );
});
