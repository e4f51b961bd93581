import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { createConnection } from "node:net";
import { once } from "node:events";
import { isDisconnect } from "../_loopback.ts";
import { patiently } from "../_patience.ts";
import { exists, until } from "../server/processes/_processes.ts";
import { readUntil } from "./_raw_client.ts";
import { requestOf, Site } from "./_cgi_site.ts";

const decoder = new TextDecoder();

/** The process that a script's header tells. */
function pidIn(head: string): number {
  return Number(/X-Pid: (\d+)/.exec(head)![1]);
}

function gone(pid: number): Promise<void> {
  return until(`script ${pid} to be gone`, () => !exists(pid));
}

/** Connects and asks a script to do something; reads its header. */
async function begin(site: Site, query: string): Promise<[Deno.Conn, number]> {
  const client = await site.connect();
  await client.write(
    new TextEncoder().encode(requestOf(`GET /cgi-bin/behave?${query}`)),
  );
  let head = "";
  const buffer = new Uint8Array(100);
  while (!head.includes("\r\n\r\n")) {
    const n = await client.read(buffer);
    head += decoder.decode(buffer.subarray(0, n!));
  }
  return [client, pidIn(head)];
}

for (
  const [query, why] of [
    ["print-nothing", "it printed nothing"],
    ["die-early", "SIGKILL ended it"],
    [
      "print-no-header",
      "its output ended after 12 bytes, before the empty line",
    ],
    ["flood-header", "its header is longer than 16384 bytes"],
    ["flood-line", "its header is longer than 16384 bytes"],
  ] as const
) {
  Deno.test(`a CGI script that is to ${query} is answered with 502`, async () => {
    await using site = await Site.serve();
    const { status, body } = await site.get(`/cgi-bin/behave?${query}`);
    strictEqual(status, 502);
    strictEqual(body.includes("Hello"), false);
    strictEqual(site.log.length > 0, true);
    strictEqual(
      site.log[0]!.startsWith(`CGI script /cgi-bin/behave failed: ${why}`),
      true,
      site.log[0],
    );
    deepStrictEqual(site.served.errors, []);
    // The connection was not the script's to lose.
    strictEqual((await site.get("/cgi-bin/query?next")).body, "next");
  });
}

Deno.test("a CGI script's exit code is logged, with and without an answer", async () => {
  await using site = await Site.serve();
  strictEqual((await site.get("/cgi-bin/behave?exit-early")).status, 502);
  deepStrictEqual(site.log.splice(0, 2), [
    "CGI script /cgi-bin/behave ended with exit code 3",
    "CGI script /cgi-bin/behave failed: it printed nothing",
  ]);
  site.log.length = 0;
  const { status, body, complete } = await site.get(
    "/cgi-bin/behave?exit-late",
  );
  deepStrictEqual([status, body, complete], [200, "done\n", true]);
  deepStrictEqual(site.log, [
    "CGI script /cgi-bin/behave ended with exit code 3",
  ]);
});

Deno.test("a CGI script that a signal ends leaves its answer incomplete", async () => {
  await using site = await Site.serve();
  const { status, body, complete } = await site.get("/cgi-bin/behave?die-late");
  deepStrictEqual([status, body, complete], [200, "begun\n", false]);
  match(
    String(await site.served.untilErrors()),
    /CGI script \/cgi-bin\/behave failed: SIGKILL ended it$/,
  );
});

Deno.test("what a CGI script writes to stderr is logged line by line", async () => {
  await using site = await Site.serve();
  const { body } = await site.get("/cgi-bin/behave?complain");
  strictEqual(body, "done\n");
  deepStrictEqual(site.log, [
    "CGI script /cgi-bin/behave wrote to stderr: first complaint",
    "CGI script /cgi-bin/behave wrote to stderr: second\x1b[31m complaint",
  ]);
});

Deno.test("of what a CGI script writes to stderr no more than 100 lines are logged", async () => {
  await using site = await Site.serve();
  const { body } = await site.get("/cgi-bin/behave?complain-at-length");
  strictEqual(body, "done\n");
  strictEqual(site.log.length, 100);
  match(site.log[98]!, /: complaint 99$/);
  match(site.log[99]!, /wrote to stderr: it wrote more, which is not logged$/);
});

Deno.test("a CGI script that hangs before its header is answered with 504", async () => {
  await using site = await Site.serve({ cgiTimeout: 1_000 });
  const started = performance.now();
  const { status } = await site.get("/cgi-bin/behave?hang-early");
  strictEqual(status, 504);
  ok(performance.now() - started > 990);
  deepStrictEqual(
    site.log[0],
    "CGI script /cgi-bin/behave failed: it neither took nor gave anything for 1000 ms",
  );
});

Deno.test("a CGI script that hangs after its header is ended, and its answer incomplete", async () => {
  await using site = await Site.serve({ cgiTimeout: 1_000 });
  const { headers, body, complete } = await site.get(
    "/cgi-bin/behave?hang-late",
  );
  deepStrictEqual([body, complete], ["begun\n", false]);
  await gone(Number(headers.get("x-pid")));
  match(String(await site.served.untilErrors()), /for 1000 ms$/);
});

Deno.test("a CGI script that ignores SIGTERM is ended by SIGKILL", async () => {
  await using site = await Site.serve({ cgiTimeout: 1_000 });
  const started = performance.now();
  const { status } = await site.get("/cgi-bin/behave?hang-stubborn");
  strictEqual(status, 504);
  ok(performance.now() - started >= 2_990);
});

Deno.test("the time that a client takes is not its CGI script's", async () => {
  await using site = await Site.serve({ cgiTimeout: 1_000 }, {
    allowErrors: isDisconnect,
  });
  const [client, pid] = await begin(site, "flood-body");
  // The script waits for the client, for longer than it may itself.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  strictEqual(exists(pid), true);
  const buffer = new Uint8Array(64 * 1024);
  for (let read = 0; read < 16 * 1024 * 1024;) {
    read += (await client.read(buffer))!;
  }
  client.close();
  await gone(pid);
});

Deno.test("a client that sends its body slowly has not made its CGI script hang", async () => {
  await using site = await Site.serve({ cgiTimeout: 1_000 });
  const client = await site.connect();
  const send = (text: string) => client.write(new TextEncoder().encode(text));
  await send(requestOf("POST /cgi-bin/behave?lines", ["Content-Length: 4"]));
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await send("one\n");
  await readUntil(client, "<one>\n\r\n0\r\n\r\n");
  client.close();
});

for (const query of ["hang-late", "flood-body"]) {
  Deno.test(`a CGI script that is to ${query} ends when its client resets`, async () => {
    await using site = await Site.serve();
    const socket = createConnection(site.addr.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(requestOf(`GET /cgi-bin/behave?${query}`));
    const [bytes] = await once(socket, "data");
    socket.pause();
    const pid = pidIn(decoder.decode(bytes));
    strictEqual(exists(pid), true);
    socket.resetAndDestroy();
    await once(socket, "close");
    await patiently(gone(pid), () => "the script to end");
    await site.served.untilErrors();
  });
}

Deno.test("a CGI script ends when its client closes and it goes on printing", async () => {
  await using site = await Site.serve({}, { allowErrors: isDisconnect });
  const [client, pid] = await begin(site, "flood-body");
  client.close();
  await gone(pid);
});

Deno.test("a CGI script ends with its server", async () => {
  await using site = await Site.serve();
  const [client, pid] = await begin(site, "hang-late");
  await site.served.server.shutdown({ gracePeriod: 0 });
  match(String(site.served.takeErrors()), /did not finish within 0 ms/);
  await gone(pid);
  client.close();
});

for (const query of ["close-stdin", "ignore-stdin"]) {
  Deno.test(`a CGI script may ${query}, however much the client sends`, async () => {
    await using site = await Site.serve();
    for (const size of [10, 200_000]) {
      const { status, body, complete } = await site.postTo(
        `/cgi-bin/behave?${query}`,
        "x".repeat(size),
      );
      deepStrictEqual([status, body, complete], [200, "done\n", true]);
    }
    deepStrictEqual(site.served.errors, []);
    deepStrictEqual(site.log, []);
  });
}

Deno.test("a CGI script whose client ends within its body is ended", async () => {
  await using site = await Site.serve();
  const client = await site.connect();
  await client.write(
    new TextEncoder().encode(
      requestOf("POST /cgi-bin/behave?lines", ["Content-Length: 10"]) + "one\n",
    ),
  );
  await readUntil(client, "<one>\n\r\n");
  await client.closeWrite();
  const rest = await new Response(
    client.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
  ).text();
  // Nothing says that the answer is complete.
  strictEqual(rest, "");
  match(
    String(await site.served.untilErrors()),
    /The body ended after 4 bytes/,
  );
});

Deno.test("what a CGI script has started may hold its output for a second", async () => {
  await using site = await Site.serve();
  const started = performance.now();
  const { headers, body, complete } = await site.get(
    "/cgi-bin/behave?leave-child",
  );
  const child = Number(headers.get("x-child"));
  strictEqual(exists(child), true);
  Deno.kill(child, "SIGKILL");
  deepStrictEqual([body, complete], ["done\n", true]);
  const took = performance.now() - started;
  ok(took >= 990, `${took} ms`);
  deepStrictEqual(site.served.errors, []);
});

Deno.test("a CGI script that runs on behind its output is ended", async () => {
  await using site = await Site.serve();
  const { body, complete } = await site.get("/cgi-bin/behave?close-stdout");
  deepStrictEqual([body, complete], ["done\n", false]);
  match(String(await site.served.untilErrors()), /it ran on for 3000 ms/);
});

Deno.test("a CGI script prints no more and no less than its Content-Length", async () => {
  await using site = await Site.serve();
  const more = await site.get("/cgi-bin/behave?print-more");
  deepStrictEqual([more.body, more.complete], ["hello", true]);
  deepStrictEqual(site.served.errors, []);
  const beyond = await site.get("/cgi-bin/behave?flood-beyond");
  deepStrictEqual([beyond.body, beyond.complete], ["hello", true]);
  match(
    String(await site.served.untilErrors()),
    /it printed more than 1048576 bytes behind its response$/,
  );
  const less = await site.get("/cgi-bin/behave?print-less");
  deepStrictEqual([less.body, less.complete], ["hello", false]);
  match(
    String(await site.served.untilErrors()),
    /its output ended 45 bytes before its Content-Length$/,
  );
});

Deno.test("a CGI script that prints for ever is ended on HEAD", async () => {
  await using site = await Site.serve();
  const { status, headers, body } = await site.send(
    requestOf("HEAD /cgi-bin/behave?flood-body"),
  );
  deepStrictEqual([status, body], [200, ""]);
  await gone(Number(headers.get("x-pid")));
  match(
    String(await site.served.untilErrors()),
    /it printed more than 1048576 bytes behind its response$/,
  );
});

Deno.test("a CGI script that redirects and does not end is answered with 504", async () => {
  await using site = await Site.serve();
  const { status } = await site.get("/cgi-bin/behave?redirect-and-hang");
  strictEqual(status, 504);
});

Deno.test("100 CGI scripts are gone when their server is", async () => {
  await using site = await Site.serve({ maxScripts: 100 });
  const pids = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const [client, pid] = await begin(site, "hang-late");
      client.close();
      return pid;
    }),
  );
  await site.served.server.shutdown({ gracePeriod: 100 });
  // Some are known to have lost their clients by then.
  for (const error of site.served.takeErrors()) {
    match(
      String(error),
      /did not finish within 100|^(BrokenPipe|ConnectionRe)/,
    );
  }
  await Promise.all(pids.map(gone));
});
