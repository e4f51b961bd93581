// Servers of connections, in all ways of running, that take PROXY headers.

import { deepStrictEqual, strictEqual } from "node:assert";
import {
  encodeProxyHeader,
  ForkingTCPServer,
  ForkingUnixStreamServer,
  type ProxyProtocolOptions,
  TCPServer,
  ThreadingTCPServer,
  ThreadingUnixStreamServer,
  UnixStreamServer,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import {
  bytes,
  FOUR,
  joined,
  LOCAL,
  send,
  SIX,
  SocketPath,
  tcp,
  told,
} from "./_clients.ts";
import { Teller } from "./_told_handler.ts";

const UNIX = {
  source: { transport: "unix", path: "/run/client" },
  destination: { transport: "unix", path: "\0server" },
} as const;
const TLVS = {
  alpn: "h2",
  authority: "exämple.org",
  uniqueId: Uint8Array.of(0, 255, 10),
  ssl: {
    ...{ client: true, certificateInConnection: true },
    ...{ certificateInSession: false, verified: true, commonName: "alice" },
    others: [{ type: 0x26, value: Uint8Array.of(1) }],
  },
  others: [{ type: 0xe0, value: Uint8Array.of(7, 8) }],
};
const TOLD_TLVS = {
  ...TLVS,
  uniqueId: "00ff0a",
  ssl: { ...TLVS.ssl, others: [{ type: 0x26, value: "01" }] },
  others: [{ type: 0xe0, value: "0708" }],
};

const REQUIRED: ProxyProtocolOptions = { mode: "require", trust: LOCAL };

const REST = "what follows\r\nPROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n";

/** What a handler sees of a header, told by a client at an address. */
function expected(
  version: 1 | 2,
  ends: { readonly source: unknown; readonly destination: unknown },
  more: object = {},
) {
  const proxy = { version, command: "PROXY", ...ends, tlvs: {}, ...more };
  return { client: ends.source, proxy, sent: REST };
}

/** What a server of TCP is asked, and what its handlers see. */
const HEADERS: readonly (readonly [string, Uint8Array, object])[] = [
  [
    "version 1, IPv4",
    encodeProxyHeader({ version: 1, ...FOUR }),
    expected(1, FOUR),
  ],
  [
    "version 1, IPv6",
    encodeProxyHeader({ version: 1, ...SIX }),
    expected(1, SIX),
  ],
  [
    "version 2, IPv6, all that can be said",
    encodeProxyHeader({ ...SIX, tlvs: TLVS, checksum: true }),
    expected(2, SIX, { tlvs: TOLD_TLVS }),
  ],
];

/** Headers that tell of nobody: the client has the address of the connection. */
const NOBODY: readonly (readonly [string, Uint8Array, object])[] = [
  [
    "UNKNOWN",
    encodeProxyHeader({ version: 1 }),
    { version: 1, command: "PROXY", tlvs: {} },
  ],
  [
    "LOCAL",
    encodeProxyHeader({ command: "LOCAL" }),
    { version: 2, command: "LOCAL", tlvs: {} },
  ],
  [
    "an unspecified family",
    encodeProxyHeader({}),
    { version: 2, command: "PROXY", tlvs: {} },
  ],
  [
    "a Unix socket",
    encodeProxyHeader(UNIX),
    { version: 2, command: "PROXY", ...UNIX, tlvs: {} },
  ],
];

for (
  const [where, Server, options] of [
    ["on the event loop", TCPServer, {}],
    [
      "in threads that accept",
      ThreadingTCPServer,
      { accept: "threads", workers: 1 },
    ],
    ["in threads", ThreadingTCPServer, { accept: "main", workers: 1 }],
    [
      "in processes",
      ForkingTCPServer,
      { spareChildren: 0, requestsPerChild: Infinity, connectionsPerChild: 9 },
    ],
  ] as const
) {
  Deno.test(`a handler ${where} is told the client of a PROXY header, and reads what follows`, async () => {
    await using served = await serveForTest(
      Teller,
      {
        server: Server,
        options: {
          ...options,
          proxyProtocol: REQUIRED,
        },
      },
    );
    for (const [what, header, expected] of HEADERS) {
      const { peer, ...rest } = await told(
        served.addr,
        joined(header, bytes(REST)),
      );
      deepStrictEqual(rest, expected, what);
      strictEqual((peer as Deno.NetAddr).hostname, "127.0.0.1");
    }
    for (const [what, header, proxy] of NOBODY) {
      const seen = await told(served.addr, joined(header, bytes(REST)));
      deepStrictEqual(seen.client, seen.peer, what);
      deepStrictEqual([seen.proxy, seen.sent], [proxy, REST], what);
    }
    // It comes with the header, after it, or not at all.
    const header = encodeProxyHeader(FOUR);
    const parts = [header.subarray(0, 20), header.subarray(20), bytes("x")];
    strictEqual((await told(served.addr, ...parts)).sent, "x");
    strictEqual((await told(served.addr, header)).sent, "");
    // A bad one is told of, and its connection closed.
    strictEqual(await send(served.addr, bytes("GET / HTTP/1.1\r\n\r\n")), "");
    const [error] = await served.untilErrors();
    strictEqual(
      `${error}`,
      "InvalidData: Cannot read the PROXY header: the bytes begin none; have whoever connects send it, as HAProxy does with send-proxy-v2, if that is meant to speak the PROXY protocol",
    );
    strictEqual((await told(served.addr, header)).sent, "");
  });
}

for (
  const [where, Server, options] of [
    ["on the event loop", UnixStreamServer, {}],
    ["in threads", ThreadingUnixStreamServer, { workers: 1 }],
    ["in processes", ForkingUnixStreamServer, { spareChildren: 0 }],
  ] as const
) {
  Deno.test(`a handler ${where}, behind a Unix socket, is told the client of a PROXY header`, async () => {
    await using socket = new SocketPath();
    await using served = await serveForTest(
      new Server({ path: socket.path }, Teller, {
        ...options,
        proxyProtocol: { mode: "require", trust: ["unix:"] },
      }),
    );
    for (
      const [header, client] of [
        [encodeProxyHeader({ version: 1, ...FOUR }), FOUR.source],
        [encodeProxyHeader(UNIX), UNIX.source],
      ] as const
    ) {
      const seen = await told(served.addr, joined(header, bytes(REST)));
      deepStrictEqual([seen.client, seen.sent], [client, REST]);
    }
    const own = await told(
      served.addr,
      encodeProxyHeader({ command: "LOCAL" }),
    );
    deepStrictEqual([own.client, own.sent], [own.peer, ""]);
  });
}

Deno.test("an optional PROXY header may be there or not", async () => {
  await using served = await serveForTest(
    Teller,
    {
      options: {
        proxyProtocol: { mode: "optional", trust: LOCAL },
      },
    },
  );
  const header = encodeProxyHeader({ version: 1, ...FOUR });
  const seen = await told(served.addr, joined(header, bytes(REST)));
  deepStrictEqual([seen.client, seen.sent], [FOUR.source, REST]);
  for (
    // Others, none, and those that begin as a header does and end before it.
    const sent of [
      "hello",
      "",
      "P",
      "PROXY",
      "PROX\r\n",
      "\r\n\r\n",
      "\r\n\r\r",
    ]
  ) {
    const seen = await told(served.addr, bytes(sent));
    deepStrictEqual([seen.client, seen.sent], [seen.peer, sent]);
    strictEqual(seen.proxy, undefined);
  }
});

Deno.test("a peer that is not trusted is closed where PROXY headers are required", async () => {
  let handled = 0;
  await using served = await serveForTest(
    () => void handled++,
    {
      options: {
        proxyProtocol: { mode: "require", trust: ["192.0.2.0/24", "::/0"] },
      },
    },
  );
  const spoofed = encodeProxyHeader(FOUR);
  for (let i = 0; i < 3; i++) {
    strictEqual(await send(served.addr, spoofed, bytes(REST)), "");
  }
  // The first is told of: it may be a balancer.
  const errors = served.takeErrors();
  deepStrictEqual(
    errors.map((error) => `${error}`),
    [
      "PermissionDenied: Cannot serve 127.0.0.1:PORT: proxyProtocol does not trust it; if it is a balancer, add it to proxyProtocol.trust. Others like it are closed without a word",
    ].map((text) => text.replace("PORT", /:(\d+): /.exec(`${errors[0]}`)![1]!)),
  );
  strictEqual(handled, 0);
  const { refused, failed } = served.server.stats();
  deepStrictEqual([refused.proxy, failed], [3, 0]);
});

Deno.test("a spoofed PROXY header of a peer that is not trusted is payload where headers are optional", async () => {
  await using served = await serveForTest(
    Teller,
    {
      options: {
        proxyProtocol: { mode: "optional", trust: ["192.0.2.0/24"] },
      },
    },
  );
  const spoofed = "PROXY TCP4 192.0.2.7 192.0.2.11 56324 443\r\n";
  const seen = await told(served.addr, bytes(spoofed));
  deepStrictEqual([seen.client, seen.sent], [seen.peer, spoofed]);
  strictEqual(seen.proxy, undefined);
});

Deno.test("IPv4 that a PROXY header writes as IPv6 is told as IPv4, unless addresses are to be raw", async () => {
  const mapped = {
    source: tcp("::ffff:192.0.2.7", 1),
    destination: tcp("::ffff:192.0.2.8", 2),
  };
  for (const rawAddresses of [false, true]) {
    await using served = await serveForTest(
      Teller,
      { options: { proxyProtocol: REQUIRED, rawAddresses } },
    );
    for (const version of [1, 2] as const) {
      const header = encodeProxyHeader({ version, ...mapped });
      const { client, proxy } = await told(served.addr, header);
      deepStrictEqual(
        client,
        rawAddresses ? mapped.source : tcp("192.0.2.7", 1),
      );
      deepStrictEqual(proxy, { ...expected(version, mapped).proxy });
    }
  }
});

Deno.test("what verifies, logs and is told of errors is told the client of a PROXY header", async () => {
  const seen: unknown[] = [];
  const note = (client: Deno.NetAddr | undefined) =>
    seen.push(client?.hostname);
  await using served = await serveForTest(
    () => Promise.reject(new Error("on purpose")),
    {
      options: {
        proxyProtocol: REQUIRED,
        verify: (_, client) => note(client) > 0,
        onError: (_error, _request, client) => void note(client),
      },
    },
  );
  await send(served.addr, encodeProxyHeader(FOUR));
  await served.server.shutdown();
  deepStrictEqual(seen, ["192.0.2.7", "192.0.2.7"]);
  strictEqual(String(served.takeErrors()), "Error: on purpose");
});

Deno.test("a connection that getRequest() wraps is refused where it would hide the PROXY header", async () => {
  class Wrapping extends TCPServer {
    override async getRequest(): Promise<[Deno.TcpConn, Deno.NetAddr]> {
      const [connection, address] = await super.getRequest();
      const wrapped = {
        remoteAddr: address,
        close: () => connection.close(),
      };
      return [wrapped as unknown as Deno.TcpConn, address];
    }
  }
  await using served = await serveForTest(
    () => {},
    {
      server: Wrapping,
      options: { proxyProtocol: REQUIRED },
    },
  );
  strictEqual(await send(served.addr, encodeProxyHeader(FOUR)), "");
  strictEqual(
    `${await served.untilErrors()}`,
    "TypeError: Cannot read the PROXY header: getRequest() gave a connection of its own; wrap connections in processRequest()",
  );
});
