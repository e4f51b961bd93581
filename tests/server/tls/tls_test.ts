import { deepStrictEqual, strictEqual } from "node:assert";
import type { StreamRequestHandler, TLSServerOptions } from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { ReportingTLSServer } from "../../peers/_peers.ts";
import { LOOPBACK, serve } from "../../_serve.ts";
import type { TLSCertificate } from "../../../mod.ts";
import { selfSignedCertificate } from "../../../server/testing/mod.ts";

const TIMEOUT = 200;

async function start(
  handler: (handler: StreamRequestHandler) => void | Promise<void>,
  options: TLSServerOptions,
): Promise<{ server: ReportingTLSServer; certificate: TLSCertificate }> {
  const certificate = await selfSignedCertificate();
  const { cert, key } = certificate;
  const server = new ReportingTLSServer(
    { ...LOOPBACK, cert, key },
    handler as ConstructorParameters<typeof ReportingTLSServer>[1],
    options,
  );
  return { server: serve(server), certificate };
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
    const { server, certificate } = await start(async ({ wfile }) => {
      await elapse(10);
      await wfile.write("in time");
    }, { idleTimeout: TIMEOUT });
    const answer = await ask(
      server.addr,
      certificate,
      () => elapse(TIMEOUT + 20),
    );
    strictEqual(answer, "in time");
    await server.shutdown();
    deepStrictEqual(server.reports.errors, []);
  },
);

Deno.test(
  "a client silent in the TLS handshake holds up neither others nor shutdown()",
  async () => {
    const { server, certificate } = await start(
      ({ wfile }) => wfile.write("served"),
      { handshakeTimeout: 1_500, maxConnections: 1 },
    );
    using _silent = await Deno.connect(server.addr);
    const answer = await patiently(
      ask(server.addr, certificate),
      () => "an answer",
    );
    strictEqual(answer, "served");
    const [error] = await server.reports.until(1);
    strictEqual(
      (error as DOMException).message,
      "The TLS handshake took longer than handshakeTimeout, 1500 ms",
    );
    await patiently(server.shutdown(), () => "the end of the server");
    strictEqual(server.reports.errors.length, 1);
  },
);

Deno.test(
  "a TLS client that does not read is aborted in time and holds up no shutdown()",
  async () => {
    const { server, certificate } = await start(
      ({ wfile }) => wfile.write(new Uint8Array(12 << 20)),
      { requestTimeout: 100, maxConnections: 1 },
    );
    using client = await Deno.connectTls({
      hostname: "localhost",
      port: server.addr.port,
      caCerts: [certificate.cert],
    });
    await client.handshake();
    const [error] = await server.reports.until(1);
    strictEqual((error as DOMException).name, "TimeoutError");
    await patiently(server.shutdown(), () => "the end of the server");
  },
);
