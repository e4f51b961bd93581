// Options that stand for the hooks that most servers override.

import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import { TCPServer, UDPServer, UnixStreamServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { ask, LOOPBACK, readAll } from "../_loopback.ts";

Deno.test("verify decides which connections are served", async () => {
  const asked: string[] = [];
  let open = false;
  await using served = await serveForTest(
    ({ wfile }) => wfile.write("welcome"),
    {
      options: {
        verify(request, { hostname }) {
          asked.push(`${hostname} ${request.localAddr.port}`);
          return open ? Promise.resolve(true) : false;
        },
      },
    },
  );
  strictEqual(await ask(served.addr), "");
  open = true;
  strictEqual(await ask(served.addr), "welcome");
  deepStrictEqual(asked, Array(2).fill(`127.0.0.1 ${served.addr.port}`));
});

Deno.test("the address that onListen is told connects as it is", async () => {
  const told = Promise.withResolvers<Promise<Deno.TcpConn>>();
  await using _served = await serveForTest(
    ({ wfile }) => wfile.write("welcome"),
    { options: { onListen: (address) => told.resolve(Deno.connect(address)) } },
  );
  strictEqual(await readAll(await told.promise), "welcome");
});

Deno.test("the address of a server on a path connects as it is", async () => {
  const folder = Deno.makeTempDirSync();
  const told = Promise.withResolvers<Promise<Deno.UnixConn>>();
  await using served = await serveForTest(
    new UnixStreamServer(
      { path: `${folder}/socket` },
      ({ wfile }) => wfile.write("welcome"),
      { onListen: (address) => told.resolve(Deno.connect(address)) },
    ),
  );
  strictEqual(await readAll(await told.promise), "welcome");
  strictEqual(await readAll(await Deno.connect(served.addr)), "welcome");
  await served.server.shutdown();
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("onError is told what a handler throws, and of whose request", async () => {
  const told: unknown[] = [];
  await using served = await serveForTest(
    () => {
      throw new Error("unwell");
    },
    {
      options: {
        onError(error, request, clientAddress) {
          told.push([
            (error as Error).message,
            request?.remoteAddr.port === clientAddress?.port,
          ]);
        },
      },
    },
  );
  await ask(served.addr);
  match(String(await served.untilErrors()), /unwell/);
  deepStrictEqual(told, [["unwell", true]]);
});

Deno.test("a subclass's hooks come before the options", async () => {
  class Own extends TCPServer {
    override verifyRequest() {
      return true;
    }
  }
  await using served = await serveForTest(
    ({ wfile }) => wfile.write("own"),
    {
      server: Own,
      options: { verify: () => false },
    },
  );
  strictEqual(await ask(served.addr), "own");
});

Deno.test("callbacks that are no functions are refused before the socket is bound", () => {
  for (const name of ["onListen", "onError", "verify"]) {
    throws(() => new UDPServer(LOOPBACK, () => {}, { [name]: "print" }), {
      name: "TypeError",
      message:
        `Cannot create server: ${name} must be a function, received "print"`,
    });
  }
});

Deno.test("the default report shows the handler's error and its cleanup's, and no control characters", async () => {
  const printed: string[] = [];
  const error = console.error;
  console.error = (...args) => void printed.push(args.join(" "));
  try {
    await using served = await serveForTest(
      new TCPServer(
        LOOPBACK,
        class extends (await import("../../mod.ts")).StreamRequestHandler {
          override handle(): void {
            throw new Error("first \x1b]0;title\x07");
          }
          override finish(): void {
            throw new Error("second");
          }
        },
      ),
    );
    await ask(served.addr);
    await served.untilErrors();
    await served.server.shutdown();
  } finally {
    console.error = error;
  }
  strictEqual(printed.length, 1);
  const [text] = printed as [string];
  strictEqual(
    /Error: first .*\n[^]*and then: Error: second/.test(text),
    true,
    text,
  );
  strictEqual(text.includes("\x1b"), false);
});
