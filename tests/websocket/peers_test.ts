// WebSocket clients that nobody here wrote: Deno's, Chromium, Python's `websockets`
// and Node's `ws`.
import { deepStrictEqual, strictEqual } from "node:assert";
import { HTTPServer, HTTPSServer } from "../../server/http/mod.ts";
import {
  selfSignedCertificate,
  serveForTest,
  type TestServer,
} from "../../server/testing/mod.ts";
import {
  type ServerWebSocket,
  upgradeWebSocket,
} from "../../handlers/websocket/mod.ts";
import { patiently } from "../_patience.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";

/** A program that needs a package which is no program. */
class ProgramWith extends Program {
  readonly #path: string;

  constructor(name: string, debianPackage: string, path: string) {
    super(name, debianPackage);
    this.#path = path;
  }

  override get missing(): boolean {
    try {
      return super.missing || !Deno.statSync(this.#path).isDirectory;
    } catch {
      return true;
    }
  }
}

const PYTHON_PACKAGES = "/usr/lib/python3/dist-packages";
const NODE_PACKAGES = "/usr/share/nodejs";
const chromium = new Program("chromium", "chromium");
const python = new ProgramWith(
  "python3",
  "python3-websockets",
  `${PYTHON_PACKAGES}/websockets`,
);
const node = new ProgramWith("node", "node-ws", `${NODE_PACKAGES}/ws`);

/** What the clients are served: an echo, and a word that has the server close. */
function speak(socket: ServerWebSocket): void {
  socket.onmessage = ({ data }) => {
    if (data === "close") socket.close(4001, "as you wish");
    else socket.send(data as string | ArrayBuffer);
  };
}

/** Serves WebSockets, a page, and takes what the page reports. */
class Site implements AsyncDisposable {
  readonly reported = Promise.withResolvers<unknown>();
  /** What the server saw of each connection's end. */
  readonly ends: unknown[] = [];
  #served: TestServer<HTTPServer> | undefined;

  static async serve(page = ""): Promise<Site> {
    const site = new Site();
    const headers = { "content-type": "text/html" };
    site.#served = await serveForTest(
      async (request) => {
        if (request.method === "POST") {
          site.reported.resolve(await request.json());
          return new Response("thanks");
        }
        if (request.headers.get("upgrade") === null) {
          return new Response(page, { headers });
        }
        const { socket, response } = upgradeWebSocket(request, {
          protocols: ["mine"],
          deflate: { threshold: 100 },
          maxMessageSize: 4 * 1024 * 1024,
        });
        speak(socket);
        socket.closed.then(({ code, reason, wasClean }) =>
          site.ends.push([code, reason, wasClean])
        );
        return response;
      },
      { server: HTTPServer },
    );
    return site;
  }

  get served(): TestServer<HTTPServer> {
    return this.#served!;
  }

  url(scheme: string): string {
    return `${scheme}://127.0.0.1:${this.served.addr.port}/`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.served[Symbol.asyncDispose]();
  }
}

/** Speaks to the server as every client should, and tells what came back. */
const CONVERSATION = String.raw`
async function converse(socket) {
  const told = [];
  const came = [];
  let wake = () => {};
  const take = (what) => {
    came.push(what);
    wake();
  };
  socket.onmessage = ({ data }) => take(data);
  socket.onclose = ({ code, reason, wasClean }) => take([code, reason, wasClean]);
  const next = async () => {
    while (came.length === 0) await new Promise((resolve) => wake = resolve);
    return came.shift();
  };
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("The socket was not opened"));
  });
  told.push(socket.protocol);
  for (const text of ["hello", "", "κόσμε 😀", "x".repeat(200000)]) {
    socket.send(text);
    told.push(await next() === text);
  }
  const bytes = Uint8Array.from({ length: 1000000 }, (_, i) => (i * 7) & 255);
  socket.send(bytes);
  const echo = new Uint8Array(await next());
  told.push(echo.length === bytes.length && echo.every((b, i) => b === bytes[i]));
  for (let i = 0; i < 100; i++) socket.send(String(i));
  for (let i = 0; i < 100; i++) {
    if (await next() !== String(i)) told.push(false);
  }
  socket.send("close");
  told.push(await next());
  return told;
}
`;

const EXPECTED = [
  ...["mine", true, true, true, true, true],
  [4001, "as you wish", true],
];

Deno.test("Deno's own client speaks to the server", async () => {
  await using site = await Site.serve();
  const converse = new Function(`${CONVERSATION} return converse;`)();
  deepStrictEqual(
    await patiently(
      converse(new WebSocket(site.url("ws"), ["other", "mine"])),
      () => "the conversation's end",
    ),
    EXPECTED,
  );
  deepStrictEqual(site.served.errors, []);
});

Deno.test("Deno's own client speaks to the server over TLS", async () => {
  const { cert, key } = await selfSignedCertificate();
  await using served = await serveForTest(
    new HTTPSServer({ ...LOOPBACK, cert, key }, (request) => {
      const { socket, response } = upgradeWebSocket(request, {
        protocols: ["mine"],
      });
      speak(socket);
      return response;
    }),
  );
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const converse = new Function(`${CONVERSATION} return converse;`)();
  const socket = new WebSocket(`wss://localhost:${served.addr.port}/`, {
    protocols: ["mine"],
    client,
  });
  deepStrictEqual(
    await patiently(converse(socket), () => "the conversation's end"),
    EXPECTED,
  );
});

testWith(
  [chromium],
  "Chromium speaks to the server, with compression",
  async () => {
    await using site = await Site.serve(
      `<!DOCTYPE html><title>test</title><script>
${CONVERSATION}
const socket = new WebSocket(location.href.replace("http", "ws"), ["mine"]);
converse(socket).catch(String).then((told) => fetch("/", {
  method: "POST",
  body: JSON.stringify({ told, extensions: socket.extensions }),
}));
</script>`,
    );
    await using profile = new Folder();
    await using _browser = chromium.start(
      ...["--headless", "--no-sandbox", "--disable-gpu"],
      ...[`--user-data-dir=${profile.path}`, site.url("http")],
    );
    deepStrictEqual(
      await patiently(site.reported.promise, () => "the page's report"),
      { told: EXPECTED, extensions: "permessage-deflate" },
    );
    deepStrictEqual(site.ends, [[4001, "as you wish", true]]);
    deepStrictEqual(site.served.errors, []);
  },
);

/** Prints what a client of Python's saw. */
const PYTHON = String.raw`
import asyncio, json, sys
sys.path.append(sys.argv[2])
import websockets

async def pieces():
    for piece in ("fragments ", "of ", "", "one message"):
        yield piece

async def main():
    async with websockets.connect(sys.argv[1], subprotocols=["other", "mine"]) as socket:
        told = [socket.subprotocol, [str(each) for each in socket.extensions][0][:13]]
        for message in ("hello", "", "κόσμε 😀", "x" * 200_000, b"", bytes(range(256)) * 4_000):
            await socket.send(message)
            told.append(await socket.recv() == message)
        await socket.send(pieces())
        told.append(await socket.recv())
        await asyncio.wait_for(await socket.ping(b"ping"), 40)
        for i in range(100):
            await socket.send(str(i))
        told.append([await socket.recv() for _ in range(100)] == [str(i) for i in range(100)])
        await socket.send("close")
        try:
            await socket.recv()
        except websockets.ConnectionClosed as closed:
            told.append([closed.code, closed.reason])
    async with websockets.connect(sys.argv[1], compression=None) as socket:
        await socket.send("plain " * 100)
        told.append(await socket.recv() == "plain " * 100)
        await socket.close(code=3000, reason="bye")
        told.append(socket.close_code)
    print(json.dumps(told))

asyncio.run(asyncio.wait_for(main(), 40))
`;

testWith([python], "Python's websockets speaks to the server", async () => {
  await using site = await Site.serve();
  const told = await python.run([
    ...["-c", PYTHON, site.url("ws"), PYTHON_PACKAGES],
  ]);
  const [protocol, extension, ...rest] = JSON.parse(told);
  deepStrictEqual([protocol, extension], ["mine", "PerMessageDef"]);
  deepStrictEqual(rest, [
    ...Array(6).fill(true),
    "fragments of one message",
    true,
    [4001, "as you wish"],
    ...[true, 3000],
  ]);
  deepStrictEqual(site.ends, [
    [4001, "as you wish", true],
    [3000, "bye", true],
  ]);
  deepStrictEqual(site.served.errors, []);
});

/** Prints what a client of Node's saw, which has as many parameters as there are. */
const NODE = String.raw`
const WebSocket = require(process.argv[2] + "/ws");
${CONVERSATION}
(async () => {
  const told = [];
  for (const perMessageDeflate of [
    false,
    true,
    { serverNoContextTakeover: true, clientNoContextTakeover: true },
    { serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
  ]) {
    const socket = new WebSocket(process.argv[1], ["mine"], { perMessageDeflate });
    const pinged = new Promise((resolve) => {
      socket.on("pong", (data) => resolve(String(data)));
    });
    socket.on("open", () => socket.ping("ping"));
    const [conversation, pong] = await Promise.all([converse(socket), pinged]);
    told.push([socket.extensions, pong, ...conversation]);
  }
  console.log(JSON.stringify(told));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
`;

testWith(
  [node],
  "Node's ws speaks to the server, with every kind of compression",
  async () => {
    await using site = await Site.serve();
    const told = JSON.parse(
      await node.run(["-e", NODE, site.url("ws"), NODE_PACKAGES]),
    );
    deepStrictEqual(
      told,
      ["", ...Array(3).fill("permessage-deflate")]
        .map((extensions) => [extensions, "ping", ...EXPECTED]),
    );
    strictEqual(site.ends.length, 4);
    deepStrictEqual(site.served.errors, []);
  },
);

testWith(
  [node],
  "a client that is killed ends nothing but its own connection",
  async () => {
    await using site = await Site.serve();
    // A client that is killed in the middle ends nobody else's connection.
    await using child = node.start(
      "-e",
      `const WebSocket = require(process.argv[2] + "/ws");
const socket = new WebSocket(process.argv[1]);
socket.on("open", () => socket.send("hello"));
socket.on("message", () => console.log("echoed"));`,
      site.url("ws"),
      NODE_PACKAGES,
    );
    await child.until("echoed");
    child.kill("SIGKILL");
    await child.output();
    await patiently(
      (async () => {
        while (site.ends.length === 0) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      })(),
      () => "the end",
    );
    deepStrictEqual(site.ends, [[1006, "", false]]);
    deepStrictEqual(site.served.errors, []);
  },
);
