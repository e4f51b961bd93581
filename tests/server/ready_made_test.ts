import { deepStrictEqual, ok, strictEqual } from "node:assert";
import * as servers from "../../server/mod.ts";
import * as http from "../../server/http/mod.ts";
import * as xmlrpc from "../../server/xmlrpc/mod.ts";
import type { Forking, ServerClass, Threading } from "../../server/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { ask } from "../_loopback.ts";
import { EchoLine } from "./_echo_line.ts";

const { ForkingMixIn, ThreadingMixIn } = servers;

/** Whether each of two types may stand for the other. */
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false;

/** What a constructor takes and makes. */
type Made<Class extends ServerClass> = [
  ...ConstructorParameters<Class>,
  InstanceType<Class>,
];

/** A class that is ready-made, beside what the mixin makes of its base. */
interface Pair {
  readonly Base: ServerClass;
  readonly Ready: ServerClass;
  readonly Mixed: ServerClass;
}

/** Checks the types, too: the last argument is `false` where they differ. */
function threads<Base extends ServerClass, Ready extends ServerClass>(
  Base: Base,
  Ready: Ready,
  _same: Same<Made<Ready>, Made<Threading<Base>>>,
): Pair {
  return { Base, Ready, Mixed: ThreadingMixIn(Base) as ServerClass };
}

/** As `threads`, of the other mixin. */
function processes<Base extends ServerClass, Ready extends ServerClass>(
  Base: Base,
  Ready: Ready,
  _same: Same<Made<Ready>, Made<Forking<Base>>>,
): Pair {
  return { Base, Ready, Mixed: ForkingMixIn(Base) as ServerClass };
}

const PAIRS: readonly Pair[] = [
  threads(servers.TCPServer, servers.ThreadingTCPServer, true),
  threads(servers.TLSServer, servers.ThreadingTLSServer, true),
  threads(servers.UDPServer, servers.ThreadingUDPServer, true),
  threads(servers.UnixStreamServer, servers.ThreadingUnixStreamServer, true),
  threads(
    servers.UnixDatagramServer,
    servers.ThreadingUnixDatagramServer,
    true,
  ),
  threads(http.HTTPServer, http.ThreadingHTTPServer, true),
  threads(http.HTTPSServer, http.ThreadingHTTPSServer, true),
  threads(
    xmlrpc.SimpleXMLRPCServer,
    xmlrpc.ThreadingSimpleXMLRPCServer,
    true,
  ),
  threads(xmlrpc.DocXMLRPCServer, xmlrpc.ThreadingDocXMLRPCServer, true),
  processes(servers.TCPServer, servers.ForkingTCPServer, true),
  processes(servers.TLSServer, servers.ForkingTLSServer, true),
  processes(servers.UDPServer, servers.ForkingUDPServer, true),
  processes(servers.UnixStreamServer, servers.ForkingUnixStreamServer, true),
  processes(
    servers.UnixDatagramServer,
    servers.ForkingUnixDatagramServer,
    true,
  ),
  processes(http.HTTPServer, http.ForkingHTTPServer, true),
  processes(http.HTTPSServer, http.ForkingHTTPSServer, true),
  processes(
    xmlrpc.SimpleXMLRPCServer,
    xmlrpc.ForkingSimpleXMLRPCServer,
    true,
  ),
  processes(xmlrpc.DocXMLRPCServer, xmlrpc.ForkingDocXMLRPCServer, true),
];

Deno.test("a ready-made class has what its mixin makes of its base, and a name", () => {
  for (const { Base, Ready, Mixed } of PAIRS) {
    ok(/^(?:Threading|Forking)/.test(Ready.name), Ready.name);
    strictEqual(Ready.name.replace(/^(?:Threading|Forking)/, ""), Base.name);
    strictEqual(Object.getPrototypeOf(Ready), Base);
    deepStrictEqual(
      Reflect.ownKeys(Ready.prototype),
      Reflect.ownKeys(Mixed.prototype),
    );
  }
});

Deno.test("every ready-made class is among those that are compared", () => {
  const exported = [servers, http, xmlrpc].flatMap((each) => Object.keys(each))
    .filter((name) => /^(?:Threading|Forking).*Server$/.test(name));
  deepStrictEqual(
    PAIRS.map(({ Ready }) => Ready.name).sort(),
    exported.sort(),
  );
});

class Own extends servers.ThreadingTCPServer {
  accepted = 0;
  override verifyRequest(): boolean {
    this.accepted++;
    return true;
  }
}

Deno.test("a subclass of a ready-made class has its hooks called", async () => {
  await using served = await serveForTest(EchoLine, {
    server: Own,
    options: { workers: 1 },
  });
  strictEqual(await ask(served.addr, "own\n"), "own\n");
  strictEqual(served.server.accepted, 1);
});

for (
  const [name, Server, kind] of [
    [
      "ThreadingMixIn(ThreadingTCPServer)",
      ThreadingMixIn(servers.ThreadingTCPServer),
      "threads",
    ],
    [
      "ForkingMixIn(ThreadingTCPServer)",
      ForkingMixIn(servers.ThreadingTCPServer),
      "threads",
    ],
    [
      "ThreadingMixIn(ForkingTCPServer)",
      ThreadingMixIn(servers.ForkingTCPServer),
      "processes",
    ],
    ["ThreadingMixIn of a subclass", ThreadingMixIn(Own), "threads"],
  ] as const
) {
  Deno.test(`${name} runs handlers as its base does, and recycles that`, async () => {
    await using served = await serveForTest(EchoLine, { server: Server });
    const { server } = served;
    strictEqual(await ask(server.addr, "before\n"), "before\n");
    strictEqual(server.stats().workers?.kind, kind);
    await patiently(server.recycle(), () => "the end of recycle()");
    strictEqual(await ask(server.addr, "after\n"), "after\n");
    strictEqual(server.stats().workers?.kind, kind);
  });
}
