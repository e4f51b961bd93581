// PROXY headers before a TLS handshake, and before `startTLS`.

import { deepStrictEqual, strictEqual } from "node:assert";
import {
  encodeProxyHeader,
  ForkingTLSServer,
  StreamRequestHandler,
  type TCPAddr,
  ThreadingTLSServer,
  TLSServer,
} from "../../../mod.ts";
import { LOOPBACK, readAll } from "../../_loopback.ts";
import type { TLSCertificate } from "../../../mod.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../../server/testing/mod.ts";
import { bytes, FOUR, joined, LOCAL, send, writeAll } from "./_clients.ts";
import { Teller } from "./_told_handler.ts";

const HEADERS = [
  encodeProxyHeader({ version: 1, ...FOUR }),
  encodeProxyHeader({ ...FOUR, checksum: true }),
];
const proxyProtocol = { mode: "require", trust: LOCAL } as const;

/** How an alert of TLS begins (RFC 8446, sections 5.1 and 6). */
const ALERT = "\x15\x03";

/**
 * A balancer for one connection in TLS: it sends what stands before that, in one
 * segment with the first that its client sends.
 */
async function throughBalancer(
  address: TCPAddr,
  before: Uint8Array,
  { cert }: TLSCertificate,
): Promise<string> {
  using listener = Deno.listen(LOOPBACK);
  const passing = (async () => {
    const client = await listener.accept();
    const hello = new Uint8Array(16_384);
    const n = await client.read(hello);
    const server = await Deno.connect(address);
    await writeAll(server, joined(before, hello.subarray(0, n!)));
    await Promise.all([passOn(client, server), passOn(server, client)]);
    client.close();
    server.close();
  })();
  const { port } = listener.addr;
  const client = await Deno.connectTls({
    ...{ hostname: "localhost", port, caCerts: [cert] },
  });
  await writeAll(client, bytes("in TLS"));
  await client.closeWrite();
  const answer = await readAll(client);
  await passing;
  return answer;
}

/** Passes on what one side sends, and its end. */
async function passOn(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16_384);
  for (let n; (n = await from.read(buffer)) !== null;) {
    await writeAll(to, buffer.subarray(0, n));
  }
  await to.closeWrite();
}

for (
  const [where, Server, options] of [
    ["on the event loop", TLSServer, {}],
    ["in threads", ThreadingTLSServer, { workers: 1 }],
    ["in processes", ForkingTLSServer, { spareChildren: 0 }],
  ] as const
) {
  Deno.test(
    `a handler ${where} is told the client of a PROXY header before a TLS handshake`,
    async () => {
      const own = await selfSignedCertificate();
      await using served = await serveForTest(
        new Server({ ...LOOPBACK, ...own }, Teller, {
          ...{ ...options, proxyProtocol, onError() {} },
          // Connections are wrapped then a second time.
          idleTimeout: 20_000,
        }),
      );
      for (const header of HEADERS) {
        const seen = JSON.parse(
          await throughBalancer(served.addr, header, own),
        );
        deepStrictEqual(seen.client, FOUR.source);
        strictEqual(seen.sent, "in TLS");
        strictEqual(seen.proxy.command, "PROXY");
      }
      deepStrictEqual(served.errors, []);
      // A second header is the client's, which speaks no TLS.
      const alert = await send(served.addr, HEADERS[0]!, HEADERS[0]!);
      strictEqual(alert.slice(0, 2), ALERT);
      const [error] = await served.untilErrors();
      strictEqual((error as Error).name, "InvalidData");
    },
  );
}

Deno.test(
  "a TLS server takes a connection without an optional PROXY header",
  async () => {
    const own = await selfSignedCertificate();
    await using served = await serveForTest(
      new TLSServer({ ...LOOPBACK, ...own }, Teller, {
        proxyProtocol: { ...proxyProtocol, mode: "optional" },
      }),
    );
    for (const before of [new Uint8Array(), HEADERS[1]!]) {
      const seen = JSON.parse(await throughBalancer(served.addr, before, own));
      const hasCome = before.length > 0;
      deepStrictEqual(seen.client, hasCome ? FOUR.source : seen.peer);
      strictEqual(seen.proxy !== undefined, hasCome);
    }
  },
);

Deno.test(
  "what a PROXY header has told is known after startTLS() too",
  async () => {
    const own = await selfSignedCertificate();
    class Upgrading extends StreamRequestHandler {
      override async handle() {
        await this.rfile.readLine();
        this.wfile.write("go on\n");
        await this.startTLS(own);
        const { source } = this.proxy ?? {};
        await this.wfile.write(JSON.stringify(source));
      }
    }
    await using served = await serveForTest(Upgrading, {
      options: { proxyProtocol },
    });
    const plain = await Deno.connect(served.addr);
    await writeAll(plain, joined(HEADERS[0]!, bytes("STARTTLS\n")));
    const answer = new Uint8Array(6);
    for (let n = 0; n < 6;) n += (await plain.read(answer.subarray(n)))!;
    const client = await Deno.startTls(plain, {
      ...{ hostname: "localhost", caCerts: [own.cert] },
    });
    deepStrictEqual(JSON.parse(await readAll(client)), FOUR.source);
  },
);
