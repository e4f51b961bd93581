import { deepStrictEqual, strictEqual } from "node:assert";
import {
  type StreamRequestHandler,
  TLSServer,
  type TLSServerOptions,
} from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import type { TLSCertificate } from "../../../mod.ts";
import { serveForTest, type TestServer } from "../../../server/testing/mod.ts";

const TIMEOUT = 200;

function start(
  handler: (handler: StreamRequestHandler) => void | Promise<void>,
  options: TLSServerOptions,
): Promise<TestServer<TLSServer>> {
  return serveForTest(
    handler as ConstructorParameters<typeof TLSServer>[1],
    { server: TLSServer, options },
  );
}

const elapse = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

async function ask(
  address: Deno.ConnectOptions,
  { cert }: TLSCertificate,
  beforeHandshake?: () => Promise<void>,
): Promise<string> {
  const raw = await Deno.connect(address);
  await beforeHandshake?.();
  const client = await Deno.startTls(raw, {
    hostname: "localhost",
    caCerts: [cert],
  });
  const buffer = new Uint8Array(100);
  const n = await client.read(buffer);
  client.close();
  return new TextDecoder().decode(buffer.subarray(0, n ?? 0));
}

Deno.test(
  "idleTimeout starts with the handler, however long the TLS handshake takes",
  async () => {
    await using served = await start(async ({ wfile }) => {
      await elapse(10);
      await wfile.write("in time");
    }, { idleTimeout: TIMEOUT });
    const answer = await ask(
      served.addr,
      served.certificate!,
      () => elapse(TIMEOUT + 20),
    );
    strictEqual(answer, "in time");
    await served.server.shutdown();
    deepStrictEqual(served.errors, []);
  },
);

Deno.test(
  "a client silent in the TLS handshake holds up neither others nor shutdown()",
  async () => {
    await using served = await start(
      ({ wfile }) => wfile.write("served"),
      { handshakeTimeout: 1_500, maxConnections: 1 },
    );
    using _silent = await Deno.connect(served.addr);
    const answer = await patiently(
      ask(served.addr, served.certificate!),
      () => "an answer",
    );
    strictEqual(answer, "served");
    const [error] = await served.untilErrors();
    strictEqual(
      (error as DOMException).message,
      "The TLS handshake took longer than handshakeTimeout, 1500 ms",
    );
    await patiently(served.server.shutdown(), () => "the end of the server");
    deepStrictEqual(served.errors, []);
  },
);

Deno.test(
  "a TLS client that does not read is aborted in time and holds up no shutdown()",
  async () => {
    await using served = await start(
      ({ wfile }) => wfile.write(new Uint8Array(12 << 20)),
      { requestTimeout: 100, maxConnections: 1 },
    );
    using client = await Deno.connectTls({
      hostname: "localhost",
      port: served.addr.port,
      caCerts: [served.certificate!.cert],
    });
    await client.handshake();
    const [error] = await served.untilErrors();
    strictEqual((error as DOMException).name, "TimeoutError");
    await patiently(served.server.shutdown(), () => "the end of the server");
  },
);
