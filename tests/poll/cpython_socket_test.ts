// What CPython's test_socket and test_epoll check, and no other file here does.

import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import {
  type AddressLike,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  createConnection,
  createConnectionSync,
  type CreateConnectionSyncOptions,
  createServer,
  DefaultSelector,
  epoll,
  EPOLLIN,
  EPOLLOUT,
  select,
  SO_PROTOCOL,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  Socket,
  socketpair,
  SOL_SOCKET,
} from "../../poll/mod.ts";
import { libc } from "../../poll/_libc.ts";
import {
  datagramSocket,
  decode,
  encode,
  failure,
  LOOPBACK,
  Pair,
} from "./_sockets.ts";

/** F_GETFD and FD_CLOEXEC of fcntl(2). */
const closesOnExec = (fd: number) => (libc().fcntl(fd, 1, 0) & 1) === 1;

Deno.test("every descriptor that this module opens is closed on exec", async () => {
  using socket = new Socket();
  using pair = new Pair();
  using listener = createServer(LOOPBACK);
  using client = createConnectionSync(listener.getsockname());
  const [connection] = await listener.accept();
  using _connection = connection;
  using copy = client.dup();
  using set = epoll();
  using selector = new DefaultSelector();
  for (
    const each of [
      ...[socket, pair.ours, pair.theirs, listener, client, connection],
      ...[copy, set, selector],
    ]
  ) ok(closesOnExec(each.fileno()));
});

Deno.test("an accepted connection has no timeout, whatever the listener's is", async () => {
  using listener = createServer(LOOPBACK);
  for (const timeout of [null, 10_000, 0]) {
    listener.setTimeout(timeout);
    using client = createConnectionSync(listener.getsockname());
    const [connection] = await listener.accept();
    using _connection = connection;
    strictEqual(connection.getTimeout(), null);
    strictEqual(connection.getBlocking(), true);
    strictEqual(client.getTimeout(), null);
  }
});

Deno.test("a type is one of the kernel's, without flags", () => {
  // SOCK_NONBLOCK and SOCK_CLOEXEC, which every socket has here.
  for (const flag of [0o4000, 0o2000000]) {
    throws(() => new Socket(AF_INET, SOCK_STREAM | flag), {
      name: "RangeError",
      message: /as a socket type: it must be from 0 to 15/,
    });
  }
  for (const blocking of [true, false]) {
    using socket = new Socket(AF_INET, SOCK_DGRAM);
    socket.setBlocking(blocking);
    strictEqual(socket.type, SOCK_DGRAM);
    strictEqual(socket.getsockopt(SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
  }
});

Deno.test("fromFd finds family and type of whatever socket it is given", () => {
  const made = [
    new Socket(),
    new Socket(AF_INET6),
    datagramSocket(),
    new Socket(AF_UNIX),
    new Socket(AF_UNIX, SOCK_DGRAM),
    new Socket(AF_UNIX, SOCK_SEQPACKET),
  ];
  for (const socket of made) {
    const { family, type } = socket;
    const fd = socket.fileno();
    using again = Socket.fromFd(socket.detach());
    deepStrictEqual(
      [again.family, again.type, again.fileno()],
      [family, type, fd],
    );
    strictEqual(typeof again.getsockopt(SOL_SOCKET, SO_PROTOCOL), "number");
  }
});

Deno.test("listen takes any backlog that C's int holds", async () => {
  for (const backlog of [undefined, 0, 1, 2 ** 31 - 1]) {
    using listener = new Socket();
    listener.bind(LOOPBACK);
    listener.listen(backlog);
    using _client = createConnectionSync(listener.getsockname());
  }
  using listener = new Socket();
  for (const backlog of [-1, 2 ** 31]) {
    throws(() => listener.listen(backlog), RangeError);
  }
  using datagrams = datagramSocket();
  const error = await failure(() => datagrams.listen());
  ok(error instanceof Deno.errors.NotSupported, String(error));
});

Deno.test("a Unix socket is without a path, takes an abstract name by itself, or one it is given", () => {
  using one = new Socket(AF_UNIX);
  using other = new Socket(AF_UNIX);
  const path = (socket: Socket) => (socket.getsockname() as Deno.UnixAddr).path;
  strictEqual(path(one), "");
  // An empty path has Linux choose a name; unix(7), "Autobind feature".
  for (const socket of [one, other]) {
    socket.bind({ path: "" });
    match(path(socket), /^\0[0-9a-f]{5}$/);
  }
  ok(path(one) !== path(other));
  using third = new Socket(AF_UNIX);
  const name = `\0python-test-hello\0\0${crypto.randomUUID()}`;
  third.bind({ path: name });
  third.listen();
  strictEqual(path(third), name);
  using client = new Socket(AF_UNIX);
  client.connectSync({ path: name });
  const [, address] = third.acceptSync();
  deepStrictEqual(address, { transport: "unix", path: "" });
  strictEqual((client.getpeername() as Deno.UnixAddr).path, name);
});

Deno.test("socketpair is of Unix streams, and says what is no family of it", async () => {
  const [one, other] = socketpair();
  using _one = one, _other = other;
  for (const socket of [one, other]) {
    deepStrictEqual(
      [socket.family, socket.type, socket.protocol, socket.getTimeout()],
      [AF_UNIX, SOCK_STREAM, 0, null],
    );
  }
  one.sendSync(encode("there"));
  other.sendSync(encode("back"));
  strictEqual(decode(other.recvSync(100)), "there");
  strictEqual(decode(one.recvSync(100)), "back");
  strictEqual(
    (await failure(() => socketpair(AF_INET))).code,
    "EOPNOTSUPP",
  );
});

Deno.test("getpeername of a socket that is not connected is NotConnected", async () => {
  using socket = new Socket();
  const error = await failure(() => socket.getpeername());
  ok(error instanceof Deno.errors.NotConnected, String(error));
});

Deno.test("an epoll: edges, changes and what is closed, step by step", () => {
  using pair = Pair.tcp();
  using set = epoll();
  const [client, server] = [pair.ours.fileno(), pair.theirs.fileno()];
  const both = EPOLLIN | EPOLLOUT;
  const EPOLLET = 0x8000_0000;
  set.register(client, both + EPOLLET);
  set.register(server, both + EPOLLET);
  const sorted = () => set.pollSync(0).sort(([a], [b]) => a - b);
  const expected = (mask: number) =>
    [client, server].sort((a, b) => a - b).map((fd) => [fd, mask]);
  deepStrictEqual(sorted(), expected(EPOLLOUT));
  deepStrictEqual(sorted(), []);
  pair.ours.sendAllSync(encode("Hello!"));
  pair.theirs.sendAllSync(encode("world!!!"));
  deepStrictEqual(sorted(), expected(both));
  set.unregister(client);
  set.modify(server, EPOLLOUT);
  deepStrictEqual(sorted(), [[server, EPOLLOUT]]);
  pair.theirs.close();
  throws(() => set.unregister(server), {
    name: "BadResource",
    message: /EBADF/,
  });
});

for (const how of ["Sync", "promised"] as const) {
  const connect = async (
    address: AddressLike,
    options: CreateConnectionSyncOptions,
  ) =>
    how === "Sync"
      ? createConnectionSync(address, options)
      : await createConnection(address, options);

  Deno.test(`createConnection: family, source and timeout are the connection's, ${how}`, async () => {
    using listener = createServer(LOOPBACK);
    using bound = new Socket();
    bound.bind(LOOPBACK);
    const sourceAddress = bound.getsockname();
    bound.close();
    using client = await connect(listener.getsockname(), { sourceAddress });
    strictEqual(client.family, AF_INET);
    deepStrictEqual(client.getsockname(), sourceAddress);
    deepStrictEqual([client.getTimeout(), client.getBlocking()], [null, true]);
    (await listener.accept())[0].close();
    for (const timeout of [null, 30_000]) {
      using limited = await connect(listener.getsockname(), { timeout });
      strictEqual(limited.getTimeout(), timeout);
      const [connection] = await listener.accept();
      connection.sendSync(encode("done!"));
      connection.close();
      const got = how === "Sync" ? limited.recvSync(5) : await limited.recv(5);
      strictEqual(decode(got), "done!");
    }
    using late = await connect(listener.getsockname(), { timeout: 15 });
    const error = await failure(() =>
      how === "Sync" ? late.recvSync(5) : late.recv(5)
    );
    ok(error instanceof Deno.errors.TimedOut, String(error));
  });

  Deno.test(`createConnection that takes too long is TimedOut, and no other error, ${how}`, async () => {
    const path = `\0${crypto.randomUUID()}`;
    using _listener = createServer({ path }, { backlog: 0 });
    // One fits in the backlog.
    using _first = createConnectionSync({ path });
    const error = await failure(() => connect({ path }, { timeout: 15 }));
    ok(error instanceof Deno.errors.TimedOut, String(error));
    strictEqual(error.code, "ETIMEDOUT");
  });

  Deno.test(`a datagram socket's calls end at the timeout, ${how}`, async () => {
    using socket = datagramSocket();
    socket.setTimeout(15);
    for (
      const call of how === "Sync"
        ? [() => socket.recvSync(1), () => socket.recvFromSync(1)]
        : [() => socket.recv(1), () => socket.recvFrom(1)]
    ) {
      const error = await failure(call);
      ok(error instanceof Deno.errors.TimedOut, String(error));
    }
    if (how === "promised") return;
    socket.setTimeout(0);
    throws(() => socket.recvSync(1), Deno.errors.WouldBlock);
  });
}

Deno.test("a connection whose peer has closed, however often, is readable and at its end", async () => {
  using pair = Pair.tcp();
  for (let i = 0; i < 3; i++) pair.theirs.close();
  deepStrictEqual(await select([pair.ours], [], []), [[pair.ours], [], []]);
  strictEqual(pair.ours.recvSync(1).length, 0);
});
