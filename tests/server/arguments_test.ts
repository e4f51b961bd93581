// Wrong arguments are refused by name, at construction.

import { strictEqual, throws } from "node:assert";
import {
  DatagramRequestHandler,
  ForkingTCPServer,
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
  TLSServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../mod.ts";
import { HTTPServer } from "../../server/http/mod.ts";
import { SimpleXMLRPCServer } from "../../server/xmlrpc/mod.ts";
import { Child, Folder } from "../_program.ts";
import { LOOPBACK } from "../_serve.ts";
import { Farewell } from "./closing/_farewell_handler.ts";

/** As JavaScript, or what has been read from a file, would have it. */
// deno-lint-ignore no-explicit-any -- the compiler would refuse it first.
const untyped = (value: unknown) => value as any;

const nothing = () => {};

const REFUSED: readonly (readonly [string, () => unknown, string])[] = [
  [
    "an option with a letter missing",
    () => new TCPServer(LOOPBACK, nothing, untyped({ idleTimout: 5 })),
    'unknown option "idleTimout"; did you mean "idleTimeout"?',
  ],
  [
    "an option in other letters",
    () => new UDPServer(LOOPBACK, nothing, untyped({ maxconnections: 5 })),
    'unknown option "maxconnections"; did you mean "maxConnections"?',
  ],
  [
    "the option of a stream for datagrams",
    () => new UDPServer(LOOPBACK, nothing, untyped({ idleTimeout: 5 })),
    'unknown option "idleTimeout"; known are maxConnections, timeout, requestTimeout, gracePeriod, signal, onListen, verify, onError',
  ],
  [
    "an option in an address",
    () => new UnixStreamServer(untyped({ path: "x", mode: 0o600 }), nothing),
    'unknown address key "mode"; it belongs to the options, the third argument',
  ],
  [
    "an option in a datagram server's address",
    () =>
      new UnixDatagramServer(untyped({ path: "x", reclaim: true }), nothing),
    'unknown address key "reclaim"; it belongs to the options, the third argument',
  ],
  [
    "a backlog in an address",
    () => new TCPServer(untyped({ ...LOOPBACK, backlog: 5 }), nothing),
    'unknown address key "backlog"; it belongs to the options, the third argument',
  ],
  [
    "a host by another name",
    () => new TCPServer(untyped({ hostName: "127.0.0.1", port: 0 }), nothing),
    'unknown address key "hostName"; did you mean "hostname"?',
  ],
  [
    "a certificate by another name",
    () => new TLSServer(untyped({ ...LOOPBACK, certs: "", key: "" }), nothing),
    'unknown address key "certs"; did you mean "cert"?',
  ],
  [
    "an address of another kind of socket",
    () => new TCPServer(untyped({ ...LOOPBACK, transport: "udp" }), nothing),
    'transport must be "tcp", received "udp"',
  ],
  [
    "an option of threads for processes",
    () => new ForkingTCPServer(LOOPBACK, Farewell, untyped({ workers: 2 })),
    'unknown option "workers"',
  ],
  [
    "an option of processes for threads",
    () =>
      new ThreadingTCPServer(LOOPBACK, Farewell, untyped({ maxChildren: 2 })),
    'unknown option "maxChildren"',
  ],
  [
    "limits by another name",
    () =>
      new HTTPServer(LOOPBACK, () => new Response(), untyped({ limit: {} })),
    'unknown option "limit"; did you mean "limits"?',
  ],
  [
    "an option of XML-RPC by another name",
    () => new SimpleXMLRPCServer(LOOPBACK, untyped({ allowNul: true })),
    'unknown option "allowNul"; did you mean "allowNil"?',
  ],
  [
    "a handler of datagrams for connections",
    () =>
      new TCPServer(
        LOOPBACK,
        untyped(class Late extends DatagramRequestHandler {}),
      ),
    'the class "Late" extends DatagramRequestHandler, and this server\'s handlers extend StreamRequestHandler',
  ],
  [
    "a handler of connections for datagrams",
    () =>
      new UDPServer(
        LOOPBACK,
        untyped(class Echo extends StreamRequestHandler {}),
      ),
    'the class "Echo" extends StreamRequestHandler, and this server\'s handlers extend DatagramRequestHandler',
  ],
];

for (const [what, construct, message] of REFUSED) {
  Deno.test(`a server refuses ${what}`, () => {
    throws(construct, (error) => {
      strictEqual((error as Error).name, "TypeError");
      strictEqual(
        (error as Error).message.includes(`Cannot create server: ${message}`),
        true,
        (error as Error).message,
      );
      return true;
    });
  });
}

Deno.test("a TLSServer refuses the name of a file where it takes PEM text", () => {
  throws(
    () =>
      new TLSServer({ ...LOOPBACK, cert: "cert.pem", key: "key.pem" }, nothing),
    {
      name: "InvalidData",
      message:
        'Cannot use cert: it must be PEM text, received "cert.pem"; of a file, pass what Deno.readTextFile() gives',
    },
  );
});

Deno.test("what server.addr gives is an address for another server", async () => {
  const first = new TCPServer(LOOPBACK, nothing);
  const { addr } = first;
  await first.shutdown();
  await using second = new TCPServer(addr, nothing);
  strictEqual(second.addr.port, addr.port);
});

const MODULE = JSON.stringify(import.meta.resolve("../../mod.ts"));

/** Runs a program without this project's deno.json, and with these flags. */
async function run(source: string, ...flags: string[]) {
  await using folder = new Folder();
  const file = folder.at("main.ts");
  await Deno.writeTextFile(file, `import * as s from ${MODULE};\n${source}`);
  await using child = new Child(Deno.execPath(), [
    ...["run", "--quiet", "--no-config", "--no-prompt", "--allow-all"],
    ...[...flags, file, folder.at("socket")],
  ], { NO_COLOR: "1" });
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr };
}

/** What a program prints that makes a server: its port, or the error. */
const attempt = (server: string) => `
  try {
    const server = ${server};
    console.log("bound", server.addr.port > 0 || server.addr.path !== undefined);
    server.close();
  } catch (error) {
    console.log(error.name, error.message);
  }`;

const UNSTABLE = "run again with the --unstable-net flag";

for (
  const [option, server, flags, printed] of [
    [
      "reusePort",
      "new s.TCPServer({ hostname: '127.0.0.1', port: 0, reusePort: true }, () => {})",
      [],
      "bound true\n",
    ],
    [
      "reusePort with its flag",
      "new s.TCPServer({ hostname: '127.0.0.1', port: 0, reusePort: true }, () => {})",
      ["--unstable-net"],
      "bound true\n",
    ],
    [
      "reusePort: false",
      "new s.TCPServer({ hostname: '127.0.0.1', port: 0, reusePort: false }, () => {})",
      [],
      "bound true\n",
    ],
    [
      "backlog",
      "new s.TCPServer({ hostname: '127.0.0.1', port: 0 }, () => {}, { backlog: 7 })",
      [],
      "bound true\n",
    ],
    [
      "a Unix path",
      "new s.UnixStreamServer({ path: Deno.args[0] }, () => {}, { mode: 0o600 })",
      [],
      "bound true\n",
    ],
    [
      "reuseAddress",
      "new s.UDPServer({ hostname: '127.0.0.1', port: 0, reuseAddress: true }, () => {})",
      ["--unstable-net"],
      "bound true\n",
    ],
    [
      "datagrams",
      "new s.UDPServer({ hostname: '127.0.0.1', port: 0 }, () => {})",
      [],
      `NotSupported Cannot create server: Deno.listenDatagram is unstable, ${UNSTABLE}\n`,
    ],
  ] as const
) {
  Deno.test(`without a deno.json, a program's ${option} works or says what is missing`, async () => {
    const { code, stdout, stderr } = await run(attempt(server), ...flags);
    strictEqual(stdout, printed, stderr);
    strictEqual(code, 0);
  });
}

Deno.test("a program that never tells its server to serve is told so at its end", async () => {
  const { code, stderr } = await run(
    `new s.TCPServer({ hostname: "127.0.0.1", port: 0 }, () => {});
    new s.TCPServer({ hostname: "127.0.0.1", port: 0 }, () => {}).close();`,
  );
  strictEqual(code, 0);
  strictEqual(
    stderr.replace(/:\d+/, ":PORT"),
    "TCPServer on 127.0.0.1:PORT was never told to serve; call serveForever() or handleRequest()\n",
  );
});

Deno.test("serveForever() of a server that was shut down returns, and says why", async () => {
  const { code, stderr } = await run(
    `const server = new s.TCPServer({ hostname: "127.0.0.1", port: 0 }, () => {});
    await server.shutdown();
    await server.serveForever();`,
  );
  strictEqual(code, 0);
  strictEqual(
    stderr,
    "TCPServer: serveForever() returns, since the server was shut down before\n",
  );
});
