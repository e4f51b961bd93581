import { match, ok, rejects, strictEqual } from "node:assert";
import { connect } from "../../handlers/client/mod.ts";
import { selfSignedCertificate } from "../../server/testing/mod.ts";
import { ask } from "../_loopback.ts";
import { patiently } from "../_patience.ts";
import { Collector } from "../server/telemetry/_collector.ts";
import { WrittenProgram } from "./_written_program.ts";

Deno.test("the cookbook's settings reach handlers in threads and processes", async () => {
  await using program = await WrittenProgram.start(
    "docs/cookbook.md: Settings for handlers elsewhere",
  );
  // It compares what its clients are told itself.
  for (let server = 0; server < 3; server++) await program.address();
  await program.ended();
});

Deno.test("the cookbook's certificate is renewed on a signal", async () => {
  const old = await selfSignedCertificate();
  const renewed = await selfSignedCertificate();
  await using program = await WrittenProgram.start(
    "docs/cookbook.md: A certificate that is renewed",
    {
      files: { "fullchain.pem": old.cert, "privkey.pem": old.key },
      caller: `
        import { run, TLSServer } from "@wire/socketserver";
        import { renewOnSignal } from "./server.ts";

        const cert = await Deno.readTextFile("fullchain.pem");
        const key = await Deno.readTextFile("privkey.pem");
        const address = { hostname: "127.0.0.1", port: 0, cert, key };
        const server = new TLSServer(address, () => {});
        renewOnSignal(server, ".");
        await run(server);
      `,
    },
  );
  const address = await program.address();
  const connectTrusting = async (ca: string) => {
    await using client = await connect(address, {
      tls: { ca, serverName: "localhost" },
    });
    strictEqual(await client.rfile.readLine(), null);
  };
  await connectTrusting(old.cert);
  await rejects(connectTrusting(renewed.cert), Deno.errors.InvalidData);
  await Deno.writeTextFile(program.at("fullchain.pem"), renewed.cert);
  await Deno.writeTextFile(program.at("privkey.pem"), renewed.key);
  program.child.kill("SIGUSR2");
  const isRenewed = async () => {
    while (true) {
      try {
        return await connectTrusting(renewed.cert);
      } catch (error) {
        ok(error instanceof Deno.errors.InvalidData, `${error}`);
      }
    }
  };
  await patiently(isRenewed(), () => "the certificate that is new");
  await program.end();
});

Deno.test("the cookbook's server is scraped, and sends spans to a collector", async () => {
  await using collector = await Collector.serve();
  await using program = await WrittenProgram.start(
    "docs/cookbook.md: OpenTelemetry and Prometheus",
    {
      env: {
        OTEL_DENO: "true",
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        // What the collector reads, soon.
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_BSP_SCHEDULE_DELAY: "50",
      },
    },
  );
  const address = await program.address();
  const metrics = await program.address();
  strictEqual(await ask(address), "hello\n");
  const response = await fetch(`http://127.0.0.1:${metrics.port}/metrics`);
  match(
    response.headers.get("Content-Type")!,
    /^application\/openmetrics-text/,
  );
  match(await response.text(), /# EOF\n$/);
  await collector.untilSpans(1, ({ scope }) => scope === "@wire/socketserver");
  await program.end();
});
