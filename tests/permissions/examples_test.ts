import { deepStrictEqual, match, strictEqual } from "node:assert";
import { patiently } from "../_patience.ts";
import { type Child, Folder, testWith } from "../_program.ts";
import { ask, readAll } from "../_loopback.ts";
import { commandOf, exampleNames } from "../examples/_example.ts";
import { openssl } from "../peers/_peers.ts";
import { answer, script, startInTerminal, untilPrinted } from "./_terminal.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;

/** Starts an example with the flags of its first line, where Deno would ask. */
function start(
  name: string,
  places: Readonly<Record<string, string | number>>,
  args?: readonly (string | number)[],
): Child {
  const replace = (word: string) =>
    Object.entries(places).reduce(
      (word, [from, to]) => word.replaceAll(from, String(to)),
      word,
    );
  const { flags, args: own } = commandOf(name);
  return startInTerminal([
    ...["run", "--quiet", ...flags.map(replace), `examples/${name}.ts`],
    ...(args ?? own.map(replace)).map(String),
  ], ROOT);
}

/** Tests that have run, or will. */
const tested = new Set(["start"]);

function test(
  name: string,
  run: () => Promise<void>,
  programs = [script],
): void {
  tested.add(name);
  testWith(
    programs,
    `in a terminal, ${name}.ts asks for no permission beyond its first line's`,
    run,
  );
}

const get = (path: string) => `GET ${path} HTTP/1.0\r\n\r\n`;
const CALL =
  "<?xml version='1.0'?><methodCall><methodName>system.listMethods</methodName></methodCall>";
const POST =
  `POST /RPC2 HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: ${CALL.length}\r\n\r\n${CALL}`;
const THANKS = /^Thank you for connecting/;
const ANY = /^/;

/** Examples that listen on TCP, what they are sent, and what they answer. */
const servers: readonly (readonly [
  name: string,
  args: readonly (string | number)[],
  request: string,
  expected: RegExp,
])[] = [
  ["cgi_server", [0, "as-server"], get("/cgi-bin/greet.ts"), /your name/],
  ["chat", [0], "/nick Ada\n", /Welcome to lobby/],
  ["dashboard", [0, 0, 0], "a\n", /^[\da-f]{64}/],
  ["fetch_hello", [0], get("/"), /200 OK/],
  ["file_server", ["examples", 0], get("/"), /file_server\.ts/],
  ["forking_server", [0], "", THANKS],
  ["hash_service", [0], "a\n", /^[\da-f]{64}/],
  ["key_value_server", [0], "PING\r\n", /^\+PONG/],
  ["line_server_asyncchat", [0], "x\n", /^Say something/],
  ["poll_server", [0], "x\n", ANY],
  ["prime_server", [0, 0], "10\n", /^4 primes below 10/],
  ["readiness_echo", [0], "x\n", /^x/],
  ["sandboxed_calculator", [0], "6 * 7\n", /^42/],
  ["select_server", [0], "x\n", ANY],
  ["service", [0], "", /^Hello from process \d+/],
  ["socket_server", [0, 3], "", THANKS],
  ["stream_handler_server", [0], "", THANKS],
  ["tcp_server", [0], "", THANKS],
  ["threading_server", [0], "", THANKS],
  ["xmlrpc_calculator", [0], POST, /add/],
];

for (const [name, args, request, expected] of servers) {
  test(name, async () => {
    const places = Object.fromEntries(
      [1234, 1235, 6379, 8000, 8080].map((port) => [`:${port}`, ":0"]),
    );
    await using child = start(name, places, args);
    const [, port] = await untilPrinted(child, /Listening on \S+:(\d+)/);
    const server = { hostname: "127.0.0.1", port: Number(port) };
    // Who ends its side takes no page that takes long.
    const coming = /HTTP/.test(request)
      ? askPage(server, request)
      : ask(server, request);
    match(await answer(child, coming), expected);
    // Ctrl-C. Without it the server would get the SIGHUP of its terminal alone, on
    // which one of threads or processes replaces them, and goes on for ever.
    await child.send("\x03");
    await child.output();
  });
}

async function askPage(
  server: Deno.ConnectOptions,
  request: string,
): Promise<string> {
  const conn = await Deno.connect(server);
  await conn.write(new TextEncoder().encode(request));
  return await readAll(conn);
}

/** Serves one client what a client of the examples needs, and ends. */
async function serveOnce(
  child: (port: number) => Child,
  reply: string,
): Promise<void> {
  using listener = Deno.listen(LOOPBACK);
  await using client = child(listener.addr.port);
  const conn = await patiently(listener.accept(), () => "a client");
  await conn.write(new TextEncoder().encode(reply));
  await conn.closeWrite();
  const read = new Response(conn.readable).text().catch(() => "closed");
  const ended = client.output().then(() => "its end");
  strictEqual(await answer(client, ended), "its end");
  await read;
}

test("tcp_client", () =>
  serveOnce((port) => start("tcp_client", { 1234: port }, [port]), "hello\n"));

test("socket_client", () =>
  serveOnce((port) => start("socket_client", {}, [port]), "hello\n"));

test("xmlrpc_calculator_client", () =>
  serveOnce(
    (port) => start("xmlrpc_calculator_client", { 1234: port }, [port]),
    "HTTP/1.1 500 Nothing\r\nContent-Length: 0\r\n\r\n",
  ));

/** What a target of theirs says, when it has heard everything. */
async function answerOne(listener: Deno.Listener): Promise<void> {
  const conn = await patiently(listener.accept(), () => "what is passed on");
  // Bytes that stay unread would make of its end a reset, which may lose the answer.
  const part = new Uint8Array(100);
  while (await conn.read(part) !== null);
  await conn.write(new TextEncoder().encode("passed on"));
  conn.close();
}

test("port_forwarder", async () => {
  using listener = Deno.listen(LOOPBACK);
  const { port: target } = listener.addr;
  await using child = start("port_forwarder", { 1234: 0, 8080: target });
  const [, port] = await untilPrinted(child, /Listening on \S+:(\d+)/);
  const answered = ask({ hostname: "127.0.0.1", port: Number(port) }, "x\n");
  await answerOne(listener);
  match(await answer(child, answered), /^passed on/);
});

test("http_proxy", async () => {
  using listener = Deno.listen(LOOPBACK);
  const target = `127.0.0.1:${listener.addr.port}`;
  const places = { ":3128": ":0", "example.org": target };
  await using child = start("http_proxy", places, [0]);
  const [, port] = await untilPrinted(child, /Listening on \S+:(\d+)/);
  const proxy = { hostname: "127.0.0.1", port: Number(port) };
  const connect = (host: string) =>
    `CONNECT ${host} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const elsewhere = askPage(proxy, connect("127.0.0.1:1"));
  match(await answer(child, elsewhere), /^HTTP\/1\.1 403 /);
  const answered = ask(proxy, `${connect(target)}x\n`);
  await answerOne(listener);
  match(await answer(child, answered), /\r\n\r\npassed on$/);
});

test("https_two_names", async () => {
  await using child = start("https_two_names", { ":8443": ":0" }, [0]);
  const [, port] = await untilPrinted(child, /Listening on \S+:(\d+)/);
  await using client = openssl.start(
    ...["s_client", "-quiet", "-connect", `127.0.0.1:${port}`],
    ...["-servername", "two.test"],
  );
  await client.send("GET / HTTP/1.1\r\nHost: two.test\r\n\r\n");
  const answered = client.until("This is two.test").then(() => "two");
  strictEqual(await answer(child, answered), "two");
  client.kill("SIGTERM");
  await client.output();
}, [script, openssl]);

test("mail_server", async () => {
  await using child = start("mail_server", { ":2525": ":0" }, [0]);
  const [, port] = await untilPrinted(child, /Listening on \S+:(\d+)/);
  await using client = openssl.start(
    ...["s_client", "-quiet", "-starttls", "smtp"],
    ...["-connect", `127.0.0.1:${port}`],
  );
  await client.send("NOOP\r\n");
  const answered = client.until("250 Ok").then(() => "250");
  strictEqual(await answer(child, answered), "250");
  client.kill("SIGTERM");
  await client.output();
}, [script, openssl]);

test("tls_echo", async () => {
  await using child = start("tls_echo", { ":1234": ":0" }, [0]);
  const [, port] = await untilPrinted(child, /Listening on \S+:(\d+)/);
  await using client = openssl.start(
    ...["s_client", "-quiet", "-connect", `127.0.0.1:${port}`],
  );
  await client.send("one\n");
  const echoed = client.until("one\n").then(() => "one");
  strictEqual(await answer(child, echoed), "one");
}, [script, openssl]);

test("udp_time", async () => {
  await using child = start("udp_time", {}, [0]);
  const [, port] = await untilPrinted(child, /Listening on \S+:(\d+)/);
  const client = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
  try {
    await client.send(new TextEncoder().encode("?"), {
      ...{ transport: "udp", hostname: "127.0.0.1", port: Number(port) },
    });
    const received = client.receive()
      .then(([bytes]) => new TextDecoder().decode(bytes));
    match(await answer(child, received), /^\d{4}-/);
  } finally {
    client.close();
  }
});

test("udp_time_client", async () => {
  const server = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
  try {
    const { port } = server.addr as Deno.NetAddr;
    await using child = start("udp_time_client", { 1234: port }, [port]);
    const asked = server.receive().then(async ([, client]) => {
      await server.send(new TextEncoder().encode("late\n"), client);
      return `code ${(await child.output()).code}`;
    });
    strictEqual(await answer(child, asked), "code 0");
  } finally {
    server.close();
  }
});

test("unix_control", async () => {
  await using folder = new Folder();
  const path = `${await Deno.realPath(folder.at("."))}/control.sock`;
  await using child = start("unix_control", { "/tmp/control.sock": path });
  await untilPrinted(child, /Listening on (\S+)/);
  match(
    await answer(child, ask({ transport: "unix", path }, "uptime\n")),
    /^\d+ s/,
  );
});

test("hand_over", async () => {
  await using folder = new Folder();
  const path = folder.at("worker");
  const places = { "/tmp/hand_over.sock": path };
  await using worker = start("hand_over", places, ["work", path]);
  await untilPrinted(worker, /Working on/);
  await using front = start("hand_over", places, ["front", path, 0]);
  const [, port] = await untilPrinted(front, /Listening on \S+:(\d+)/);
  const answered = ask({ hostname: "127.0.0.1", port: Number(port) }, "x\n");
  match(await answer(worker, answered), /^\d+: X/);
});

test("multicast_discovery", async () => {
  using free = Deno.listen(LOOPBACK);
  const { port } = free.addr;
  const own = ["127.0.0.1", port] as const;
  await using offer = start("multicast_discovery", {}, [
    ...["offer", "lamp", 80, ...own],
  ]);
  await untilPrinted(offer, /Offering lamp/);
  await using find = start("multicast_discovery", {}, ["find", ...own]);
  const [found] = await untilPrinted(find, /\d+ found/);
  strictEqual(found, "1 found");
});

Deno.test("every example is run in a terminal", () => {
  deepStrictEqual([...tested].sort(), exampleNames());
});
