// Tests of descriptor numbers, which belong to the whole process: nothing may
// run beside them. own_process_test.ts runs them.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import {
  AF_UNIX,
  createConnection,
  createConnectionSync,
  createServer,
  Descriptor,
  epoll,
  EPOLLIN,
  EpollSelector,
  EVENT_READ,
  MSG_PEEK,
  poll,
  POLLIN,
  POLLNVAL,
  PollSelector,
  recvFds,
  recvFdsSync,
  select,
  SelectSelector,
  sendFds,
  sendFdsSync,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  Socket,
  socketpair,
  SOL_SOCKET,
} from "../../poll/mod.ts";
import { libc } from "../../poll/_libc.ts";
import {
  decode,
  descriptors,
  encode,
  failure,
  LOOPBACK,
  Pair,
} from "./_sockets.ts";

Deno.test("using closes a socket, and closes it once", () => {
  using keep = new Pair();
  const before = descriptors();
  let fd;
  {
    using socket = new Socket();
    fd = socket.fileno();
    socket.close();
    // The number is somebody else's before the block ends.
    using other = new Socket();
    strictEqual(other.fileno(), fd);
    socket[Symbol.dispose]();
    other.getsockname();
  }
  deepStrictEqual(descriptors(), before);
  keep.ours.getsockname();
});

Deno.test("a million registrations and unregistrations leave nothing behind", () => {
  using pair = new Pair();
  using set = epoll();
  const polling = poll();
  const before = descriptors();
  const cycle = (count: number) => {
    for (let i = 0; i < count; i++) {
      polling.register(pair.ours, POLLIN);
      polling.unregister(pair.ours);
      set.register(pair.ours, EPOLLIN);
      set.unregister(pair.ours);
    }
  };
  cycle(20_000);
  const started = Deno.memoryUsage().rss;
  cycle(480_000);
  ok(Deno.memoryUsage().rss - started < 16 * 1024 * 1024);
  deepStrictEqual(descriptors(), before);
  deepStrictEqual(set.pollSync(0), []);
  deepStrictEqual(polling.pollSync(0), []);
});

Deno.test("close wakes whoever waits, and the reused number wakes nobody", async () => {
  using pair = new Pair();
  const waits = [
    pair.ours.recv(1),
    pair.ours.recvInto(new Uint8Array(1)),
    pair.ours.recvFrom(1),
  ];
  const number = pair.ours.fileno();
  const polling = poll();
  polling.register(number, POLLIN);
  const polled = polling.poll();
  const selected = select([number], [], []);
  // Every wait has begun when a later one is served.
  using other = new Pair();
  const later = other.ours.recv(1);
  other.theirs.sendSync(encode("x"));
  await later;
  pair.ours.close();
  for (const wait of waits) {
    const error = await failure(() => wait);
    ok(error instanceof Deno.errors.BadResource, String(error));
    strictEqual(error.message, "Cannot receive: the socket is closed");
  }
  deepStrictEqual(await polled, [[number, POLLNVAL]]);
  ok(await failure(() => selected) instanceof Deno.errors.BadResource);
  using reused = new Pair();
  strictEqual(reused.ours.fileno(), number);
  const waiting = reused.ours.recv(10);
  reused.theirs.sendSync(encode("new"));
  strictEqual(decode(await waiting), "new");
});

Deno.test("a descriptor closed behind our back is noticed", async () => {
  using pair = new Pair();
  const fd = pair.ours.detach();
  const polling = poll();
  polling.register(fd, POLLIN);
  const waiting = polling.poll();
  setTimeout(() => libc().close(fd), 1);
  deepStrictEqual(await waiting, [[fd, POLLNVAL]]);
  const socket = new Socket();
  libc().close(socket.fileno());
  // This asks nobody.
  socket.setBlocking(false);
  for (const call of [() => socket.getsockname(), () => socket.recvSync(1)]) {
    const error = await failure(call);
    ok(error instanceof Deno.errors.BadResource, String(error));
    strictEqual(error.code, "EBADF");
  }
  // Nor does this complain: it is closed, as it should be.
  socket.close();
  strictEqual(socket.closed, true);
});

Deno.test("an epoll closes its descriptor, and once", () => {
  const before = descriptors();
  const set = epoll();
  set.close();
  set[Symbol.dispose]();
  deepStrictEqual(descriptors(), before);
  let ended;
  {
    using inBlock = epoll();
    ok(inBlock.fileno() > 2);
    strictEqual(inBlock.closed, false);
    ended = inBlock;
  }
  strictEqual(ended.closed, true);
  deepStrictEqual(descriptors(), before);
});

for (const sync of [true, false]) {
  Deno.test(
    `createConnection refused closes what it made, ${
      sync ? "Sync" : "promised"
    }`,
    async () => {
      let listener = createServer(LOOPBACK);
      const address = listener.getsockname();
      listener.close();
      listener = createServer(LOOPBACK);
      const before = descriptors();
      const error = await failure(() =>
        sync ? createConnectionSync(address) : createConnection(address)
      );
      ok(error instanceof Deno.errors.ConnectionRefused, String(error));
      deepStrictEqual(descriptors(), before);
      listener.close();
    },
  );
}

for (const Selector of [SelectSelector, PollSelector, EpollSelector]) {
  Deno.test(`${Selector.name}: what was closed, and whose number is another's now, is unregistered`, () => {
    using selector = new Selector();
    const pair = new Pair();
    const fd = pair.ours.fileno();
    selector.register(pair.ours, EVENT_READ);
    pair[Symbol.dispose]();
    using reused = new Pair();
    strictEqual(reused.ours.fileno(), fd);
    strictEqual(selector.unregister(pair.ours).fd, fd);
    strictEqual(selector.getMap()!.size, 0);
    // The one that has the number can be registered in its turn.
    const key = selector.register(reused.ours, EVENT_READ);
    reused.theirs.sendSync(encode("x"));
    deepStrictEqual(selector.selectSync(), [[key, EVENT_READ]]);
  });
}

for (const Selector of [SelectSelector, PollSelector, EpollSelector]) {
  Deno.test(`${Selector.name}: what was closed, and whose number is a file's now, is unregistered`, async () => {
    const path = await Deno.makeTempFile();
    using keep = new Pair();
    using selector = new Selector();
    using set = epoll();
    const pair = new Pair();
    const fd = pair.ours.fileno();
    selector.register(fd, EVENT_READ);
    set.register(fd, EPOLLIN);
    pair[Symbol.dispose]();
    // The lowest number is given first.
    const files = [];
    const isFile = () => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false;
      }
    };
    while (!isFile() && files.length < 50) files.push(await Deno.open(path));
    ok(isFile());
    for (
      const [action, call] of [
        ["modify", () => set.modify(fd, EPOLLIN)],
        ["unregister", () => set.unregister(fd)],
      ] as const
    ) {
      const error = await failure(call);
      ok(error instanceof Deno.errors.NotFound, String(error));
      strictEqual(error.code, "ENOENT");
      ok(
        error.message.startsWith(
          `Cannot ${action} descriptor ${fd}: it is not registered (ENOENT), and is a file by now; `,
        ),
        error.message,
      );
    }
    strictEqual(selector.unregister(fd).fd, fd);
    deepStrictEqual([...selector.getMap()!], []);
    for (const file of files) file.close();
    await Deno.remove(path);
    keep.ours.getsockname();
  });
}

Deno.test("events leave nothing on the heap, however many there are", async () => {
  using pair = new Pair();
  using set = epoll();
  set.register(pair.ours, EPOLLIN);
  const buffer = new Uint8Array(64 * 1024);
  const bytes = new Uint8Array(64);
  const sync = (count: number) => {
    for (let i = 0; i < count; i++) {
      pair.theirs.sendSync(bytes);
      for (const _ of set.pollSync()) pair.ours.recvIntoSync(buffer);
    }
  };
  const promised = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const waiting = pair.ours.recvInto(buffer);
      await pair.theirs.send(bytes);
      await waiting;
    }
  };
  sync(10_000);
  await promised(1000);
  const before = heap();
  sync(200_000);
  await promised(10_000);
  const grown = heap() - before;
  ok(grown < 256 * 1024, `${grown} bytes`);
});

/** What is on the heap once the garbage is gone, in bytes. */
function heap(): number {
  (globalThis as unknown as { gc(): void }).gc();
  return Deno.memoryUsage().heapUsed;
}

Deno.test("messages leave no descriptor behind, however little room there is for theirs", async () => {
  const [gift, other] = socketpair();
  const before = descriptors();
  for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) {
    for (let room = 0; room < 80; room++) {
      using pair = new Pair(socketpair(AF_UNIX, type));
      pair.ours.setsockopt(SOL_SOCKET, SO_PASSCRED, room % 2 === 0);
      for (const peek of [MSG_PEEK, 0]) {
        if (peek !== 0) {
          await sendFds(pair.theirs, [encode("x")], Array(5).fill(gift));
        }
        using _one = await pair.ours.recvmsg(1, room, peek);
      }
      sendFdsSync(pair.theirs, [encode("x")], Array(5).fill(gift));
      using _other = recvFdsSync(pair.ours, 1, room % 6);
      // One more that nobody receives.
      sendFdsSync(pair.theirs, [encode("x")], [gift]);
    }
  }
  deepStrictEqual(descriptors(), before);
  gift.close();
  other.close();
});

Deno.test("a process's descriptor that was asked for past this module is closed", () => {
  using pair = new Pair();
  const one = new Uint8Array([1, 0, 0, 0]);
  // SO_PASSPIDFD of asm-generic/socket.h; before Linux 6.5 there is none.
  const set = libc().setsockopt(pair.ours.fileno(), SOL_SOCKET, 76, one, 4);
  const before = descriptors();
  for (let i = 0; i < 10; i++) {
    pair.theirs.sendSync(encode("x"));
    const message = pair.ours.recvmsgSync(1, 100);
    deepStrictEqual([message.control, message.fds], [[], []]);
  }
  ok(set === 0 || set === -1);
  deepStrictEqual(descriptors(), before);
});

Deno.test("a received descriptor whose number another object believes to own is closed, and the others", async () => {
  using pair = new Pair();
  const stale = new Socket();
  const fd = stale.fileno();
  libc().close(fd);
  const before = descriptors();
  await sendFds(pair.theirs, [encode("x")], [pair.ours, pair.ours, pair.ours]);
  const error = await failure(() => recvFds(pair.ours, 1, 3));
  ok(error instanceof Deno.errors.Busy, String(error));
  deepStrictEqual(descriptors(), before);
  stale.close();
});

Deno.test("dup, Descriptor and what fails to connect leave no descriptor behind", async () => {
  using pair = new Pair();
  const before = descriptors();
  for (let i = 0; i < 10; i++) {
    using copy = pair.ours.dup();
    using _descriptor = new Descriptor(copy.dup().detach());
    using socket = new Socket(AF_UNIX);
    await socket.connectEx({ path: "/nowhere/at/all" });
  }
  deepStrictEqual(descriptors(), before);
});
