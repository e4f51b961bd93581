// Every option and constant does what it says, or is refused by its name.

import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import * as poll from "../../poll/mod.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  createConnection,
  createConnectionSync,
  createServer,
  DatagramBatch,
  DefaultSelector,
  epoll,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  loop,
  loopSync,
  PollSelector,
  ReadinessServer,
  select,
  SelectSelector,
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_DONTROUTE,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_OOBINLINE,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDTIMEO,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  Socket,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from "../../poll/mod.ts";
import { connectToAny, connectToAnySync } from "../../poll/_connect_to_any.ts";
import { encodeAddresses } from "../../poll/_resolve.ts";
import {
  datagramSocket,
  decode,
  encode,
  failure,
  LOOPBACK,
  Pair,
} from "./_sockets.ts";
import { refuses } from "../_loopback.ts";

/** Options of any kind, also those that the types would refuse. */
// deno-lint-ignore no-explicit-any -- what is tried is what the types forbid.
type Any = any;

/** Every function that takes options, and the names of those that it knows. */
const takers: Record<
  string,
  [names: string[], call: (options: Any) => unknown]
> = {
  createServer: [
    ["family", "backlog", "reusePort", "dualstack"],
    (options) => createServer(LOOPBACK, options).close(),
  ],
  createConnection: [
    ["timeout", "sourceAddress", "signal"],
    (options) => createConnection(LOOPBACK, options),
  ],
  createConnectionSync: [
    ["timeout", "sourceAddress"],
    (options) => createConnectionSync(LOOPBACK, options),
  ],
  getaddrinfo: [
    ["family", "type", "protocol", "flags", "signal"],
    (options) => poll.getaddrinfo("127.0.0.1", 1, options),
  ],
  getaddrinfoSync: [
    ["family", "type", "protocol", "flags"],
    (options) => poll.getaddrinfoSync("127.0.0.1", 1, options),
  ],
  DatagramBatch: [["count", "size"], (options) => new DatagramBatch(options)],
  loop: [
    ["timeout", "map", "count", "signal"],
    (options) => loop(options),
  ],
  loopSync: [["timeout", "map", "count"], (options) => loopSync(options)],
  ReadinessServer: [
    [
      ...["backlog", "maxConnections", "maxBuffered", "bufferSize"],
      "halfClosedTimeout",
    ],
    (options) => new ReadinessServer(LOOPBACK, { data() {} }, options).close(),
  ],
  "ReadinessServer of a shared listener": [
    ["listener", "stop"],
    (options) =>
      new ReadinessServer({ listener: 1, ...options }, { data() {} }),
  ],
};

/** Every call that waits and takes a signal. */
const waits: Record<string, (pair: Pair, options: Any) => unknown> = {
  accept: (_pair, options) => {
    const listener = createServer(LOOPBACK);
    return listener.accept(options).finally(() => listener.close());
  },
  connect: (_pair, options) => {
    const socket = new Socket();
    return socket.connect(LOOPBACK, options).finally(() => socket.close());
  },
  recv: ({ ours }, options) => ours.recv(1, 0, options),
  "recv, all": ({ ours }, options) => ours.recv(1, poll.MSG_WAITALL, options),
  recvInto: ({ ours }, options) =>
    ours.recvInto(new Uint8Array(1), 0, 0, options),
  recvFrom: ({ ours }, options) => ours.recvFrom(1, 0, options),
  recvMany: ({ ours }, options) =>
    ours.recvMany(new DatagramBatch(), 0, options),
  send: ({ ours }, options) => ours.send(new Uint8Array(1), 0, options),
  sendAll: ({ ours }, options) => ours.sendAll(new Uint8Array(1), 0, options),
  sendTo: ({ ours }, options) =>
    ours.sendTo(new Uint8Array(1), { path: "/x" }, 0, options),
  "sendMany of nothing": ({ ours }, options) =>
    ours.sendMany(new DatagramBatch(), 0, options),
  recvmsg: ({ ours }, options) => ours.recvmsg(1, 0, 0, options),
  recvFds: ({ ours }, options) => poll.recvFds(ours, 1, 1, 0, options),
  sendmsg: ({ ours }, options) =>
    ours.sendmsg([new Uint8Array(1)], [], 0, undefined, options),
  sendFds: ({ ours }, options) =>
    poll.sendFds(ours, [new Uint8Array(1)], [0], 0, undefined, options),
  connectEx: (_pair, options) => {
    const socket = new Socket();
    return socket.connectEx(LOOPBACK, options).finally(() => socket.close());
  },
  sendMany: ({ ours }, options) => {
    const batch = new DatagramBatch();
    batch.push(new Uint8Array(1));
    return ours.sendMany(batch, 0, options);
  },
  select: ({ ours }, options) => select([ours], [], [], 0, options),
  "poll().poll": (_pair, options) => poll.poll().poll(0, options),
  "epoll().poll": (_pair, options) => {
    const set = epoll();
    return set.poll(0, -1, options).finally(() => set.close());
  },
  "epoll().wait": (_pair, options) => {
    const set = epoll();
    return set.wait(0, -1, options).finally(() => set.close());
  },
  ...Object.fromEntries(
    [DefaultSelector, PollSelector, SelectSelector].map((Selector) => [
      `${Selector.name}.select`,
      (_pair: Pair, options: Any) => {
        const selector = new Selector();
        return selector.select(0, options).finally(() => selector.close());
      },
    ]),
  ),
  serveForever: (_pair, options) => {
    const server = new ReadinessServer(LOOPBACK, { data() {} });
    return server.serveForever(options).finally(() => server.close());
  },
};

for (
  const [name, names, call] of [
    ...Object.entries(takers).map(([name, [names, call]]) =>
      [name, names, (options: Any) => call(options)] as const
    ),
    ...Object.entries(waits).map(([name, call]) =>
      [name, ["signal"], async (options: Any) => {
        using pair = new Pair();
        await call(pair, options);
      }] as const
    ),
  ]
) {
  Deno.test(`${name} refuses an option that it does not know, by name`, async () => {
    const error = await failure(() => call({ keepAlive: true }));
    ok(error instanceof TypeError, String(error));
    match(error.message, /the option "keepAlive": there is none of that name/);
    for (const known of names) {
      ok(error.message.includes(`"${known}"`), error.message);
      const misspelt = `${known.slice(0, 2)}${known.slice(3)}`;
      match(
        (await failure(() => call({ [misspelt]: true }))).message,
        new RegExp(`"${misspelt}": .*did you mean "${known}"\\?`),
      );
    }
    if (name.includes("shared")) return;
    for (const none of [null, 5, "text", () => {}]) {
      const error = await failure(() => call(none));
      ok(error instanceof TypeError, `${none}: ${error}`);
      match(error.message, /as options: they must be an object/);
    }
    if (!names.includes("signal")) return;
    for (const none of [5, null, {}, new AbortController()]) {
      const error = await failure(() => call({ signal: none }));
      ok(error instanceof TypeError, `${none}: ${error}`);
      match(error.message, /as the option "signal": it must be an AbortSignal/);
    }
  });
}

Deno.test("addresses refuse what does not belong to them, by name", async () => {
  using socket = new Socket();
  using unix = new Socket(AF_UNIX);
  for (
    const [each, address, message] of [
      [socket, { hostnam: "127.0.0.1", port: 0 }, /did you mean "hostname"\?/],
      [socket, { host: "127.0.0.1", port: 0 }, /did you mean "hostname"|use/],
      [socket, { port: 0, pfad: "/x" }, /the option "pfad"/],
      [unix, { path: "\0x", port: 0 }, /the option "port"/],
      [unix, { path: "\0x", mode: 0o600 }, /the option "mode"/],
    ] as [Socket, Any, RegExp][]
  ) {
    for (
      const call of [
        () => each.bind(address),
        () => each.connectSync(address),
        () => each.connect(address),
        () => each.sendToSync(new Uint8Array(1), address),
        () => each.sendTo(new Uint8Array(1), address),
        () => createServer(address),
        () => createConnection(address),
        () => createConnectionSync(address),
        () => createConnectionSync(LOOPBACK, { sourceAddress: address }),
        () => new DatagramBatch().push(new Uint8Array(1), address),
        () => new ReadinessServer(address, { data() {} }),
      ]
    ) {
      const error = await failure(call);
      ok(error instanceof TypeError, `${call}: ${error}`);
      match(error.message, message);
    }
  }
  // What Deno's addresses have besides is no mistake.
  using listener = createServer(LOOPBACK);
  createConnectionSync({ ...listener.getsockname() } as Deno.NetAddr).close();
});

Deno.test("createServer: dualstack takes IPv6 and IPv4, without family and hostname", async () => {
  for (
    const options of [{ dualstack: true }, {
      dualstack: true,
      family: AF_INET6,
    }]
  ) {
    for (const address of [{ port: 0 }, { hostname: "::", port: 0 }]) {
      using listener = createServer(address, options);
      strictEqual(listener.family, AF_INET6);
      strictEqual(listener.getsockopt(IPPROTO_IPV6, IPV6_V6ONLY), 0);
      const { port } = listener.getsockname() as Deno.NetAddr;
      for (const hostname of ["127.0.0.1", "::1"]) {
        using client = await createConnection({ hostname, port });
        const [connection] = await listener.accept();
        connection.close();
        strictEqual((await client.recv(1)).length, 0);
      }
    }
  }
  using alone = createServer({ hostname: "::1", port: 0 });
  strictEqual(alone.getsockopt(IPPROTO_IPV6, IPV6_V6ONLY), 1);
});

Deno.test("createServer: dualstack and reusePort are refused where they cannot be", () => {
  const path = `\0${crypto.randomUUID()}`;
  for (
    const [address, options, message] of [
      [LOOPBACK, { dualstack: true }, /"dualstack": it needs an IPv6 address/],
      [{ port: 0 }, { dualstack: true, family: AF_INET }, /"dualstack"/],
      [{ path }, { dualstack: true }, /"dualstack"/],
      [{ path }, { reusePort: true }, /"reusePort": it needs a port/],
      [LOOPBACK, { reusePort: 1 }, /1 as the option "reusePort"/],
      [LOOPBACK, { dualstack: "no" }, /"no" as the option "dualstack"/],
    ] as [Any, Any, RegExp][]
  ) {
    throws(() => createServer(address, options), {
      name: "TypeError",
      message,
    });
  }
});

Deno.test("createServer: backlog, family and reusePort are honoured", () => {
  using one = createServer(LOOPBACK, { reusePort: true, backlog: 1 });
  strictEqual(one.getsockopt(SOL_SOCKET, SO_REUSEPORT), 1);
  using other = createServer(one.getsockname(), { reusePort: true });
  deepStrictEqual(other.getsockname(), one.getsockname());
  using alone = createServer(LOOPBACK);
  deepStrictEqual(
    [alone.family, alone.type, alone.getsockopt(SOL_SOCKET, SO_REUSEPORT)],
    [AF_INET, SOCK_STREAM, 0],
  );
  using six = createServer({ port: 0 }, { family: AF_INET6 });
  strictEqual(six.family, AF_INET6);
  throws(() => createServer(LOOPBACK, { backlog: -1 }), RangeError);
  throws(() => createServer(LOOPBACK, { family: NaN }), TypeError);
});

for (const how of ["Sync", "promised"] as const) {
  const connect = async (address: Any, options: Any) =>
    how === "Sync"
      ? createConnectionSync(address, options)
      : await createConnection(address, options);

  // What a name with addresses of several families resolves to.
  const connectToAll = async (addresses: Deno.NetAddr[], source?: Any) => {
    const found = addresses.flatMap(encodeAddresses);
    return how === "Sync"
      ? connectToAnySync(found, -1, source)
      : await connectToAny(found, -1, source, undefined);
  };

  Deno.test(`createConnection passes over addresses that do not fit the source, ${how}`, async () => {
    using four = createServer(LOOPBACK);
    using six = createServer({ hostname: "::1", port: 0 });
    const all = [four, six].map((each) => each.getsockname() as Deno.NetAddr);
    for (const addresses of [all, all.toReversed()]) {
      for (const { hostname } of all) {
        using client = await connectToAll(addresses, { hostname, port: 0 });
        strictEqual((client.getsockname() as Deno.NetAddr).hostname, hostname);
      }
      // Without a hostname each family has its own.
      using first = await connectToAll(addresses, { port: 0 });
      deepStrictEqual(first.getpeername(), addresses[0]);
    }
  });

  Deno.test(`createConnection passes over addresses that refuse, and that the system does not have, ${how}`, async () => {
    using listener = createServer(LOOPBACK);
    const address = listener.getsockname() as Deno.NetAddr;
    using closed = createServer({ hostname: "::1", port: 0 });
    const refusing = closed.getsockname() as Deno.NetAddr;
    closed.close();
    await refuses(refusing);
    // A family that there is none of fails before there is a socket.
    const found = [
      ...encodeAddresses(refusing),
      ...encodeAddresses(address),
    ];
    const unknown = new Uint8Array(16);
    new DataView(unknown.buffer).setUint16(0, 9999, true);
    found.unshift(unknown);
    using client = how === "Sync"
      ? connectToAnySync(found, -1, undefined)
      : await connectToAny(found, -1, undefined, undefined);
    deepStrictEqual(client.getpeername(), address);
    const error = await failure(() =>
      connectToAll([refusing, address], {
        hostname: "::1",
        port: 0,
      })
    );
    ok(error instanceof Deno.errors.ConnectionRefused, String(error));
  });

  Deno.test(`createConnection tells that nobody answers, rather than what does not fit, ${how}`, async () => {
    const listener = createServer(LOOPBACK);
    const address = listener.getsockname() as Deno.NetAddr;
    const { port } = address;
    listener.close();
    await refuses(address);
    const target = { hostname: "localhost", port };
    const sourceAddress = { hostname: "127.0.0.1", port: 0 };
    const refused = await failure(() => connect(target, { sourceAddress }));
    ok(refused instanceof Deno.errors.ConnectionRefused, String(refused));
    const unfit = await failure(() =>
      connect({ hostname: "::1", port }, { sourceAddress })
    );
    ok(unfit instanceof Deno.errors.NotFound, String(unfit));
    match(unfit.message, /Cannot resolve "127.0.0.1"/);
  });

  Deno.test(`createConnection refuses a source of another kind, and timeouts that are none, ${how}`, async () => {
    const kinds = await failure(() =>
      connect(LOOPBACK, { sourceAddress: { path: "/x" } })
    );
    ok(kinds instanceof TypeError);
    match(kinds.message, /"sourceAddress" must be \{ hostname, port \}/);
    const unix = await failure(() =>
      connect({ path: "/x" }, { sourceAddress: LOOPBACK })
    );
    match(unix.message, /"sourceAddress" must be \{ path \}/);
    for (
      const [timeout, Class] of [[-1, RangeError], [NaN, RangeError], [
        "1",
        TypeError,
      ]] as const
    ) {
      const error = await failure(() => connect(LOOPBACK, { timeout }));
      ok(error instanceof Class, `${timeout}: ${error}`);
    }
  });
}

Deno.test("SO_RCVTIMEO and SO_SNDTIMEO can be read, and are refused by name", () => {
  using socket = new Socket();
  for (const [name, option] of Object.entries({ SO_RCVTIMEO, SO_SNDTIMEO })) {
    deepStrictEqual(
      socket.getsockopt(SOL_SOCKET, option, 16),
      new Uint8Array(16),
    );
    for (const value of [1, new Uint8Array(16)]) {
      throws(() => socket.setsockopt(SOL_SOCKET, option, value), {
        name: "NotSupported",
        message: new RegExp(`^Cannot set ${name}: .* call setTimeout\\(\\)`),
      });
    }
  }
});

/** An option of TCP that is read as it was set. */
function tcpOption(name: string, value: number, before?: number) {
  return () => {
    using pair = Pair.tcp();
    const option = (poll as unknown as Record<string, number>)[name]!;
    // A listener's, of the first.
    using socket = name === "TCP_FASTOPEN" ? createServer(LOOPBACK) : pair.ours;
    const unset = socket.getsockopt(IPPROTO_TCP, option);
    ok(before === undefined ? unset !== value : unset === before, `${unset}`);
    socket.setsockopt(IPPROTO_TCP, option, value);
    strictEqual(socket.getsockopt(IPPROTO_TCP, option), value);
  };
}

/** What each option does when it is set; those that are only read fail by name. */
const options: Record<string, () => unknown> = {
  ...Object.fromEntries(
    [
      ...["SO_REUSEADDR", "SO_DONTROUTE", "SO_KEEPALIVE", "SO_OOBINLINE"],
      ...["SO_REUSEPORT"],
    ].map((name) => [name, () => {
      using socket = new Socket();
      const option = (poll as unknown as Record<string, number>)[name]!;
      for (const value of [true, false]) {
        socket.setsockopt(SOL_SOCKET, option, value);
        strictEqual(socket.getsockopt(SOL_SOCKET, option), Number(value));
      }
    }]),
  ),
  ...Object.fromEntries(
    ["SO_TYPE", "SO_ERROR", "SO_ACCEPTCONN"].map((name) => [name, async () => {
      using socket = createServer(LOOPBACK);
      const option = (poll as unknown as Record<string, number>)[name]!;
      deepStrictEqual(
        socket.getsockopt(SOL_SOCKET, option),
        { SO_TYPE: SOCK_STREAM, SO_ERROR: 0, SO_ACCEPTCONN: 1 }[name],
      );
      const error = await failure(() =>
        socket.setsockopt(SOL_SOCKET, option, 1)
      );
      match(
        error.message,
        new RegExp(`^Cannot set ${name}: setsockopt failed`),
      );
      strictEqual(error.code, "ENOPROTOOPT");
    }]),
  ),
  async SO_BROADCAST() {
    using socket = datagramSocket();
    const everybody = { hostname: "127.255.255.255", port: 9 };
    const error = await failure(() =>
      socket.sendToSync(new Uint8Array(1), everybody)
    );
    strictEqual(error.code, "EACCES");
    socket.setsockopt(SOL_SOCKET, SO_BROADCAST, true);
    strictEqual(socket.sendToSync(new Uint8Array(1), everybody), 1);
  },
  SO_SNDBUF() {
    using socket = new Socket();
    socket.setsockopt(SOL_SOCKET, SO_SNDBUF, 50_000);
    strictEqual(socket.getsockopt(SOL_SOCKET, SO_SNDBUF), 100_000);
  },
  SO_RCVBUF() {
    using socket = new Socket();
    socket.setsockopt(SOL_SOCKET, SO_RCVBUF, 50_000);
    strictEqual(socket.getsockopt(SOL_SOCKET, SO_RCVBUF), 100_000);
  },
  async SO_LINGER() {
    using pair = Pair.tcp();
    pair.ours.setsockopt(
      SOL_SOCKET,
      SO_LINGER,
      new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]),
    );
    pair.ours.close();
    const error = await failure(() => pair.theirs.recv(1));
    ok(error instanceof Deno.errors.ConnectionReset);
  },
  SO_RCVTIMEO: () => undefined,
  SO_SNDTIMEO: () => undefined,
  async IPV6_V6ONLY() {
    using socket = new Socket(AF_INET6);
    socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, true);
    socket.bind({ hostname: "::", port: 0 });
    socket.listen();
    const { port } = socket.getsockname() as Deno.NetAddr;
    const error = await failure(() =>
      createConnectionSync({ hostname: "127.0.0.1", port })
    );
    ok(error instanceof Deno.errors.ConnectionRefused, String(error));
  },
  SO_PASSCRED() {
    using pair = new Pair();
    pair.ours.setsockopt(SOL_SOCKET, poll.SO_PASSCRED, true);
    pair.theirs.sendSync(encode("x"));
    const { control } = pair.ours.recvmsgSync(1, poll.cmsgSpace(12));
    deepStrictEqual(
      control.map(({ level, type, data }) => [
        level,
        type,
        new Int32Array(data.slice().buffer)[0],
      ]),
      [[SOL_SOCKET, poll.SCM_CREDENTIALS, Deno.pid]],
    );
  },
  async SO_PEERCRED() {
    using pair = new Pair();
    deepStrictEqual(poll.peerCredentials(pair.ours), {
      pid: Deno.pid,
      uid: Deno.uid(),
      gid: Deno.gid(),
    });
    using unconnected = new Socket(AF_UNIX);
    const error = await failure(() => poll.peerCredentials(unconnected));
    ok(error instanceof Deno.errors.NotConnected, String(error));
    strictEqual(error.code, "ENOTCONN");
    using tcp = Pair.tcp();
    throws(() => poll.peerCredentials(tcp.ours), {
      name: "TypeError",
      message: /only Unix sockets know/,
    });
    unconnected.close();
    throws(() => poll.peerCredentials(unconnected), Deno.errors.BadResource);
  },
  async SO_BINDTODEVICE() {
    const set = (socket: Socket, name: string | Uint8Array) =>
      socket.setsockopt(SOL_SOCKET, poll.SO_BINDTODEVICE, name);
    using sender = datagramSocket();
    const error = await failure(() => set(sender, "no-such-one"));
    ok(["ENODEV", "EPERM"].includes(error.code!), String(error));
    match(error.message, /^Cannot set SO_BINDTODEVICE: setsockopt failed/);
    throws(() => set(sender, "l\0"), { name: "TypeError", message: /no NUL/ });
    for (const name of ["lo", encode("lo")]) {
      // Without rights of the system Linux binds a socket once, and not anew.
      using socket = datagramSocket();
      set(socket, name);
      deepStrictEqual(
        decode(socket.getsockopt(SOL_SOCKET, poll.SO_BINDTODEVICE, 16)),
        "lo\0",
      );
      sender.sendToSync(encode("by lo"), socket.getsockname());
      strictEqual(decode(socket.recvSync(10)), "by lo");
    }
  },
  ...Object.fromEntries(
    ["SO_DOMAIN", "SO_PROTOCOL"].map((name) => [name, async () => {
      using socket = new Socket(AF_INET6, SOCK_DGRAM);
      const option = (poll as unknown as Record<string, number>)[name]!;
      strictEqual(
        socket.getsockopt(SOL_SOCKET, option),
        name === "SO_DOMAIN" ? AF_INET6 : poll.IPPROTO_UDP,
      );
      strictEqual(
        (await failure(() => socket.setsockopt(SOL_SOCKET, option, 1))).code,
        "ENOPROTOOPT",
      );
    }]),
  ),
  // Each is set and read again; what TTLs and multicast options do to datagrams
  // is in multicast_test.ts, what comes with messages in messages_test.ts.
  ...Object.fromEntries(
    [
      ["IP_TOS", 0x10],
      ["IP_TTL", 7],
      ["IP_PKTINFO", 1],
      ["IP_RECVTTL", 1],
      ["IP_MULTICAST_TTL", 7],
      ["IP_MULTICAST_LOOP", 0],
      ["IPV6_UNICAST_HOPS", 7],
      ["IPV6_MULTICAST_IF", 1],
      ["IPV6_MULTICAST_HOPS", 7],
      ["IPV6_MULTICAST_LOOP", 0],
      ["IPV6_RECVPKTINFO", 1],
      ["IPV6_RECVHOPLIMIT", 1],
      ["IPV6_RECVTCLASS", 1],
      ["IPV6_TCLASS", 0x20],
    ].map(([name, value]) => [name, () => {
      const ipv6 = (name as string).startsWith("IPV6_");
      using socket = new Socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM);
      const level = ipv6 ? IPPROTO_IPV6 : poll.IPPROTO_IP;
      const option = (poll as unknown as Record<string, number>)[name!]!;
      const before = socket.getsockopt(level, option);
      socket.setsockopt(level, option, value!);
      strictEqual(socket.getsockopt(level, option), value);
      ok(before !== value, name as string);
    }]),
  ),
  TCP_SYNCNT: tcpOption("TCP_SYNCNT", 3),
  TCP_LINGER2: tcpOption("TCP_LINGER2", 5),
  TCP_USER_TIMEOUT: tcpOption("TCP_USER_TIMEOUT", 1234),
  TCP_NOTSENT_LOWAT: tcpOption("TCP_NOTSENT_LOWAT", 5000),
  TCP_FASTOPEN: tcpOption("TCP_FASTOPEN", 5),
  TCP_QUICKACK: tcpOption("TCP_QUICKACK", 0, 1),
  async TCP_MAXSEG() {
    using listener = createServer(LOOPBACK);
    using client = new Socket();
    client.setsockopt(IPPROTO_TCP, poll.TCP_MAXSEG, 600);
    await client.connect(listener.getsockname());
    const size = client.getsockopt(IPPROTO_TCP, poll.TCP_MAXSEG);
    ok(size > 500 && size <= 600, String(size));
  },
  TCP_WINDOW_CLAMP() {
    using pair = Pair.tcp();
    pair.ours.setsockopt(IPPROTO_TCP, poll.TCP_WINDOW_CLAMP, 20_000);
    strictEqual(
      pair.ours.getsockopt(IPPROTO_TCP, poll.TCP_WINDOW_CLAMP),
      20_000,
    );
  },
  async TCP_CORK() {
    using pair = Pair.tcp();
    pair.ours.setsockopt(IPPROTO_TCP, poll.TCP_CORK, true);
    pair.ours.sendSync(encode("held "));
    strictEqual(
      (await failure(() => pair.theirs.recv(10, poll.MSG_DONTWAIT))).code,
      "EAGAIN",
    );
    pair.ours.sendSync(encode("back"));
    pair.ours.setsockopt(IPPROTO_TCP, poll.TCP_CORK, false);
    strictEqual(decode(await pair.theirs.recv(100)), "held back");
  },
  async TCP_DEFER_ACCEPT() {
    using listener = createServer(LOOPBACK);
    listener.setsockopt(IPPROTO_TCP, poll.TCP_DEFER_ACCEPT, 5);
    using client = createConnectionSync(listener.getsockname());
    listener.setBlocking(false);
    throws(() => listener.acceptSync(), Deno.errors.WouldBlock);
    client.sendSync(encode("now"));
    const [connection] = await listener.accept();
    strictEqual(decode(connection.recvSync(10)), "now");
    connection.close();
  },
  TCP_INFO() {
    using pair = Pair.tcp();
    // tcpi_state, the first byte: TCP_ESTABLISHED is 1, TCP_CLOSE 7.
    const state = (socket: Socket) =>
      socket.getsockopt(IPPROTO_TCP, poll.TCP_INFO, 104)[0];
    strictEqual(state(pair.ours), 1);
    using unconnected = new Socket();
    strictEqual(state(unconnected), 7);
  },
  TCP_CONGESTION() {
    using socket = new Socket();
    const name = () =>
      decode(socket.getsockopt(IPPROTO_TCP, poll.TCP_CONGESTION, 16))
        .replace(/\0.*/s, "");
    socket.setsockopt(IPPROTO_TCP, poll.TCP_CONGESTION, "reno");
    strictEqual(name(), "reno");
    throws(
      () => socket.setsockopt(IPPROTO_TCP, poll.TCP_CONGESTION, "none such"),
      Deno.errors.NotFound,
    );
  },
  ...Object.fromEntries(
    Object.entries({ TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT })
      .map(([name, option]) => [name, () => {
        using socket = new Socket();
        const value = name === "TCP_NODELAY" ? 1 : 7;
        socket.setsockopt(IPPROTO_TCP, option, value);
        strictEqual(socket.getsockopt(IPPROTO_TCP, option), value);
      }]),
  ),
};

for (const [name, check] of Object.entries(options)) {
  Deno.test(`${name} does what it says, or is refused`, async () => {
    await check();
  });
}

Deno.test("SO_OOBINLINE, SO_DONTROUTE and SO_KEEPALIVE are the kernel's to honour, and reach it", async () => {
  using pair = Pair.tcp();
  pair.ours.setsockopt(SOL_SOCKET, SO_OOBINLINE, 1);
  for (const option of [SO_DONTROUTE, SO_KEEPALIVE, SO_REUSEADDR]) {
    pair.ours.setsockopt(SOL_SOCKET, option, 1);
  }
  pair.theirs.sendSync(encode("a"));
  pair.theirs.sendSync(encode("!"), poll.MSG_OOB);
  pair.theirs.sendSync(encode("b"));
  pair.theirs.shutdown();
  let text = "";
  for (let bytes; (bytes = await pair.ours.recv(10)).length > 0;) {
    text += decode(bytes);
  }
  strictEqual(text, "a!b");
  for (const option of [SO_TYPE, SO_ERROR, SO_ACCEPTCONN]) {
    strictEqual(typeof pair.ours.getsockopt(SOL_SOCKET, option), "number");
  }
});

Deno.test("a mask of poll's or epoll's with a bit that is no event is refused", () => {
  using pair = new Pair();
  using set = epoll();
  const polling = poll.poll();
  const names = Object.entries(poll).filter((
    entry,
  ): entry is [string, number] => typeof entry[1] === "number");
  const known = (prefix: string) =>
    names.filter(([name]) => name.startsWith(prefix))
      .reduce((all, [, bit]) => all | bit, 0);
  for (let shift = 0; shift < 32; shift++) {
    const bit = 2 ** shift;
    const message = new RegExp(`there is no event 0x${bit.toString(16)}$`);
    if ((known("EPOLL") & bit) === 0) {
      throws(() => set.register(pair.ours, bit), {
        name: "RangeError",
        message,
      });
    } else {
      set.register(pair.ours, bit);
      set.unregister(pair.ours);
    }
    if (shift > 15) continue;
    if ((known("POLL") & bit) === 0) {
      throws(() => polling.register(pair.ours, bit), {
        name: "RangeError",
        message,
      });
    } else polling.register(pair.ours, bit);
  }
});

Deno.test("poll and epoll tell of the bands that they are asked for", async () => {
  using pair = new Pair();
  using set = epoll();
  pair.theirs.sendSync(encode("x"));
  const both = poll.EPOLLRDNORM | poll.EPOLLWRNORM | poll.EPOLLWRBAND;
  set.register(pair.ours, both);
  deepStrictEqual(set.pollSync(0), [[pair.ours.fileno(), both]]);
  const polling = poll.poll();
  polling.register(
    pair.ours,
    poll.POLLRDNORM | poll.POLLWRNORM | poll.POLLWRBAND,
  );
  deepStrictEqual(await polling.poll(0), [[
    pair.ours.fileno(),
    poll.POLLRDNORM | poll.POLLWRNORM | poll.POLLWRBAND,
  ]]);
});

/** Where each other constant is tried. */
const ELSEWHERE = [
  // Families, types and sides: every test makes sockets of them.
  ...["AF_INET", "AF_INET6", "AF_UNIX", "SOCK_STREAM", "SOCK_DGRAM"],
  ...["SOMAXCONN", "SHUT_RD", "SHUT_WR", "SHUT_RDWR"],
  // Levels, and protocols of a Socket.
  ...["SOL_SOCKET", "IPPROTO_IP", "IPPROTO_TCP", "IPPROTO_UDP", "IPPROTO_IPV6"],
  ...["EVENT_READ", "EVENT_WRITE"],
  // socket_test.ts, messages_test.ts, getaddrinfo_test.ts, multicast_test.ts.
  ...["SOCK_SEQPACKET", "SCM_RIGHTS", "SCM_CREDENTIALS"],
  ...["IPV6_PKTINFO", "IPV6_HOPLIMIT"],
  ...["AI_PASSIVE", "AI_CANONNAME", "AI_NUMERICHOST", "AI_NUMERICSERV"],
  ...["AI_V4MAPPED", "AI_ALL", "AI_ADDRCONFIG"],
  ...["IP_MULTICAST_IF", "IP_ADD_MEMBERSHIP", "IP_DROP_MEMBERSHIP"],
  ...["IPV6_JOIN_GROUP", "IPV6_LEAVE_GROUP"],
];

Deno.test("every exported number has a test of what it does", () => {
  const numbers = Object.entries(poll)
    .filter(([, value]) => typeof value === "number").map(([name]) => name);
  deepStrictEqual(
    // flags_test.ts has the flags, the test above the masks.
    numbers.filter((name) => !/^(MSG_|E?POLL)/.test(name)).sort(),
    [...Object.keys(options), ...ELSEWHERE].sort(),
  );
});

Deno.test("levels and protocols are those of the kernel", async () => {
  using tcp = new Socket(AF_INET, SOCK_STREAM, poll.IPPROTO_TCP);
  using udp = new Socket(AF_INET, SOCK_DGRAM, poll.IPPROTO_UDP);
  strictEqual(tcp.getsockopt(SOL_SOCKET, SO_TYPE), SOCK_STREAM);
  strictEqual(udp.getsockopt(SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
  // IP_TTL; include/uapi/linux/in.h.
  ok(udp.getsockopt(poll.IPPROTO_IP, 2) > 0);
  using udp6 = new Socket(AF_INET6, SOCK_DGRAM, poll.IPPROTO_UDP);
  ok(udp6.getsockopt(IPPROTO_IPV6, poll.IPV6_UNICAST_HOPS) > 0);
  strictEqual(
    (await failure(() => new Socket(AF_INET, SOCK_STREAM, poll.IPPROTO_UDP)))
      .code,
    "EPROTONOSUPPORT",
  );
});

Deno.test("shutdown ends the side that it is told", async () => {
  for (const how of [poll.SHUT_RD, poll.SHUT_WR, poll.SHUT_RDWR]) {
    using pair = new Pair();
    pair.ours.shutdown(how);
    const reads = how === poll.SHUT_WR;
    const writes = how === poll.SHUT_RD;
    if (writes) strictEqual(pair.ours.sendSync(encode("x")), 1);
    else {
      const error = await failure(() => pair.ours.sendSync(encode("x")));
      ok(error instanceof Deno.errors.BrokenPipe);
    }
    if (reads) strictEqual(pair.theirs.sendSync(encode("x")), 1);
    strictEqual((await pair.ours.recv(1)).length, reads ? 1 : 0);
  }
});
