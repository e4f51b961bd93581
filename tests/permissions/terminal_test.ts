import { ok } from "node:assert";
import { patiently } from "../_patience.ts";
import { type Child, Folder, testWith } from "../_program.ts";
import { makeCertificate } from "../_certificate.ts";
import { opening } from "../websocket/_wire.ts";
import { answer, script, startInTerminal, untilPrinted } from "./_terminal.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SERVED = new URL("./_served.ts", import.meta.url).pathname;
/** What threads import. */
const SOURCES = ["server", "handlers", "mod.ts", "tests/permissions"]
  .map((path) => ROOT + path).join();
const NET = "--allow-net=127.0.0.1:0";

const encode = (text: string) => new TextEncoder().encode(text);

/** Runs one of the servers with just the given flags. */
function serve(what: string, flags: readonly string[], where = ""): Child {
  return startInTerminal(
    ["run", "--quiet", "--no-config", ...flags, SERVED, what, where],
  );
}

/** Waits until it listens. It must ask nobody for anything. */
async function listening(child: Child): Promise<number> {
  const [, port] = await untilPrinted(child, /at (\d+);/);
  return Number(port);
}

async function ask(conn: Deno.Conn, request: string): Promise<string> {
  await conn.write(encode(request));
  const answer = await new Response(
    conn.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
  ).text();
  return answer;
}

const get = (path: string, ...headers: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, "Host: localhost", "Connection: close", ...headers]
    .join("\r\n") + "\r\n\r\n";
const CALL =
  "<?xml version='1.0'?><methodCall><methodName>x</methodName></methodCall>";
const POST =
  `POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/xml\r\nContent-Length: ${CALL.length}\r\n\r\n${CALL}`;

/** A client of a datagram server. */
class Client implements Disposable {
  readonly socket: Deno.DatagramConn;

  constructor(socket: Deno.DatagramConn) {
    this.socket = socket;
  }

  async receive(): Promise<string> {
    return new TextDecoder().decode((await this.socket.receive())[0]);
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

/** The rows of the README's tables whose servers listen on TCP. */
const rows: readonly (readonly [
  what: string,
  flags: (folder: string) => readonly string[],
  request: string,
  answer: RegExp,
])[] = [
  ["tcp", () => [], "x\n", /^<x>\n$/],
  ["threads", () => [`--allow-read=${SOURCES}`], "x\n", /^<x>\n$/],
  ["threads of HTTP", () => [`--allow-read=${SOURCES}`], get("/"), /<x>\n$/],
  ["processes", () => ["--allow-run=deno"], "x\n", /^<x>\n$/],
  ["function of a request", () => [], get("/"), /<x>\n$/],
  ["WebSocket", () => [], opening(), /^HTTP\/1\.1 101 [^]*<x>\n/],
  ["files", (at) => [`--allow-read=${at}`], get("/file.txt"), /<x>\n$/],
  ["files", (at) => [`--allow-read=${at}`], get("/"), /file\.txt/],
  [
    "one file",
    (at) => [`--allow-read=${at}/file.txt`],
    get("/", "Accept-Encoding: gzip"),
    /<x>\n$/,
  ],
  ["one file", () => [], get("/x"), /^HTTP\/1\.1 500 /],
  [
    "link to a file",
    (at) => [`--allow-read=${at}/links`],
    get("/"),
    /<x>\n$/,
  ],
  [
    "link to files",
    (at) => [`--allow-read=${at}/links`],
    get("/file.txt"),
    /<x>\n$/,
  ],
  [
    "CGI",
    (at) => [`--allow-read=${at}`, `--allow-run=${at}/cgi-bin/x`],
    get("/cgi-bin/x"),
    /<x>\n/,
  ],
  ["XML-RPC", () => [], POST, /&lt;x(&gt;|>)/],
];

for (const [what, flags, request, expected] of rows) {
  testWith(
    [script],
    `in a terminal, ${what} asks for no permission beyond the README's (${
      request.slice(0, 12).trim()
    })`,
    async () => {
      await using folder = new Folder();
      const at = await Deno.realPath(folder.at("."));
      // Scripts of a server that root runs are nobody's.
      await Deno.chmod(at, 0o755);
      await Deno.writeTextFile(`${at}/file.txt`, "<x>\n");
      await Deno.mkdir(`${at}/links`);
      await Deno.symlink("../file.txt", `${at}/links/file.txt`);
      await Deno.symlink("..", `${at}/links/folder`);
      await Deno.mkdir(`${at}/cgi-bin`);
      await Deno.writeTextFile(
        `${at}/cgi-bin/x`,
        "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n<x>\\n'\n",
        { mode: 0o755 },
      );
      await using child = serve(what, [NET, ...flags(at)], at);
      const port = await listening(child);
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      const text = await answer(child, ask(conn, request));
      ok(expected.test(text), text);
    },
  );
}

testWith(
  [script],
  "in a terminal, tls asks for no permission beyond the README's",
  async () => {
    await using folder = new Folder();
    const { cert, key } = await makeCertificate(folder);
    const at = await Deno.realPath(folder.at("."));
    await Deno.writeTextFile(`${at}/cert.pem`, cert);
    await Deno.writeTextFile(`${at}/key.pem`, key);
    await using child = serve("tls", [
      NET,
      `--allow-read=${at}/cert.pem,${at}/key.pem`,
    ], at);
    const conn = await Deno.connectTls({
      hostname: "localhost",
      port: await listening(child),
      caCerts: [cert],
    });
    ok(await answer(child, ask(conn, "x\n")) === "<x>\n");
  },
);

testWith(
  [script],
  "in a terminal, unix asks for no permission beyond the README's",
  async () => {
    await using folder = new Folder();
    const path = `${await Deno.realPath(folder.at("."))}/a.sock`;
    await using child = serve("unix", [
      `--allow-read=${path}`,
      `--allow-write=${path}`,
      `--allow-net=unix:${path}`,
    ], path);
    await listening(child);
    const conn = await Deno.connect({ transport: "unix", path });
    ok(await answer(child, ask(conn, "x\n")) === "<x>\n");
  },
);

for (const what of ["udp", "threads of datagrams"]) {
  testWith(
    [script],
    `in a terminal, ${what} asks for no permission beyond the README's`,
    async () => {
      using client = new Client(Deno.listenDatagram({
        transport: "udp",
        hostname: "127.0.0.1",
        port: 0,
      }));
      const { port: own } = client.socket.addr as Deno.NetAddr;
      await using child = serve(what, [
        "--unstable-net",
        `${NET},127.0.0.1:${own}`,
        ...what === "udp" ? [] : [`--allow-read=${SOURCES}`],
      ]);
      const port = await listening(child);
      await client.socket.send(encode("x"), {
        transport: "udp",
        hostname: "127.0.0.1",
        port,
      });
      const text = await answer(
        child,
        client.receive(),
      );
      ok(text === "<x>\n", text);
    },
  );
}

for (const what of ["udp", "threads of datagrams"]) {
  testWith(
    [script],
    `in a terminal, ${what} reports a reply to a client without a grant, and goes on`,
    async () => {
      const open = () =>
        new Client(Deno.listenDatagram({
          transport: "udp",
          hostname: "127.0.0.1",
          port: 0,
        }));
      using stranger = open();
      using client = open();
      const { port: own } = client.socket.addr as Deno.NetAddr;
      await using child = serve(what, [
        "--unstable-net",
        `${NET},127.0.0.1:${own}`,
        ...what === "udp" ? [] : [`--allow-read=${SOURCES}`],
      ]);
      const server = {
        transport: "udp" as const,
        hostname: "127.0.0.1",
        port: await listening(child),
      };
      await stranger.socket.send(encode("x"), server);
      await patiently(
        child.until(
          /NotCapable: Cannot send to 127\.0\.0\.1:\d+: requires net access to it, run again with --allow-net=127\.0\.0\.1(?!:)/,
        ),
        () => "the report",
      );
      await client.socket.send(encode("x"), server);
      ok(await answer(child, client.receive()) === "<x>\n");
    },
  );
}

testWith(
  [script],
  "in a terminal, unix datagrams asks for no permission beyond the README's",
  async () => {
    await using folder = new Folder();
    const at = await Deno.realPath(folder.at("."));
    const paths = [`${at}/server.sock`, `${at}/client.sock`];
    using client = new Client(Deno.listenDatagram({
      transport: "unixpacket",
      path: paths[1]!,
    }));
    await using child = serve("unix datagrams", [
      "--unstable-net",
      `--allow-read=${paths}`,
      `--allow-write=${paths}`,
      `--allow-net=${paths.map((path) => `unix:${path}`)}`,
    ], paths[0]!);
    await listening(child);
    await client.socket.send(encode("x"), {
      transport: "unixpacket",
      path: paths[0]!,
    });
    const text = await answer(
      child,
      client.receive(),
    );
    ok(text === "<x>\n", text);
  },
);

testWith(
  [script],
  "in a terminal, unix datagrams names flags that permit replies to clients whose names change",
  async () => {
    await using folder = new Folder();
    const at = await Deno.realPath(folder.at("."));
    const path = `${at}/server.sock`;
    const open = () =>
      new Client(Deno.listenDatagram({
        transport: "unixpacket",
        path: `${at}/${crypto.randomUUID()}`,
      }));
    const server = { transport: "unixpacket", path } as const;
    const start = (...flags: readonly string[]) =>
      serve("unix datagrams", ["--unstable-net", ...flags], path);
    using client = open();
    let said: string;
    {
      await using refusing = start(
        ...["read", "write"].map((name) => `--allow-${name}=${path}`),
        `--allow-net=unix:${path}`,
      );
      await listening(refusing);
      await client.socket.send(encode("x"), server);
      const [, flags] = await patiently(
        refusing.until(/Cannot send to .* run again with (--allow-[^\r\n]*)/),
        () => "the report",
      );
      said = flags!;
    }
    // It was killed.
    await Deno.remove(path);
    await using child = start(...said.split(" "));
    await listening(child);
    using other = open();
    await other.socket.send(encode("x"), server);
    const text = await answer(child, other.receive());
    ok(text === "<x>\n", text);
  },
);

for (const how of ["--threads", "--processes"]) {
  testWith(
    [script],
    `in a terminal, deno task start ${how} asks for no permission`,
    async () => {
      const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
      const [deno, ...words] = tasks.start.split(" ");
      ok(deno === "deno", tasks.start);
      await using child = startInTerminal(
        [...words, "--port", "0", how],
        ROOT,
      );
      const [, port] = await untilPrinted(child, /127\.0\.0\.1:(\d+)/);
      const conn = await Deno.connect({
        hostname: "127.0.0.1",
        port: Number(port),
      });
      // It greets, or answers the line.
      const first = async () => {
        await conn.write(encode("x\n"));
        return `${await conn.read(new Uint8Array(100))}`;
      };
      const came = await answer(child, first());
      conn.close();
      ok(/^\d+$/.test(came), came);
    },
  );
}
