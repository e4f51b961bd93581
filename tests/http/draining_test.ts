import { deepStrictEqual, ok, strictEqual } from "node:assert";
import {
  ForkingHTTPServer,
  HTTPServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { patiently } from "../_patience.ts";
import { Child, Folder } from "../_program.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../server/testing/mod.ts";
import { Impatient, Patient } from "./_patient_handlers.ts";
import { readUntil } from "./_raw_client.ts";
import { readBytes, repliesIn, writeBytes } from "./_replies.ts";
import { type Way, WAYS } from "./_targets.ts";

const CLIENTS = 100;

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** A server in a process of its own, which can be stopped. */
async function start(way: Way, folder: Folder): Promise<{
  readonly child: Child;
  readonly connect: () => Promise<Deno.Conn>;
}> {
  const path = folder.at("server");
  const args = [way, path];
  let cert = "";
  if (way === "TLS") {
    const made = await selfSignedCertificate();
    cert = made.cert;
    for (const [name, text] of Object.entries(made)) {
      await Deno.writeTextFile(folder.at(`${name}.text`), text);
    }
    args.push(folder.at("cert.text"), folder.at("key.text"));
  }
  const child = new Child(Deno.execPath(), [
    "run",
    "--allow-all",
    "--no-prompt",
    new URL("_draining_program.ts", import.meta.url).href,
    ...args,
  ]);
  const [port] = await child.until(/\d+(?=\n)/);
  switch (way) {
    case "TLS":
      return {
        child,
        connect: () =>
          Deno.connectTls({
            hostname: "localhost",
            port: Number(port),
            caCerts: [cert],
          }),
      };
    case "a Unix socket":
      return {
        child,
        connect: () => Deno.connect({ transport: "unix", path }),
      };
    default:
      return { child, connect: () => Deno.connect({ port: Number(port) }) };
  }
}

/** Asks for something and waits for the answer. */
async function ask(connection: Deno.Conn, path: string): Promise<void> {
  await writeBytes(connection, get(path));
  await readUntil(connection, path);
}

/** Reads to the end of the stream, and what was answered is all there is. */
async function bodiesTo(connection: Deno.Conn): Promise<string[]> {
  const text = await readBytes(connection);
  connection.close();
  return repliesIn(text).map(({ body }) => body);
}

for (const way of WAYS) {
  for (const which of ["first", "next"] as const) {
    Deno.test(`over ${way}, ${CLIENTS} ${which} requests that were sent before a shutdown are answered`, async () => {
      await using stack = new AsyncDisposableStack();
      const folder = stack.use(new Folder());
      const { child, connect } = await start(way, folder);
      stack.use(child);
      // Side by side: Deno's handshakes wait 40 ms each for an acknowledgement.
      const connections = await Promise.all(
        Array.from({ length: CLIENTS }, async () => {
          const connection = await connect();
          if (which === "next") await ask(connection, "/before");
          // Deno shakes hands with the first read or write.
          else if (way === "TLS") {
            await (connection as Deno.TlsConn).handshake();
          }
          return connection;
        }),
      );
      // They have all been accepted when one behind them has been served.
      using last = await connect();
      await ask(last, "/last");
      child.kill("SIGSTOP");
      for (const connection of connections) {
        await writeBytes(connection, get("/meanwhile"));
      }
      child.kill("SIGTERM");
      child.kill("SIGCONT");
      const bodies = await patiently(
        Promise.all(connections.map(bodiesTo)),
        () => "the answers",
      );
      deepStrictEqual(bodies, Array(CLIENTS).fill(["/meanwhile"]));
      await child.until("ended");
    });
  }
}

for (
  const [where, Server] of [
    ["on the event loop", HTTPServer],
    ["in threads", ThreadingHTTPServer],
    ["in processes", ForkingHTTPServer],
  ] as const
) {
  Deno.test(`a shutdown waits for the first request of a connection ${where}`, async () => {
    await using served = await serveForTest(Patient, { server: Server });
    const connection = await Deno.connect(served.addr);
    using before = await Deno.connect(served.addr);
    await ask(before, "/before");
    const down = served.server.shutdown({ gracePeriod: 60_000 });
    // The other one has had its answer.
    strictEqual(await before.read(new Uint8Array(1)), null);
    await writeBytes(connection, get("/first"));
    deepStrictEqual(await bodiesTo(connection), ["/first"]);
    await down;
  });

  Deno.test(`a shutdown waits for no first request longer than drainTimeout ${where}`, async () => {
    await using served = await serveForTest(Impatient, { server: Server });
    using silent = await Deno.connect(served.addr);
    using asking = await Deno.connect(served.addr);
    await ask(asking, "/");
    const down = served.server.shutdown({ gracePeriod: 60_000 });
    const end = silent.read(new Uint8Array(1));
    strictEqual(await patiently(end, () => "the end"), null);
    await down;
    deepStrictEqual(served.errors, []);
  });

  Deno.test(`a shutdown closes idle connections that their clients do not end ${where}`, async () => {
    await using served = await serveForTest(Patient, {
      server: Server,
      options: { lingerTimeout: 600_000 },
    });
    using connection = await Deno.connect(served.addr);
    await ask(connection, "/");
    const down = served.server.shutdown({ gracePeriod: Infinity });
    strictEqual(await connection.read(new Uint8Array(1)), null);
    // Whoever goes on sending would be lingered with for 10 minutes.
    const sending = setInterval(
      () => void writeBytes(connection, "\r\n"),
      10,
    );
    try {
      await patiently(down, () => "the shutdown");
    } finally {
      clearInterval(sending);
    }
    deepStrictEqual(served.errors, []);
  });
}

Deno.test("a pipelined request that waits when the shutdown begins is answered as the last", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await using served = await serveForTest(
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/slow") {
        asked.resolve();
        await answer.promise;
      }
      return new Response(pathname);
    },
    { server: HTTPServer },
  );
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, get("/slow"));
  await asked.promise;
  await writeBytes(connection, get("/behind"));
  const down = served.server.shutdown({ gracePeriod: Infinity });
  answer.resolve();
  const replies = repliesIn(await readBytes(connection));
  connection.close();
  deepStrictEqual(
    replies.map(({ body, headers }) => [body, headers.get("connection")]),
    [["/slow", null], ["/behind", "close"]],
  );
  await down;
});

Deno.test("a connection whose handler is still being set up drains all the same", async () => {
  const settingUp = Promise.withResolvers<void>();
  const ready = Promise.withResolvers<void>();
  class Late extends Impatient {
    override async setup(): Promise<void> {
      settingUp.resolve();
      await ready.promise;
    }
  }
  await using served = await serveForTest(Late, { server: HTTPServer });
  using connection = await Deno.connect(served.addr);
  await settingUp.promise;
  const down = served.server.shutdown({ gracePeriod: Infinity });
  ready.resolve();
  strictEqual(await connection.read(new Uint8Array(1)), null);
  await down;
});

Deno.test("shutdownSignal tells a stream of events of the shutdown", async () => {
  await using served = await serveForTest(
    (_request, { shutdownSignal }) =>
      new Response(
        new ReadableStream({
          start(controller) {
            const encoder = new TextEncoder();
            controller.enqueue(encoder.encode("begun"));
            shutdownSignal.onabort = () => {
              controller.enqueue(encoder.encode("ended"));
              controller.close();
            };
          },
        }),
      ),
    { server: HTTPServer },
  );
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, get("/events"));
  await readUntil(connection, "5\r\nbegun\r\n");
  const down = served.server.shutdown({ gracePeriod: Infinity });
  await readUntil(connection, "5\r\nended\r\n0\r\n\r\n");
  connection.close();
  await down;
});

Deno.test("shutdownSignal is aborted where the shutdown has begun before", async () => {
  const told = Promise.withResolvers<boolean>();
  await using served = await serveForTest(
    (_request, handler) => {
      void handler.server.shutdown();
      told.resolve(handler.shutdownSignal.aborted);
      return new Response();
    },
    { server: HTTPServer },
  );
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, get("/"));
  ok(await told.promise);
  await readBytes(connection);
  connection.close();
});
