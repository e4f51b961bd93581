// What CPython's test_socketserver checks, of every server that both have. The
// table in tests/README.md tells which test here shows which of its cases.

import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import * as handlers from "../../handlers/mod.ts";
import * as everything from "../../mod.ts";
import * as servers from "../../server/mod.ts";
import {
  HandlerLostError,
  type StreamRequestHandler,
  StreamWriter,
  TCPServer,
  ThreadingTCPServer,
  ThreadingUDPServer,
  ThreadingUnixDatagramServer,
  ThreadingUnixStreamServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Child, Folder } from "../_program.ts";
import { patiently } from "../_patience.ts";
import {
  ask,
  listenDatagramAgain,
  LOOPBACK,
  ownLoopback,
  refuses,
} from "../_loopback.ts";
import { Bad, EchoLine, EchoPacket, Exits } from "./_echo_line.ts";

const LINE = "hello world\n";

/** Sends a datagram, waits for the answer and closes the client's socket. */
async function askFrom(
  client: Deno.DatagramConn,
  server: Deno.Addr,
): Promise<string> {
  await client.send(new TextEncoder().encode(LINE), server);
  const [answer] = await client.receive();
  client.close();
  return new TextDecoder().decode(answer);
}

for (const Server of [TCPServer, ThreadingTCPServer]) {
  Deno.test(`${Server.name} echoes a line to each of three clients and shuts down`, async () => {
    const server = new Server(LOOPBACK, EchoLine);
    const served = server.serveForever();
    const { addr } = server;
    for (let i = 0; i < 3; i++) strictEqual(await ask(addr, LINE), LINE);
    await server.shutdown();
    await served;
    await refuses(addr);
  });
}

for (const Server of [UnixStreamServer, ThreadingUnixStreamServer]) {
  Deno.test(`${Server.name} echoes a line to each of three clients and shuts down`, async () => {
    await using folder = new Folder();
    const path = folder.at("s");
    const address = { transport: "unix", path } as const;
    const server = new Server({ path }, EchoLine);
    const served = server.serveForever();
    for (let i = 0; i < 3; i++) strictEqual(await ask(address, LINE), LINE);
    await server.shutdown();
    await served;
    await rejects(Deno.connect(address), Deno.errors.NotFound);
  });
}

for (const Server of [UDPServer, ThreadingUDPServer]) {
  Deno.test(`${Server.name} echoes a line to each of three clients and shuts down`, async () => {
    const server = new Server({ hostname: ownLoopback(), port: 0 }, EchoPacket);
    const served = server.serveForever();
    const { hostname, port } = server.addr;
    for (let i = 0; i < 3; i++) {
      const client = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
      strictEqual(await askFrom(client, server.addr), LINE);
    }
    await server.shutdown();
    await served;
    (await listenDatagramAgain({ hostname, port })).close();
  });
}

for (const Server of [UnixDatagramServer, ThreadingUnixDatagramServer]) {
  Deno.test(`${Server.name} echoes a line to each of three clients and shuts down`, async () => {
    await using folder = new Folder();
    const path = folder.at("s");
    const server = new Server({ path }, EchoPacket);
    const served = server.serveForever();
    for (let i = 0; i < 3; i++) {
      const client = Deno.listenDatagram({
        transport: "unixpacket",
        path: folder.at(`client${i}`),
      });
      strictEqual(await askFrom(client, server.addr), LINE);
    }
    await server.shutdown();
    await served;
    await rejects(Deno.lstat(path), Deno.errors.NotFound);
  });
}

Deno.test("shutdown() always ends serveForever(), however soon it is called", async () => {
  const all = Array.from(
    { length: 20 },
    () => new TCPServer(LOOPBACK, EchoLine),
  );
  const serving = all.map(async (server) => {
    const served = server.serveForever();
    await server.shutdown();
    await served;
  });
  await patiently(Promise.all(serving), () => "20 servers to shut down");
});

for (const Server of [TCPServer, ThreadingTCPServer]) {
  Deno.test(`${Server.name} can be closed without having served`, async () => {
    const server = new Server(LOOPBACK, EchoLine);
    const { addr } = server;
    server.close();
    await server.finished;
    await refuses(addr);
  });
}

Deno.test("await using closes a server at the end of its block", async () => {
  let addr: Deno.NetAddr;
  {
    await using server = new TCPServer(LOOPBACK, EchoLine);
    ({ addr } = server);
    (await Deno.connect(server.addr)).close();
  }
  await refuses(addr);
});

for (const Server of [TCPServer, ThreadingTCPServer]) {
  Deno.test(`${Server.name} hands what a handler throws to handleError, once`, async () => {
    const errors: unknown[] = [];
    class Reporting extends Server {
      override handleError(error: unknown) {
        errors.push(error);
      }
    }
    await using served = await serveForTest(Bad, { server: Reporting });
    strictEqual(await ask(served.addr), "handler called");
    await served.untilErrors();
    await served.server.shutdown();
    deepStrictEqual(errors.map(String), ["TypeError: Test error"]);
  });
}

Deno.test("a handler that exits ends the process, and handleError is not called", async () => {
  await using folder = new Folder();
  const file = folder.at("exits.ts");
  await Deno.writeTextFile(
    file,
    `import { TCPServer } from ${
      JSON.stringify(import.meta.resolve("../../mod.ts"))
    };
    class Server extends TCPServer {
      override handleError() { console.log("error handled"); }
    }
    const server = new Server({ hostname: "127.0.0.1", port: 0 }, () => {
      console.log("handler called");
      Deno.exit(72);
    });
    Deno.connect(server.addr);
    await server.serveForever();`,
  );
  await using child = new Child(
    Deno.execPath(),
    ["run", "--quiet", "--allow-net=127.0.0.1", file],
  );
  const { code, stdout, stderr } = await child.output();
  deepStrictEqual(
    { code, stdout: new TextDecoder().decode(stdout), stderr },
    { code: 72, stdout: "handler called\n", stderr: "" },
  );
});

Deno.test("a handler that exits in a thread ends that thread alone, and handleError is told", async () => {
  await using served = await serveForTest(Exits, {
    server: ThreadingTCPServer,
  });
  strictEqual(await ask(served.addr, "exit\n"), "");
  const [error] = await served.untilErrors();
  strictEqual(error instanceof HandlerLostError, true, String(error));
  strictEqual(await ask(served.addr, "go on\n"), "served");
});

Deno.test("wfile writes to the handler's own connection", async () => {
  const { promise, resolve } = Promise.withResolvers<StreamRequestHandler>();
  await using served = await serveForTest(
    async (handler) => {
      const { request, wfile } = handler;
      const written: string[] = [];
      const write = request.write.bind(request);
      request.write = (data) => {
        written.push(new TextDecoder().decode(data));
        return write(data);
      };
      await wfile.write("through it");
      deepStrictEqual(written, ["through it"]);
      resolve(handler);
    },
  );
  strictEqual(await ask(served.addr), "through it");
  const handler = await promise;
  strictEqual(handler.wfile instanceof StreamWriter, true);
});

Deno.test({
  name: "wfile sends at once, and signals cut nothing short",
  ignore: Deno.build.os === "windows",
  async fn() {
    // A byte more than the largest buffer of a socket, as CPython has it.
    const large = new Uint8Array(16 * 1024 * 1024 + 1);
    const { promise: answered, resolve } = Promise.withResolvers<string>();
    let isWritten = false;
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        // Not awaited nor flushed.
        wfile.write("write data\n");
        resolve((await rfile.readLine())!);
        await wfile.write(large);
        isWritten = true;
      },
    );
    using client = await Deno.connect(served.addr);
    const buffer = new Uint8Array(65_536);
    strictEqual(await client.read(buffer), "write data\n".length);
    await client.write(new TextEncoder().encode("client response\n"));
    strictEqual(await answered, "client response");
    let received = (await client.read(buffer.subarray(0, 100)))!;
    // The write waits for this client now. A signal comes meanwhile.
    const { promise: interrupted, resolve: interrupt } = Promise.withResolvers<
      void
    >();
    Deno.addSignalListener("SIGUSR1", interrupt);
    Deno.kill(Deno.pid, "SIGUSR1");
    await interrupted;
    Deno.removeSignalListener("SIGUSR1", interrupt);
    strictEqual(isWritten, false);
    for (let n; (n = await client.read(buffer)) !== null;) received += n;
    strictEqual(received, large.length);
  },
});

Deno.test("everything in server/ and handlers/ is exported, mod.ts being their sum", async () => {
  deepStrictEqual(
    Object.keys(everything).sort(),
    [...Object.keys(servers), ...Object.keys(handlers)].sort(),
  );
  const root = new URL("../../", import.meta.url);
  const { exports } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", root)),
  );
  const entries = Object.values<string>(exports)
    .filter((path) => /^\.\/(server|handlers)\//.test(path));
  const exported = new Set(entries.map((entry) => new URL(entry, root).href));
  entries.push("./server/_own_exports.ts");
  for (const entry of entries) {
    const url = new URL(entry, root);
    const text = await Deno.readTextFile(url);
    for (const [, path] of text.matchAll(/ from "(\..*)";$/gm)) {
      exported.add(new URL(path!, url).href);
    }
  }
  const check = async (folder: URL) => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (name.startsWith("_")) continue;
      if (isDirectory) await check(new URL(`${name}/`, folder));
      else strictEqual(exported.has(new URL(name, folder).href), true, name);
    }
  };
  for (const folder of ["server/", "handlers/"]) {
    await check(new URL(folder, root));
  }
});
