import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import {
  ForkingTCPServer,
  TCPServer,
  ThreadingTCPServer,
  UDPServer,
  UnixStreamServer,
} from "../../../mod.ts";
import {
  type CountingServer,
  OPEN_METRICS_TYPE,
  openMetrics,
} from "../../../server/telemetry/mod.ts";
import { HTTPServer } from "../../../server/http/mod.ts";
import { serveForTest, type TestServer } from "../../../server/testing/mod.ts";
import { Folder, Program, testWith } from "../../_program.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";
import { EchoLine } from "../_echo_line.ts";
import { statsWhen } from "../numbers/_ways.ts";

/** Python with Prometheus's own parser. */
const python = new Program(
  "python3",
  "python3-prometheus-client",
  (path) =>
    new Deno.Command(path, {
      args: ["-c", "import prometheus_client.openmetrics.parser"],
      stderr: "null",
    }).outputSync().success,
);

interface Family {
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly help: string;
  readonly samples: readonly (readonly [
    name: string,
    labels: Readonly<Record<string, string>>,
    value: number,
  ])[];
}

const PARSE = new URL("_parse.py", import.meta.url).pathname;

/** What Prometheus reads. */
async function parse(text: string): Promise<readonly Family[]> {
  return JSON.parse(await python.run([PARSE], text));
}

/** The samples of a family, by a label. */
function samplesOf(
  families: readonly Family[],
  name: string,
  label: string,
): Record<string, number> {
  const family = families.find((each) => each.name === name);
  ok(family, `${name} is not among ${families.map(({ name }) => name)}`);
  return Object.fromEntries(
    family.samples.map(([, labels, value]) => [labels[label], value]),
  );
}

testWith(
  [python],
  "Prometheus's parser reads what servers have counted",
  async () => {
    await using plain = await serveForTest(EchoLine);
    await using threads = await serveForTest(EchoLine, {
      server: ThreadingTCPServer,
      options: { workers: 1 },
    });
    await using processes = await serveForTest(EchoLine, {
      server: ForkingTCPServer,
      options: { maxChildren: 1 },
    });
    await using datagrams = new UDPServer(LOOPBACK, () => {});
    for (const server of [plain.server, threads.server, processes.server]) {
      strictEqual(await ask(server.addr, "hello\n"), "hello\n");
      await statsWhen(
        server,
        ({ accepted, active, lingering }) =>
          accepted === 1 && active + lingering === 0,
      );
    }
    const families = await parse(
      openMetrics(plain.server, threads.server, processes.server, datagrams),
    );
    const label = ({ addr }: { readonly addr: Deno.NetAddr }) =>
      `127.0.0.1:${addr.port}`;
    deepStrictEqual(
      samplesOf(families, "socketserver_connections_accepted", "server"),
      {
        [label(plain.server)]: 1,
        [label(threads.server)]: 1,
        [label(processes.server)]: 1,
        [label(datagrams)]: 0,
      },
    );
    const io = families.find(({ name }) => name === "socketserver_io_bytes")!;
    deepStrictEqual([io.type, io.unit], ["counter", "bytes"]);
    deepStrictEqual(io.samples[0], [
      "socketserver_io_bytes_total",
      { server: label(plain.server), transport: "tcp", direction: "receive" },
      6,
    ]);
    const { refused, aborted } = plain.server.stats();
    for (const [name, counts] of Object.entries({ refused, aborted })) {
      deepStrictEqual(
        samplesOf(families, `socketserver_connections_${name}`, "reason"),
        counts,
      );
    }
    const workers = families.find(({ name }) =>
      name === "socketserver_workers"
    )!;
    strictEqual(workers.type, "gauge");
    deepStrictEqual(
      new Set(workers.samples.map(([, { kind }]) => kind)),
      new Set(["threads", "processes"]),
    );
    const start = families.find(({ name }) =>
      name === "socketserver_start_time_seconds"
    )!;
    strictEqual(start.samples[0]![2], plain.server.stats().since / 1_000);
    for (const { help, samples } of families) {
      ok(help.length > 5 && samples.length > 0);
    }
  },
);

testWith(
  [python],
  "quotes, newlines and backslashes in names come back as they were",
  async () => {
    await using folder = new Folder();
    const path = folder.at('a "socket"\nof \\n');
    await using unix = new UnixStreamServer({ path }, () => {});
    const names = [
      'say "hello"',
      "two\nlines",
      "back\\slash\\n",
      "",
      "a=b,c{d}#é",
    ];
    const families = await parse(
      openMetrics(unix, ...names.map((name) => ({ name, server: unix }))),
    );
    deepStrictEqual(
      Object.keys(
        samplesOf(families, "socketserver_connections_active", "server"),
      ),
      [path, ...names],
    );
  },
);

testWith([python], "no server is a scrape without metrics", async () => {
  strictEqual(openMetrics(), "# EOF\n");
  deepStrictEqual(await parse(openMetrics()), []);
});

Deno.test("a scrape is answered over HTTP, with the server's own numbers in it", async () => {
  await using served: TestServer<HTTPServer> = await serveForTest(
    () =>
      new Response(openMetrics(served.server), {
        headers: { "Content-Type": OPEN_METRICS_TYPE },
      }),
    { server: HTTPServer },
  );
  const response = await fetch(`http://127.0.0.1:${served.addr.port}/metrics`);
  strictEqual(response.headers.get("Content-Type"), OPEN_METRICS_TYPE);
  const text = await response.text();
  match(text, /^socketserver_connections_active\{.*\} 1$/m);
  ok(text.endsWith("\n# EOF\n"));
});

Deno.test("two servers with the same labels, and what is no server, are refused", async () => {
  await using one = new TCPServer(LOOPBACK, () => {});
  throws(() => openMetrics(one, one), {
    name: "TypeError",
    message:
      /^Cannot tell metrics: two servers have the labels .* name them: openMetrics\(\{ name: "…", server \}, …\)$/,
  });
  ok(openMetrics(one, { name: "another", server: one }).includes("another"));
  for (const none of [undefined, null, 1, {}, { name: 1, server: one }]) {
    throws(() => openMetrics(none as unknown as CountingServer), {
      name: "TypeError",
      message: /^Cannot tell metrics: each must be a server/,
    });
  }
});

Deno.test("a server whose class has a name, or another server, is told of as itself", async () => {
  class Named extends TCPServer {
    readonly name: unknown = 7;
    readonly server = new Map();
  }
  await using server = new Named(LOOPBACK, () => {});
  ok(
    openMetrics(server).includes(`server="127.0.0.1:${server.addr.port}"`),
  );
});

Deno.test("names that cannot be sent are told apart as they are sent", async () => {
  await using server = new TCPServer(LOOPBACK, () => {});
  ok(openMetrics({ name: "\ud800", server }).includes('server="\ufffd"'));
  throws(
    () => openMetrics({ name: "\ud800", server }, { name: "\ud801", server }),
    { name: "TypeError", message: /two servers have the labels/ },
  );
});
