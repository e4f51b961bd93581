// Wrong arguments are refused by name, at construction.

import { rejects, strictEqual, throws } from "node:assert";
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
import {
  FetchRequestHandler,
  HTTPServer,
  HTTPSServer,
} from "../../server/http/mod.ts";
import {
  DocXMLRPCServer,
  MultiPathXMLRPCServer,
  SimpleXMLRPCRequestHandler,
  SimpleXMLRPCServer,
} from "../../server/xmlrpc/mod.ts";
import { Child, Folder } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
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
  ...["hostname", "port", "cert", "key"].map((name) =>
    [
      `${name} in the options`,
      () => new TCPServer(LOOPBACK, nothing, untyped({ [name]: "x" })),
      `unknown option "${name}"; it belongs to the address, the first argument`,
    ] as const
  ),
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
  ...[TCPServer, ThreadingTCPServer, ForkingTCPServer].flatMap(
    (Server) =>
      ([
        [["127.0.0.1", 8000], 'received [ "127.0.0.1", 8000 ]'],
        ["127.0.0.1:8000", 'received "127.0.0.1:8000"'],
        [8000, "received 8000"],
        [undefined, "received undefined"],
        [null, "received null"],
      ] as const).map(([address, received]) =>
        [
          `${Deno.inspect(address)} as the address of ${Server.name}`,
          () => new Server(untyped(address), untyped(Farewell)),
          `the address must be an object, ${received}; write one such as { hostname: "127.0.0.1", port: 8000 }`,
        ] as const
      ),
  ),
  ...[UnixStreamServer, UnixDatagramServer].flatMap((Server) =>
    ["/run/a.sock", undefined, null, 5].map((address) =>
      [
        `${Deno.inspect(address)} as the address of ${Server.name}`,
        () => new Server(untyped(address), nothing),
        `the address must be an object, received ${
          Deno.inspect(address)
        }; write one such as { path: "/run/name.sock" }`,
      ] as const
    )
  ),
  ...[TCPServer, UDPServer].flatMap((Server) =>
    ([
      [
        { host: "127.0.0.1", port: 0 },
        'unknown address key "host"; did you mean "hostname"?',
      ],
      [
        { port: "8000" },
        'port must be a number, received "8000"; convert it by Number()',
      ],
      [{ hostname: "127.0.0.1" }, "port must be a number, received undefined"],
      [
        { hostname: 5, port: 0 },
        "hostname must be a name or an IP address, received 5",
      ],
      [
        { hostname: "127.0.0.1:80", port: 0 },
        'hostname must be a name or an IP address, received "127.0.0.1:80"; write the port as port, and IPv6 without brackets',
      ],
      [
        { hostname: "", port: 0 },
        'hostname must be a name or an IP address, received ""',
      ],
      [
        { path: "/run/a.sock" },
        'unknown address key "path"; it belongs to the address of a Unix socket',
      ],
      [
        { port: 0, handler: nothing },
        'unknown address key "handler"; it belongs to the second argument',
      ],
      [
        { port: 0, onListen: nothing },
        'unknown address key "onListen"; it belongs to the options, the third argument',
      ],
    ] as const).map(([address, message]) =>
      [
        `${Deno.inspect(address)} as the address of ${Server.name}`,
        () => new Server(untyped(address), nothing),
        message,
      ] as const
    )
  ),
  [
    "a host and port for a path",
    () => new UnixStreamServer(untyped({ ...LOOPBACK }), nothing),
    'unknown address key "hostname"; it belongs to the address of a host',
  ],
  ...([
    [
      new StreamRequestHandler(untyped({}), untyped({}), untyped({})),
      "; pass the class itself, of which the server makes an instance for each request",
    ],
    [{ fetch: nothing }, "; pass its fetch() to HTTPServer"],
    [LOOPBACK, "; it comes behind the address, and the options behind it"],
    [undefined, "; it comes behind the address, and the options behind it"],
    [null, "; it comes behind the address, and the options behind it"],
  ] as const).map(([handler, remedy]) =>
    [
      `${Deno.inspect(handler)} as a handler`,
      () => new TCPServer(LOOPBACK, untyped(handler)),
      `the handler must be a handler class or a function, received ${
        Deno.inspect(handler)
      }${remedy}`,
    ] as const
  ),
  [
    "a function for threads",
    () => new ThreadingTCPServer(LOOPBACK, untyped(() => {})),
    "a function cannot run in another thread or process; export a class that extends",
  ],
  [
    "an option of threads for processes",
    () => new ForkingTCPServer(LOOPBACK, Farewell, untyped({ workers: 2 })),
    'unknown option "workers"; it belongs to the options of a server with threads, such as ThreadingTCPServer',
  ],
  [
    "an option of processes for threads",
    () =>
      new ThreadingTCPServer(LOOPBACK, Farewell, untyped({ maxChildren: 2 })),
    'unknown option "maxChildren"; it belongs to the options of a server with processes, such as ForkingTCPServer',
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
  [
    "the base of those handlers",
    () => new UDPServer(LOOPBACK, untyped(StreamRequestHandler)),
    'the class "StreamRequestHandler" is for connections, and this server\'s handlers extend DatagramRequestHandler',
  ],
  [
    "a handler of HTTP for datagrams",
    () =>
      new UDPServer(
        LOOPBACK,
        untyped(class Site extends FetchRequestHandler {}),
      ),
    'the class "Site" extends BaseHTTPRequestHandler, and this server\'s handlers extend DatagramRequestHandler',
  ],
  [
    "a handler of XML-RPC for datagrams of Unix",
    () =>
      new UnixDatagramServer(
        { path: "x" },
        untyped(SimpleXMLRPCRequestHandler),
      ),
    'the class "SimpleXMLRPCRequestHandler" extends BaseHTTPRequestHandler, and this server\'s handlers extend DatagramRequestHandler',
  ],
  ...[HTTPServer, HTTPSServer].map((Server) =>
    [
      `what speaks no HTTP, as ${Server.name}`,
      () =>
        new Server(
          untyped(LOOPBACK),
          untyped(class Echo extends StreamRequestHandler {}),
        ),
      'the class "Echo" does not speak HTTP; extend FetchRequestHandler, SimpleHTTPRequestHandler or BaseHTTPRequestHandler, or serve it with a server that is not of HTTP',
    ] as const
  ),
  ...[SimpleXMLRPCServer, MultiPathXMLRPCServer, DocXMLRPCServer].flatMap((
    Server,
  ) =>
    [FetchRequestHandler, StreamRequestHandler, function answer() {}].map((
      handler,
    ) =>
      [
        `what answers no calls, ${handler.name}, as ${Server.name}`,
        () => new Server(LOOPBACK, untyped(handler)),
        `the handler "${handler.name}" does not answer calls of XML-RPC; give a class that extends SimpleXMLRPCRequestHandler`,
      ] as const
    )
  ),
  ...[function* () {}, async function* () {}].flatMap((generator) => {
    const message =
      "is a generator function, which does not run when it is called; make it a function or an async function";
    return [
      [
        "a generator for connections",
        () => new TCPServer(LOOPBACK, untyped(generator)),
        `the handler ${message}`,
      ],
      [
        "a generator for datagrams",
        () => new UDPServer(LOOPBACK, untyped(generator)),
        `the handler ${message}`,
      ],
      [
        "a generator for HTTP",
        () => new HTTPServer(LOOPBACK, untyped(generator)),
        `the handler ${message}`,
      ],
      [
        "a generator that should verify",
        () => new TCPServer(LOOPBACK, nothing, untyped({ verify: generator })),
        `verify ${message}`,
      ],
    ] as const;
  }),
  [
    "a generator as a method",
    () =>
      new TCPServer(
        LOOPBACK,
        untyped(
          class Lines extends untyped(StreamRequestHandler) {
            async *handle() {
              yield await untyped(this).wfile.flush();
            }
          },
        ),
      ),
    'handle() of the class "Lines" is a generator function',
  ],
  [
    "documentation where there is none",
    () => new SimpleXMLRPCServer(LOOPBACK, untyped({ documentation: {} })),
    'unknown option "documentation"; known are',
  ],
  [
    "a dispatcher's option where there are several",
    () => new MultiPathXMLRPCServer(LOOPBACK, untyped({ maxCalls: 5 })),
    'unknown option "maxCalls"; known are',
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

Deno.test("what a handler class is set to is checked by every server of it", () => {
  class Calls extends SimpleXMLRPCRequestHandler<Deno.NetAddr> {
    static override readonly callLimits = untyped({ maxHeldByte: 1 });
  }
  for (const Server of [TCPServer, HTTPServer, SimpleXMLRPCServer]) {
    throws(() => new Server(LOOPBACK, Calls), {
      name: "TypeError",
      message:
        'Cannot limit calls: unknown limit "maxHeldByte"; did you mean "maxHeldBytes"?',
    });
  }
});

Deno.test("a server of documentation refuses what its page would not say", () => {
  throws(
    () =>
      new DocXMLRPCServer(
        LOOPBACK,
        untyped({ documentation: { titels: "x" } }),
      ),
    {
      name: "TypeError",
      message:
        'Cannot document methods: unknown key "titels"; known are title, name, introduction',
    },
  );
});

Deno.test("a method of a server refuses options that it does not have", async () => {
  await using server = new TCPServer(LOOPBACK, nothing);
  await rejects(server.serveForever(untyped({ sginal: 1 })), {
    name: "TypeError",
    message: 'Cannot serve: unknown option "sginal"; did you mean "signal"?',
  });
  await rejects(server.shutdown(untyped({ gracePeriodd: 1 })), {
    name: "TypeError",
    message:
      'Cannot shut down: unknown option "gracePeriodd"; did you mean "gracePeriod"?',
  });
  // It was refused before it began, and may begin.
  const served = server.serveForever();
  await server.shutdown();
  await served;
});

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

const UNSTABLE =
  'run again with the --unstable-net flag, or have "unstable": ["net"] in deno.json';

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
