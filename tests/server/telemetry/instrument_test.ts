import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import { encodeProxyHeader, TCPServer } from "../../../mod.ts";
import { tracing } from "../../../handlers/_tracing.ts";
import { CHANNELS } from "../../../server/_events/channels.ts";
import { HTTPServer } from "../../../server/http/mod.ts";
import { instrument } from "../../../server/telemetry/mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { Child, Folder } from "../../_program.ts";
import { patiently } from "../../_patience.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";
import { Collector, type ToldSpan } from "./_collector.ts";

const PROGRAM = new URL("_instrumented_program.ts", import.meta.url).pathname;

/** The way from one process to a collector. */
function environment(url: string): Record<string, string> {
  return {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_TIMEOUT: "500",
    OTEL_METRIC_EXPORT_INTERVAL: "100",
    OTEL_BSP_SCHEDULE_DELAY: "50",
    NO_COLOR: "1",
  };
}

interface Started extends AsyncDisposable {
  readonly child: Child;
  readonly ports: Readonly<Record<string, number>>;
}

/** Starts the program. */
async function start(
  env: Record<string, string>,
  ...args: readonly string[]
): Promise<Started> {
  const child = new Child(
    Deno.execPath(),
    ["run", "-A", "--unstable-net", PROGRAM, ...args],
    env,
  );
  const [line] = await child.until(/\{.*\}/);
  const { active, ports, again } = JSON.parse(line);
  strictEqual(active, env.OTEL_DENO === "true");
  // What is told twice would be counted twice.
  strictEqual(
    again,
    active
      ? "Busy: Cannot instrument a server: it is instrumented already; dispose of that first"
      : undefined,
  );
  return {
    ...{ child, ports },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

const at = (port: number | undefined) => ({
  hostname: "127.0.0.1",
  port: port!,
});

/** A request that Deno's own client has not put into a trace. */
function request(target: string, ...headers: readonly string[]): string {
  return [
    `GET ${target} HTTP/1.1`,
    ...["Host: site.example:8080", "Connection: close"],
    ...[...headers, "", ""],
  ].join("\r\n");
}

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

const isOurs = ({ scope }: ToldSpan) => scope === "@wire/socketserver";

Deno.test("requests of HTTP have spans and are measured, wherever they are answered", async () => {
  await using collector = await Collector.serve();
  await using program = await start(environment(collector.url));
  const { ports } = program;
  for (const name of ["http", "methods", "httpThreads", "httpCarried"]) {
    const port = ports[name];
    const before = collector.spans.length;
    const status = name === "methods" ? 202 : 200;
    const answer = await ask(
      at(port),
      request(
        "/path?a=b&sig=secret",
        `TraceParent: 00-${TRACE}-${PARENT}-01`,
        "User-Agent: by hand",
      ),
    );
    match(answer, RegExp(`^HTTP/1.1 ${status} `));
    const [span] = await collector.untilSpans(
      1,
      (span) => isOurs(span) && collector.spans.indexOf(span) >= before,
    );
    const { attributes, kind, status: code, traceId, parentSpanId } = span!;
    strictEqual(span!.name, "GET");
    // SPAN_KIND_SERVER, STATUS_CODE_UNSET.
    deepStrictEqual([kind, code], [2, 0]);
    deepStrictEqual([traceId, parentSpanId], [TRACE, PARENT], name);
    const { "client.port": client, "network.peer.port": peer, ...rest } =
      attributes;
    ok(Number(client) > 0 && client === peer);
    deepStrictEqual(rest, {
      "http.request.method": "GET",
      "http.response.status_code": status,
      "url.scheme": "http",
      "url.path": "/path",
      "url.query": "a=b&sig=REDACTED",
      "server.address": "site.example",
      "server.port": 8080,
      "client.address": "127.0.0.1",
      "network.peer.address": "127.0.0.1",
      "network.protocol.version": "1.1",
      "network.transport": "tcp",
      "network.type": "ipv4",
      "user_agent.original": "by hand",
    });
    ok(span!.duration >= 0 && span!.duration < 20_000);
    const failed = await ask(at(port), request("/fail"));
    match(failed, /^HTTP\/1.1 500 /);
    const [failure] = await collector.untilSpans(
      1,
      (told) =>
        isOurs(told) && collector.spans.indexOf(told) >= before &&
        told.attributes["url.path"] === "/fail",
    );
    // STATUS_CODE_ERROR; a trace of its own.
    deepStrictEqual([failure!.status, failure!.parentSpanId], [2, ""]);
    strictEqual(failure!.attributes["error.type"], "RangeError");
    strictEqual(failure!.attributes["http.response.status_code"], 500);
    const [[event, exception]] = failure!.events as [[string, never]];
    strictEqual(event, "exception");
    strictEqual(exception["exception.message"], "as it was told");
  }
  const duration = (status: number) =>
    collector.untilValue(
      "http.server.request.duration",
      ({ attributes, value }) =>
        attributes["http.response.status_code"] === status &&
        // Of all threads together.
        value === (status === 202 ? 1 : status === 200 ? 3 : 4),
    );
  strictEqual((await duration(202)).unit, "s");
  await duration(200);
  deepStrictEqual((await duration(500)).attributes, {
    "http.request.method": "GET",
    "http.response.status_code": 500,
    "url.scheme": "http",
    "network.protocol.version": "1.1",
    "error.type": "RangeError",
  });
});

Deno.test("a handler's own spans are part of its request", async () => {
  await using collector = await Collector.serve();
  await using program = await start(environment(collector.url));
  for (const name of ["http", "httpThreads", "httpCarried"]) {
    const before = collector.spans.length;
    const target = `/?ask=${encodeURIComponent(`${collector.url}/ping`)}`;
    match(await ask(at(program.ports[name]), request(target)), / 200 /);
    const since = (span: ToldSpan) => collector.spans.indexOf(span) >= before;
    const [server] = await collector.untilSpans(
      1,
      (span) => isOurs(span) && since(span),
    );
    const [client] = await collector.untilSpans(
      1,
      (span) => span.scope === "deno" && since(span),
    );
    strictEqual(client!.traceId, server!.traceId, name);
    strictEqual(client!.parentSpanId, server!.spanId, name);
  }
});

Deno.test("other connections have spans and are measured, wherever they are handled", async () => {
  await using folder = new Folder();
  await using collector = await Collector.serve();
  const path = folder.at("socket");
  await using program = await start(environment(collector.url), "{}", path);
  for (
    const [name, spanName] of [
      ["tcp", "OneLine"],
      ["tcpThreads", "OneLine"],
      ["tcpProcesses", "ForkingTCPServer"],
      ["unix", "OneLine"],
    ] as const
  ) {
    const isUnix = name === "unix";
    const address = isUnix
      ? { transport: "unix", path } as const
      : at(program.ports[name]);
    const ofServer = ({ attributes }: ToldSpan) =>
      isUnix
        ? attributes["server.address"] === path
        : attributes["server.port"] === program.ports[name];
    strictEqual(await ask(address, "hello\n"), "hello\n");
    const [span] = await collector.untilSpans(1, ofServer);
    deepStrictEqual(
      [span!.name, span!.kind, span!.status],
      [spanName, 2, 0],
    );
    const { attributes } = span!;
    strictEqual(attributes["network.transport"], isUnix ? "unix" : "tcp");
    if (!isUnix) strictEqual(attributes["client.address"], "127.0.0.1");
    strictEqual(await ask(address, "fail\n"), "");
    const [, failed] = await collector.untilSpans(2, ofServer);
    strictEqual(failed!.status, 2);
    strictEqual(
      failed!.attributes["error.type"],
      name === "tcpProcesses" ? "failed" : "RangeError",
    );
    const isServer = ({ attributes }: { attributes: ToldSpan["attributes"] }) =>
      ofServer({ attributes } as ToldSpan);
    const measured = await collector.untilValue(
      "socketserver.connection.duration",
      (told) => isServer(told) && told.attributes["error.type"] === "failed",
    );
    deepStrictEqual([measured.value, measured.unit], [1, "s"]);
    await collector.untilValue(
      "socketserver.connections.accepted",
      (told) => isServer(told) && told.value === 2,
    );
    const io = await collector.untilValue(
      "socketserver.io",
      (told) =>
        isServer(told) && told.value === 11 &&
        told.attributes["network.io.direction"] === "receive",
    );
    strictEqual(io.unit, "By");
  }
  const lost = await collector.untilValue(
    "socketserver.workers.lost",
    ({ attributes }) => attributes["socketserver.kind"] === "processes",
  );
  deepStrictEqual([lost.value, lost.unit], [0, "{worker}"]);
});

Deno.test("behind a balancer, spans tell of the client and of the balancer", async () => {
  await using collector = await Collector.serve();
  await using program = await start(environment(collector.url));
  const port = program.ports.tcpProxied!;
  const header = encodeProxyHeader({
    version: 1,
    source: { transport: "tcp", hostname: "192.0.2.7", port: 56324 },
    destination: { transport: "tcp", hostname: "192.0.2.11", port: 443 },
  });
  strictEqual(
    await ask(at(port), `${new TextDecoder().decode(header)}hello\n`),
    "hello\n",
  );
  const [span] = await collector.untilSpans(
    1,
    ({ attributes }) => attributes["server.port"] === port,
  );
  const { attributes } = span!;
  deepStrictEqual(
    [attributes["client.address"], attributes["client.port"]],
    ["192.0.2.7", 56324],
  );
  strictEqual(attributes["network.peer.address"], "127.0.0.1");
});

Deno.test("what is not wanted is not told, and nothing after it was disposed of", async () => {
  await using collector = await Collector.serve();
  await using spans = await start(
    environment(collector.url),
    '{"metrics":false}',
  );
  for (const name of ["http", "httpThreads"]) {
    await ask(at(spans.ports[name]), request("/"));
  }
  await collector.untilSpans(2, isOurs);
  await using metrics = await start(
    environment(collector.url),
    '{"spans":false}',
  );
  for (const name of ["http", "httpThreads"]) {
    await ask(at(metrics.ports[name]), request("/"));
  }
  await collector.untilValue(
    "http.server.request.duration",
    ({ value }) => value === 2,
  );
  await spans.child.send("dispose\n");
  await spans.child.until("disposed");
  for (const name of ["http", "httpThreads", "httpCarried", "tcp"]) {
    await ask(at(spans.ports[name]), request("/late"));
  }
  // Deno sends what it has when it ends.
  for (const { child } of [spans, metrics]) {
    strictEqual((await child.output()).code, 0);
  }
  strictEqual(collector.spans.filter(isOurs).length, 2);
  ok(
    ![...collector.values.values()].some(({ metric, attributes }) =>
      metric.startsWith("socketserver.") &&
      attributes["server.port"] === spans.ports.http
    ),
  );
});

Deno.test("serving goes on where the collector is gone, or never answers", async () => {
  // A client that is accepted and never answered.
  using slow = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = gone.addr;
  gone.close();
  for (const collector of [port, slow.addr.port]) {
    await using program = await start(
      environment(`http://127.0.0.1:${collector}`),
    );
    const resident = () => {
      const status = Deno.readTextFileSync(
        `/proc/${program.child.pid}/status`,
      );
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
    };
    // More spans than Deno keeps for a collector.
    const many = async (count: number) => {
      const client = await Deno.connect(at(program.ports.http));
      const one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
      const buffer = new Uint8Array(64 * 1024);
      for (let i = 0; i < count; i += 50) {
        await client.write(new TextEncoder().encode(one.repeat(50)));
        for (let answers = 0; answers < 50;) {
          const n = await patiently(client.read(buffer), () => "answers");
          answers += new TextDecoder().decode(buffer.subarray(0, n!))
            .split("answered").length - 1;
        }
      }
      client.close();
    };
    await many(2_200);
    const before = resident();
    await many(2_200);
    ok(resident() - before < 64, `${before} MiB, then ${resident()}`);
    await program.child.closeStdin();
    const { code } = await patiently(
      program.child.output(),
      () => "the end of the program",
    );
    strictEqual(code, 0);
  }
});

Deno.test("where OpenTelemetry is off, nothing is told or asked", async () => {
  await using served = await serveForTest(
    () => new Response("answered"),
    { server: HTTPServer },
  );
  using telemetry = instrument(served.server);
  strictEqual(telemetry.active, false);
  strictEqual(tracing, undefined);
  strictEqual(CHANNELS.end.hasSubscribers, false);
  match(await ask(served.addr, request("/")), / 200 /);
  telemetry[Symbol.dispose]();
  await using program = await start({ OTEL_DENO: "false" });
  match(await ask(at(program.ports.httpThreads), request("/")), / 200 /);
});

Deno.test("what is no server, and options that are none, are refused", async () => {
  await using server = new TCPServer(LOOPBACK, () => {});
  throws(() => instrument({ addr: server.addr, stats: () => server.stats() }), {
    name: "TypeError",
    message: /^Cannot instrument a server: it must be a server of this module/,
  });
  throws(() => instrument(server, { spans: 1 as never }), {
    name: "TypeError",
    message:
      "Cannot instrument a server: spans must be true or false, received 1",
  });
  throws(() => instrument(server, { traces: true } as never), {
    name: "TypeError",
    message: /traces/,
  });
});
