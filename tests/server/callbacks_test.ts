// Options that stand for the hooks that most servers override.

import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { TCPServer, UDPServer, UnixStreamServer } from "../../mod.ts";
import { ask, LOOPBACK, readAll, Reports, serve } from "../_serve.ts";

Deno.test("verify decides which connections are served", async () => {
  const asked: string[] = [];
  let open = false;
  await using server = serve(
    new TCPServer(LOOPBACK, ({ wfile }) => wfile.write("welcome"), {
      verify(request, { hostname }) {
        asked.push(`${hostname} ${request.localAddr.port}`);
        return open ? Promise.resolve(true) : false;
      },
    }),
  );
  strictEqual(await ask(server.addr), "");
  open = true;
  strictEqual(await ask(server.addr), "welcome");
  deepStrictEqual(asked, Array(2).fill(`127.0.0.1 ${server.addr.port}`));
});

Deno.test("the address that onListen is told connects as it is", async () => {
  const told = Promise.withResolvers<Promise<Deno.TcpConn>>();
  await using _server = serve(
    new TCPServer(LOOPBACK, ({ wfile }) => wfile.write("welcome"), {
      onListen: (address) => told.resolve(Deno.connect(address)),
    }),
  );
  strictEqual(await readAll(await told.promise), "welcome");
});

Deno.test("the address of a server on a path connects as it is", async () => {
  const folder = Deno.makeTempDirSync();
  const told = Promise.withResolvers<Promise<Deno.UnixConn>>();
  await using server = serve(
    new UnixStreamServer(
      { path: `${folder}/socket` },
      ({ wfile }) => wfile.write("welcome"),
      { onListen: (address) => told.resolve(Deno.connect(address)) },
    ),
  );
  strictEqual(await readAll(await told.promise), "welcome");
  strictEqual(await readAll(await Deno.connect(server.addr)), "welcome");
  await server.shutdown();
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("onError is told what a handler throws, and of whose request", async () => {
  const reports = new Reports();
  await using server = serve(
    new TCPServer(LOOPBACK, () => {
      throw new Error("unwell");
    }, {
      onError(error, request, clientAddress) {
        reports.take([
          (error as Error).message,
          request?.remoteAddr.port === clientAddress?.port,
        ]);
      },
    }),
  );
  await ask(server.addr);
  deepStrictEqual(await reports.until(1), [["unwell", true]]);
});

Deno.test("a subclass's hooks come before the options", async () => {
  class Own extends TCPServer {
    override verifyRequest() {
      return true;
    }
  }
  await using server = serve(
    new Own(LOOPBACK, ({ wfile }) => wfile.write("own"), {
      verify: () => false,
    }),
  );
  strictEqual(await ask(server.addr), "own");
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
    const server = serve(
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
    await ask(server.addr);
    await server.shutdown();
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
