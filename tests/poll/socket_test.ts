import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  createConnection,
  createConnectionSync,
  createServer,
  IPPROTO_TCP,
  MSG_PEEK,
  MSG_TRUNC,
  SHUT_WR,
  SO_LINGER,
  SO_RCVBUF,
  SO_REUSEADDR,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  Socket,
  socketpair,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../../poll/mod.ts";
import { Folder } from "../_program.ts";
import {
  datagramSocket,
  decode,
  descriptors,
  encode,
  failure,
  LOOPBACK,
  Pair,
} from "./_sockets.ts";

Deno.test("Socket is AF_INET and SOCK_STREAM unless told otherwise", () => {
  using socket = new Socket();
  deepStrictEqual([socket.family, socket.type, socket.protocol], [
    AF_INET,
    SOCK_STREAM,
    0,
  ]);
});

for (const how of ["Sync", "promised"] as const) {
  const sync = how === "Sync";

  Deno.test(`TCP: accept, connect, send and recv, ${how}`, async () => {
    using listener = createServer(LOOPBACK);
    const local = listener.getsockname() as Deno.NetAddr;
    deepStrictEqual([local.transport, local.hostname], ["tcp", "127.0.0.1"]);
    using client = new Socket();
    if (sync) client.connectSync(local);
    else await client.connect(local);
    const [connection, peer] = sync
      ? listener.acceptSync()
      : await listener.accept();
    using _connection = connection;
    deepStrictEqual(peer, client.getsockname());
    deepStrictEqual(client.getpeername(), local);
    strictEqual(
      sync
        ? client.sendSync(encode("hello"))
        : await client.send(encode("hello")),
      5,
    );
    for (const [size, part] of [[2, "he"], [100, "llo"]] as const) {
      const got = sync
        ? connection.recvSync(size)
        : await connection.recv(size);
      strictEqual(decode(got), part);
    }
    client.shutdown(SHUT_WR);
    const end = sync ? connection.recvSync(100) : await connection.recv(100);
    strictEqual(end.length, 0);
  });

  Deno.test(`IPv6: connect and accept, ${how}`, async () => {
    using listener = createServer({ hostname: "::1", port: 0 });
    strictEqual(listener.family, AF_INET6);
    const local = listener.getsockname() as Deno.NetAddr;
    strictEqual(local.hostname, "::1");
    using client = sync
      ? createConnectionSync(local)
      : await createConnection(local);
    const [connection, peer] = sync
      ? listener.acceptSync()
      : await listener.accept();
    deepStrictEqual(peer, client.getsockname());
    client.sendSync(encode("echo"));
    connection.sendSync(await connection.recv(100));
    strictEqual(decode(await client.recv(100)), "echo");
    connection.close();
  });

  Deno.test(`a Unix path and an abstract name, ${how}`, async () => {
    await using folder = new Folder();
    for (const path of [folder.at("s.sock"), `\0${folder.path}`]) {
      using listener = createServer({ path });
      deepStrictEqual(listener.getsockname(), { transport: "unix", path });
      using client = sync
        ? createConnectionSync({ path })
        : await createConnection({ path });
      const [connection, peer] = sync
        ? listener.acceptSync()
        : await listener.accept();
      connection.close();
      deepStrictEqual(peer, { transport: "unix", path: "" });
      deepStrictEqual(client.getpeername(), { transport: "unix", path });
    }
  });

  Deno.test(`UDP: sendTo and recvFrom, ${how}`, async () => {
    using ours = datagramSocket();
    using theirs = datagramSocket();
    const to = theirs.getsockname();
    strictEqual(to.transport, "udp");
    strictEqual(
      sync
        ? ours.sendToSync(encode("packet"), to)
        : await ours.sendTo(encode("packet"), to),
      6,
    );
    const [bytes, from] = sync
      ? theirs.recvFromSync(100)
      : await theirs.recvFrom(100);
    strictEqual(decode(bytes), "packet");
    deepStrictEqual(from, ours.getsockname());
    ours.sendToSync(encode("other"), to);
    const other = sync ? theirs.recvSync(100) : await theirs.recv(100);
    strictEqual(decode(other), "other");
  });

  Deno.test(`Unix datagrams, ${how}`, async () => {
    await using folder = new Folder();
    using ours = new Socket(AF_UNIX, SOCK_DGRAM);
    using theirs = new Socket(AF_UNIX, SOCK_DGRAM);
    const path = folder.at("theirs");
    theirs.bind({ path });
    if (sync) ours.sendToSync(encode("x"), { path });
    else await ours.sendTo(encode("x"), { path });
    const [bytes, from] = sync
      ? theirs.recvFromSync(10)
      : await theirs.recvFrom(10);
    strictEqual(bytes.length, 1);
    deepStrictEqual(from, { transport: "unixpacket", path: "" });
  });

  Deno.test(`recvInto fills the caller's buffer, ${how}`, async () => {
    using pair = new Pair();
    pair.theirs.sendSync(encode("abcdef"));
    const buffer = new Uint8Array(10);
    const into = (view: Uint8Array, nbytes?: number) =>
      sync
        ? pair.ours.recvIntoSync(view, nbytes)
        : pair.ours.recvInto(view, nbytes);
    strictEqual(await into(buffer, 2), 2);
    strictEqual(await into(buffer.subarray(2, 4)), 2);
    strictEqual(await into(buffer.subarray(4)), 2);
    strictEqual(decode(buffer), "abcdef\0\0\0\0");
  });

  Deno.test(`setTimeout limits accept, recv and connect, ${how}`, async () => {
    using pair = new Pair();
    using listener = createServer(LOOPBACK);
    for (
      const [socket, call] of [
        [pair.ours, () => sync ? pair.ours.recvSync(1) : pair.ours.recv(1)],
        [listener, () => sync ? listener.acceptSync() : listener.accept()],
      ] as const
    ) {
      socket.setTimeout(20);
      strictEqual(socket.getTimeout(), 20);
      const started = performance.now();
      const error = await failure(call);
      ok(error instanceof Deno.errors.TimedOut, String(error));
      strictEqual(error.code, "ETIMEDOUT");
      ok(performance.now() - started >= 20);
    }
  });

  Deno.test(`setTimeout limits send and sendAll, ${how}`, async () => {
    using pair = new Pair();
    pair.fill();
    pair.ours.setTimeout(20);
    const bytes = new Uint8Array(1_000_000);
    for (
      const call of [
        () => sync ? pair.ours.sendSync(bytes) : pair.ours.send(bytes),
        () => sync ? pair.ours.sendAllSync(bytes) : pair.ours.sendAll(bytes),
      ]
    ) ok(await failure(call) instanceof Deno.errors.TimedOut);
  });

  Deno.test(`a Unix datagram to a receiver that is full waits, and no longer than the timeout, ${how}`, async () => {
    using ours = new Socket(AF_UNIX, SOCK_DGRAM);
    using theirs = new Socket(AF_UNIX, SOCK_DGRAM);
    const remote = { path: `\0full ${crypto.randomUUID()}` };
    theirs.bind(remote);
    ours.setTimeout(30);
    const send = () =>
      sync
        ? ours.sendToSync(encode("x"), remote)
        : ours.sendTo(encode("x"), remote);
    const error = await failure(async () => {
      while (true) await send();
    });
    ok(error instanceof Deno.errors.TimedOut, String(error));
    if (sync) return;
    ours.setTimeout(null);
    const waiting = send();
    theirs.recvSync(10);
    strictEqual(await waiting, 1);
    const abort = new AbortController();
    const reason = new Error("enough");
    const aborted = ours.sendTo(encode("x"), remote, 0, {
      signal: abort.signal,
    });
    setTimeout(() => abort.abort(reason), 30);
    strictEqual(await failure(() => aborted), reason);
  });

  Deno.test(`an empty datagram is sent and received, ${how}`, async () => {
    using ours = datagramSocket();
    using theirs = datagramSocket();
    if (sync) ours.sendToSync(new Uint8Array(0), theirs.getsockname());
    else await ours.sendTo(new Uint8Array(0), theirs.getsockname());
    const [bytes] = sync ? theirs.recvFromSync(10) : await theirs.recvFrom(10);
    strictEqual(bytes.length, 0);
  });

  Deno.test(`createConnection tries every address of a name, ${how}`, async () => {
    // localhost is ::1 and 127.0.0.1; only one of them listens.
    using listener = createServer(LOOPBACK);
    const { port } = listener.getsockname() as Deno.NetAddr;
    const address = { hostname: "localhost", port };
    using client = sync
      ? createConnectionSync(address)
      : await createConnection(address);
    deepStrictEqual(client.getpeername(), listener.getsockname());
  });

  Deno.test(`a connection that is broken rejects as such, ${how}`, async () => {
    using pair = Pair.tcp();
    pair.theirs.setsockopt(
      SOL_SOCKET,
      SO_LINGER,
      new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]),
    );
    pair.theirs.close();
    const reset = await failure(() =>
      sync ? pair.ours.recvSync(1) : pair.ours.recv(1)
    );
    ok(reset instanceof Deno.errors.ConnectionReset, String(reset));
    const broken = await failure(() =>
      sync ? pair.ours.sendSync(encode("x")) : pair.ours.send(encode("x"))
    );
    ok(broken instanceof Deno.errors.BrokenPipe, String(broken));
  });
}

Deno.test("sendAll completes what send cannot, with one reader", async () => {
  using pair = Pair.tcp();
  const bytes = new Uint8Array(20_000_000).map((_, i) => i * 7);
  const sent = pair.ours.sendAll(bytes).then(() => pair.ours.shutdown(SHUT_WR));
  const received = new Uint8Array(bytes.length + 1);
  let at = 0;
  while (true) {
    const count = await pair.theirs.recvInto(received.subarray(at));
    if (count === 0) break;
    at += count;
  }
  await sent;
  strictEqual(at, bytes.length);
  deepStrictEqual(received.subarray(0, at), bytes);
});

Deno.test("sendAllSync completes what sendSync cannot, the reader in a Worker", async () => {
  using pair = new Pair();
  const code = `import { Socket } from ${
    JSON.stringify(import.meta.resolve("../../poll/mod.ts"))
  };
    onmessage = ({ data }) => {
      const socket = Socket.fromFd(data);
      const buffer = new Uint8Array(65536);
      let total = 0;
      for (let count; (count = socket.recvIntoSync(buffer)) > 0;) total += count;
      socket.close();
      postMessage(total);
    };`;
  const worker = new Worker(
    `data:text/javascript,${encodeURIComponent(code)}`,
    { type: "module" },
  );
  const total = new Promise((resolve) =>
    worker.onmessage = ({ data }) => resolve(data)
  );
  worker.postMessage(pair.theirs.detach());
  pair.ours.sendAllSync(new Uint8Array(5_000_000));
  pair.ours.shutdown(SHUT_WR);
  strictEqual(await total, 5_000_000);
  worker.terminate();
});

Deno.test("setBlocking(false) makes Sync calls throw WouldBlock, and promised ones wait", async () => {
  using pair = new Pair();
  pair.ours.setBlocking(false);
  strictEqual(pair.ours.getBlocking(), false);
  strictEqual(pair.ours.getTimeout(), 0);
  const error = await failure(() => pair.ours.recvSync(1));
  ok(error instanceof Deno.errors.WouldBlock);
  strictEqual(error.code, "EAGAIN");
  const waiting = pair.ours.recv(1);
  pair.theirs.sendSync(encode("x"));
  strictEqual(decode(await waiting), "x");
  pair.ours.setBlocking(true);
  strictEqual(pair.ours.getTimeout(), null);
  for (const timeout of [0, null, 2000, 0, 10_000, null]) {
    pair.ours.setTimeout(timeout);
    deepStrictEqual(
      [pair.ours.getTimeout(), pair.ours.getBlocking()],
      [timeout, timeout !== 0],
    );
  }
  using listener = createServer(LOOPBACK);
  for (
    const set of [
      () => listener.setBlocking(false),
      () => listener.setTimeout(0),
    ]
  ) {
    listener.setBlocking(true);
    set();
    throws(() => listener.acceptSync(), Deno.errors.WouldBlock);
    const accepting = listener.accept();
    using client = createConnectionSync(listener.getsockname());
    const [connection, address] = await accepting;
    connection.close();
    deepStrictEqual(address, client.getsockname());
  }
});

Deno.test("connectSync of a socket that does not block is under way", async () => {
  using listener = createServer(LOOPBACK);
  using socket = new Socket();
  socket.setBlocking(false);
  const error = await failure(() => socket.connectSync(listener.getsockname()));
  strictEqual(error.code, "EINPROGRESS");
  ok(error instanceof Deno.errors.WouldBlock);
});

Deno.test("a full backlog of a Unix socket makes connect wait", async () => {
  await using folder = new Folder();
  const path = folder.at("s");
  using listener = createServer({ path }, { backlog: 0 });
  using first = createConnectionSync({ path });
  using second = new Socket(AF_UNIX);
  second.setTimeout(30);
  throws(() => second.connectSync({ path }), Deno.errors.TimedOut);
  second.setTimeout(null);
  const connected = second.connect({ path });
  const [one] = await listener.accept();
  one.close();
  await connected;
  first.getpeername();
});

Deno.test("options: integers, booleans and structures", () => {
  using socket = new Socket();
  strictEqual(socket.getsockopt(SOL_SOCKET, SO_REUSEADDR), 0);
  socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, true);
  strictEqual(socket.getsockopt(SOL_SOCKET, SO_REUSEADDR), 1);
  socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
  strictEqual(socket.getsockopt(IPPROTO_TCP, TCP_NODELAY), 1);
  strictEqual(socket.getsockopt(SOL_SOCKET, SO_TYPE), SOCK_STREAM);
  socket.setsockopt(SOL_SOCKET, SO_RCVBUF, 100_000);
  ok(socket.getsockopt(SOL_SOCKET, SO_RCVBUF) >= 100_000);
  const linger = new Uint8Array([1, 0, 0, 0, 9, 0, 0, 0]);
  socket.setsockopt(SOL_SOCKET, SO_LINGER, linger);
  deepStrictEqual(socket.getsockopt(SOL_SOCKET, SO_LINGER, 100), linger);
});

Deno.test("an option that does not exist is an error with its code", async () => {
  using socket = new Socket();
  const error = await failure(() => socket.getsockopt(SOL_SOCKET, 9999));
  strictEqual(error.code, "ENOPROTOOPT");
  match(error.message, /^Cannot get option 9999 of level 1: getsockopt failed/);
});

Deno.test("recv with MSG_PEEK leaves the bytes, with MSG_TRUNC a datagram's rest is cut off", () => {
  using pair = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
  pair.theirs.sendSync(encode("datagram"));
  strictEqual(decode(pair.ours.recvSync(3, MSG_PEEK)), "dat");
  strictEqual(decode(pair.ours.recvSync(4, MSG_TRUNC)), "data");
  pair.theirs.sendSync(encode("datagram"));
  // The real length, of which 4 bytes are there.
  strictEqual(pair.ours.recvIntoSync(new Uint8Array(4), 0, MSG_TRUNC), 8);
});

Deno.test("recv of more than 64 KiB, and what it returns is the caller's own", async () => {
  using pair = new Pair();
  pair.theirs.sendSync(encode("first"));
  const first = await pair.ours.recv(1_000_000);
  pair.theirs.sendSync(encode("other"));
  const other = await pair.ours.recv(100);
  strictEqual(decode(first) + decode(other), "firstother");
});

Deno.test("detach gives the descriptor away in the mode that was set, fromFd takes it", async () => {
  using pair = new Pair();
  const fd = pair.ours.fileno();
  strictEqual(pair.ours.detach(), fd);
  strictEqual(pair.ours.closed, true);
  ok(await failure(() => pair.ours.recv(1)) instanceof Deno.errors.BadResource);
  using again = Socket.fromFd(fd);
  deepStrictEqual([again.family, again.type], [AF_UNIX, SOCK_STREAM]);
  pair.theirs.sendSync(encode("still open"));
  strictEqual(decode(await again.recv(100)), "still open");
});

Deno.test("fromFd refuses what it must not close", async () => {
  using pair = new Pair();
  const owned = await failure(() => Socket.fromFd(pair.ours.fileno()));
  ok(owned instanceof Deno.errors.Busy);
  match(owned.message, /another object owns it, detach it there first/);
  const file = await Deno.makeTempFile();
  using opened = await Deno.open(file);
  await Deno.remove(file);
  // The highest descriptor now is the file's.
  const fd = Math.max(
    ...descriptors().filter((name) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(file);
      } catch {
        return false;
      }
    }).map(Number),
  );
  strictEqual((await failure(() => Socket.fromFd(fd))).code, "ENOTSOCK");
  // It is still open.
  strictEqual(await opened.read(new Uint8Array(1)), null);
});

Deno.test("after close every call throws BadResource", async () => {
  using pair = new Pair();
  const socket = pair.ours;
  socket.close();
  strictEqual(socket.closed, true);
  const bytes = new Uint8Array(1);
  const address = { path: "/nowhere" };
  const calls: (() => unknown)[] = [
    () => socket.fileno(),
    () => socket.detach(),
    () => socket.dup(),
    () => socket.connectEx({ port: 1 }),
    () => socket.connectExSync({ port: 1 }),
    () => socket.recvmsg(1),
    () => socket.recvmsgSync(1),
    () => socket.sendmsg([new Uint8Array(1)]),
    () => socket.sendmsgSync([new Uint8Array(1)]),
    () => socket.setBlocking(true),
    () => socket.getBlocking(),
    () => socket.setTimeout(1),
    () => socket.getTimeout(),
    () => socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1),
    () => socket.getsockopt(SOL_SOCKET, SO_REUSEADDR),
    () => socket.bind(address),
    () => socket.listen(),
    () => socket.accept(),
    () => socket.acceptSync(),
    () => socket.connect(address),
    () => socket.connectSync(address),
    () => socket.recv(1),
    () => socket.recvSync(1),
    () => socket.recvInto(bytes),
    () => socket.recvIntoSync(bytes),
    () => socket.recvFrom(1),
    () => socket.recvFromSync(1),
    () => socket.send(bytes),
    () => socket.sendSync(bytes),
    () => socket.sendAll(bytes),
    () => socket.sendAllSync(bytes),
    () => socket.sendTo(bytes, address),
    () => socket.sendToSync(bytes, address),
    () => socket.shutdown(),
    () => socket.getsockname(),
    () => socket.getpeername(),
  ];
  for (const call of calls) {
    const error = await failure(call);
    ok(error instanceof Deno.errors.BadResource, `${call}: ${error}`);
    strictEqual(error.code, "EBADF", String(call));
    match(error.message, /the socket is closed$/);
  }
});

Deno.test("a socket may be closed again, and after detach, and closes nobody else's", () => {
  using pair = new Pair();
  pair.ours.close();
  // The number is another's now.
  using other = new Socket();
  pair.ours.close();
  pair.ours[Symbol.dispose]();
  other.getsockname();
  const fd = pair.theirs.detach();
  pair.theirs.close();
  using again = Socket.fromFd(fd);
  again.getsockname();
});

Deno.test("an AbortSignal ends a wait with its reason", async () => {
  using pair = new Pair();
  using listener = createServer(LOOPBACK);
  pair.fill();
  for (
    const call of [
      (signal: AbortSignal) => pair.ours.recv(1, 0, { signal }),
      (signal: AbortSignal) =>
        pair.ours.recvInto(new Uint8Array(1), 0, 0, { signal }),
      (signal: AbortSignal) => pair.ours.recvFrom(1, 0, { signal }),
      (signal: AbortSignal) =>
        pair.ours.sendAll(new Uint8Array(9_999_999), 0, { signal }),
      (signal: AbortSignal) => listener.accept({ signal }),
    ]
  ) {
    const reason = new Error("enough");
    const abort = new AbortController();
    const waiting = call(abort.signal);
    setTimeout(() => abort.abort(reason), 1);
    strictEqual(await failure(() => waiting), reason);
    strictEqual(await failure(() => call(abort.signal)), reason);
  }
});

Deno.test("createConnection aborts, also one that nobody answers", async () => {
  using listener = createServer(LOOPBACK, { backlog: 0 });
  const address = listener.getsockname();
  // One in the backlog; the kernel drops what comes on top.
  using _first = await createConnection(address);
  const abort = new AbortController();
  const others = Array.from(
    { length: 3 },
    () => createConnection(address, { signal: abort.signal }),
  );
  setTimeout(() => abort.abort(), 20);
  const settled = await Promise.allSettled(others);
  for (const one of settled) {
    if (one.status === "fulfilled") one.value.close();
  }
  ok(
    settled.some((one) =>
      one.status === "rejected" && one.reason.name === "AbortError"
    ),
  );
});

Deno.test("a name that does not exist is NotFound", async () => {
  const address = { hostname: "name.invalid", port: 1 };
  for (
    const call of [
      () => createConnectionSync(address),
      () => createConnection(address),
    ]
  ) {
    const error = await failure(call);
    ok(error instanceof Deno.errors.NotFound, String(error));
    match(error.message, /^Cannot resolve "name.invalid": /);
  }
});

Deno.test("a promised call lets timers in, however fast the peer is", async () => {
  using pair = new Pair();
  const buffer = new Uint8Array(1);
  let fired = false;
  const timer = setTimeout(() => fired = true, 0);
  for (let i = 0; i < 100_000 && !fired; i++) {
    await pair.ours.send(buffer);
    await pair.theirs.recvInto(buffer);
  }
  clearTimeout(timer);
  ok(fired);
});

Deno.test("a datagram too long for the protocol is EMSGSIZE", async () => {
  using socket = datagramSocket();
  const error = await failure(() =>
    socket.sendToSync(new Uint8Array(70_000), socket.getsockname())
  );
  strictEqual(error.code, "EMSGSIZE");
  await rejects(
    socket.sendTo(new Uint8Array(70_000), socket.getsockname()),
    { code: "EMSGSIZE" },
  );
});
