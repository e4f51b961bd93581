import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert";
import {
  createConnection,
  createConnectionSync,
  createServer,
  epoll,
  EPOLLET,
  EPOLLIN,
  type FileDescriptorLike,
  MSG_OOB,
  poll,
  POLLIN,
  POLLNVAL,
  select,
  selectSync,
  Socket,
  socketpair,
  SOL_SOCKET,
} from "../../poll/mod.ts";
import {
  closedDescriptor,
  datagramSocket,
  encode,
  failure,
  Pair,
} from "./_sockets.ts";

/** What is no descriptor, and the error for it. */
const noDescriptors: [unknown, new () => Error][] = [
  [-1, RangeError],
  [-0.5, TypeError],
  [3.5, TypeError],
  [NaN, TypeError],
  [Infinity, TypeError],
  [2 ** 31, RangeError],
  [2 ** 53, RangeError],
  ["0", TypeError],
  [null, TypeError],
  [undefined, TypeError],
  [1n, TypeError],
  [{}, TypeError],
  [{ fileno: 1 }, TypeError],
  [{ fileno: () => "1" }, TypeError],
  [{ fileno: () => -1 }, RangeError],
];

for (const [value, Class] of noDescriptors) {
  const shown = typeof value === "object"
    ? Deno.inspect(value)
    : `${typeof value} ${String(value)}`;
  Deno.test(`${shown} is no descriptor, anywhere`, async () => {
    using pair = new Pair();
    using set = epoll();
    const fd = value as FileDescriptorLike;
    for (
      const call of [
        () => poll().register(fd),
        () => poll().modify(fd, POLLIN),
        () => poll().unregister(fd),
        () => set.register(fd),
        () => set.modify(fd, 1),
        () => set.unregister(fd),
        () => selectSync([fd], [], [], 0),
        () => selectSync([pair.ours], [pair.ours, fd], [], 0),
        () => select([], [], [fd], 0),
        () => Socket.fromFd(fd as number),
      ]
    ) {
      const error = await failure(call);
      ok(error instanceof Class, `${call}: ${error}`);
    }
  });
}

Deno.test("a descriptor that is closed is refused, or reported as POLLNVAL", async () => {
  for (const fd of [closedDescriptor(), 1_000_000_000, 2 ** 31 - 1]) {
    using set = epoll();
    ok(
      await failure(() => set.register(fd)) instanceof Deno.errors.BadResource,
    );
    ok(
      await failure(() => Socket.fromFd(fd)) instanceof
        Deno.errors.BadResource,
    );
    const polling = poll();
    polling.register(fd);
    deepStrictEqual(polling.pollSync(), [[fd, POLLNVAL]]);
    deepStrictEqual(await polling.poll(), [[fd, POLLNVAL]]);
  }
});

Deno.test("a fileno() that throws is passed on", async () => {
  const thing = {
    fileno(): number {
      throw new Error("not today");
    },
  };
  strictEqual(
    (await failure(() => select([thing], [], []))).message,
    "not today",
  );
});

Deno.test("select refuses what is no list", async () => {
  for (const list of [1, null, undefined, {}]) {
    ok(
      await failure(() =>
        selectSync(list as unknown as [], [], [], 0)
      ) instanceof
        TypeError,
    );
  }
});

Deno.test("a list that changes while it is read is taken as it was", () => {
  using pair = new Pair();
  const list: FileDescriptorLike[] = [];
  const thing = {
    fileno() {
      if (list.length < 50) list.push(thing);
      return pair.ours.fileno();
    },
  };
  list.push(thing);
  deepStrictEqual(selectSync([], list, [], 0)[1], [thing]);
  const shrinking: FileDescriptorLike[] = [];
  const last = {
    fileno() {
      shrinking.pop();
      return pair.ours.fileno();
    },
  };
  for (let i = 0; i < 10; i++) shrinking.push(last);
  deepStrictEqual(selectSync([], shrinking, [], 0)[1], Array(10).fill(last));
});

const masks: [number, new () => Error][] = [
  [-1, RangeError],
  [0x10000, RangeError],
  [2 ** 64, RangeError],
  [NaN, TypeError],
  [1.5, TypeError],
];

for (const [mask, Class] of masks) {
  Deno.test(`${mask} is no mask of poll's`, async () => {
    using pair = new Pair();
    const polling = poll();
    ok(await failure(() => polling.register(pair.ours, mask)) instanceof Class);
    polling.register(pair.ours);
    ok(await failure(() => polling.modify(pair.ours, mask)) instanceof Class);
  });
}

Deno.test("epoll's masks are 32 bits", async () => {
  using pair = new Pair();
  using set = epoll();
  for (const mask of [2 ** 32, -(2 ** 31) - 1, NaN, 0.5]) {
    ok(await failure(() => set.register(pair.ours, mask)) instanceof Error);
  }
  // As JavaScript's operators give it, and as a number above 2^31.
  set.register(pair.ours, EPOLLIN | EPOLLET);
  set.modify(pair.ours, EPOLLIN + EPOLLET);
  set.modify(pair.ours, 0);
  deepStrictEqual(set.pollSync(0), []);
  for (const max of [0, -2, 0.5, NaN, 2 ** 31]) {
    ok(await failure(() => set.pollSync(0, max)) instanceof Error, `${max}`);
  }
});

Deno.test("timeouts: NaN and what is no number throw, fractions and -0 are fine", async () => {
  using pair = new Pair();
  using set = epoll();
  const polling = poll();
  const calls: ((timeout: number) => unknown)[] = [
    (timeout) => polling.pollSync(timeout),
    (timeout) => polling.poll(timeout),
    (timeout) => set.pollSync(timeout),
    (timeout) => set.poll(timeout),
    (timeout) => set.waitSync(timeout),
    (timeout) => selectSync([pair.ours], [], [], timeout),
    (timeout) => select([pair.ours], [], [], timeout),
  ];
  for (const call of calls) {
    ok(await failure(() => call(NaN)) instanceof RangeError, String(call));
    ok(
      await failure(() => call("1" as unknown as number)) instanceof TypeError,
      String(call),
    );
    await call(0.001);
    await call(-0);
    await call(0);
  }
  for (const timeout of [-1, -0.5, -Infinity]) {
    ok(
      await failure(() => selectSync([], [], [], timeout)) instanceof
        RangeError,
    );
    ok(
      await failure(() => pair.ours.setTimeout(timeout)) instanceof RangeError,
    );
  }
  ok(await failure(() => pair.ours.setTimeout(NaN)) instanceof RangeError);
});

Deno.test("timeouts: infinite, negative and enormous ones wait, and no longer than needed", async () => {
  using pair = new Pair();
  using set = epoll();
  const polling = poll();
  polling.register(pair.ours, POLLIN);
  set.register(pair.ours, POLLIN);
  for (
    const timeout of [
      ...[Infinity, -1, -0.1, -1e-100, -Infinity, 2 ** 31, 2 ** 64, 1e300],
      null,
    ]
  ) {
    const waits: Promise<readonly unknown[]>[] = [
      polling.poll(timeout),
      set.poll(timeout),
    ];
    if (timeout === null || timeout > 0) {
      waits.push(select([pair.ours], [], [], timeout).then(([ours]) => ours));
    }
    setTimeout(() => pair.theirs.sendSync(encode("x")), 1);
    // None has ended with nothing before.
    for (const found of await Promise.all(waits)) strictEqual(found.length, 1);
    strictEqual(polling.pollSync(timeout).length, 1);
    strictEqual(set.pollSync(timeout).length, 1);
    if (timeout === null || timeout > 0) {
      pair.ours.setTimeout(timeout);
      strictEqual(selectSync([pair.ours], [], [], timeout)[0].length, 1);
    }
    pair.ours.recvSync(1);
  }
});

/** Calls that take a buffer. */
const bufferCalls: [
  string,
  (socket: Socket, buffer: Uint8Array) => unknown,
][] = [
  ["recvIntoSync", (socket, buffer) => socket.recvIntoSync(buffer)],
  ["recvInto", (socket, buffer) => socket.recvInto(buffer)],
  ["sendSync", (socket, buffer) => socket.sendSync(buffer)],
  ["send", (socket, buffer) => socket.send(buffer)],
  ["sendAllSync", (socket, buffer) => socket.sendAllSync(buffer)],
  ["sendAll", (socket, buffer) => socket.sendAll(buffer)],
];

for (const [name, call] of bufferCalls) {
  Deno.test(`${name}: buffers that are none or detached throw, empty ones are fine`, async () => {
    using pair = new Pair();
    pair.theirs.sendSync(encode("waiting"));
    for (
      const value of [
        undefined,
        null,
        1,
        "text",
        [1],
        {},
        { byteLength: 1000 },
        new ArrayBuffer(8),
        new DataView(new ArrayBuffer(8)),
      ]
    ) {
      const error = await failure(() =>
        call(pair.ours, value as unknown as Uint8Array)
      );
      ok(error instanceof TypeError, `${value}: ${error}`);
    }
    const detached = new Uint8Array(8);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const error = await failure(() => call(pair.ours, detached));
    ok(error instanceof TypeError);
    ok(error.message.includes("the buffer is detached"));
    await call(pair.ours, new Uint8Array(0));
  });

  Deno.test(`${name}: shared, resizable and disguised buffers count what they have`, async () => {
    using pair = new Pair();
    pair.theirs.sendSync(new Uint8Array(1000).fill(7));
    await call(pair.ours, new Uint8Array(new SharedArrayBuffer(8)));
    const resizable = new ArrayBuffer(8, { maxByteLength: 4096 });
    const tracking = new Uint8Array(resizable);
    await call(pair.ours, tracking);
    resizable.resize(4);
    await call(pair.ours, tracking);
    const outside = new Uint8Array(resizable, 2, 2);
    resizable.resize(1);
    await call(pair.ours, outside);
    class Liar extends Uint8Array {
      override get byteLength(): number {
        return 1_000_000;
      }
      override get length(): number {
        return 1_000_000;
      }
    }
    const memory = new ArrayBuffer(64);
    await call(pair.ours, new Liar(memory, 8, 8));
    const bytes = new Uint8Array(memory);
    // What lies around the eight bytes is as it was.
    deepStrictEqual(bytes.subarray(0, 8), new Uint8Array(8));
    deepStrictEqual(bytes.subarray(16), new Uint8Array(48));
  });
}

Deno.test("a buffer that is detached or shrinks while recvInto waits is noticed", async () => {
  using pair = new Pair();
  const detached = new Uint8Array(100);
  const first = pair.ours.recvInto(detached);
  const resizable = new ArrayBuffer(100, { maxByteLength: 100 });
  const second = pair.ours.recvInto(new Uint8Array(resizable), 100);
  setTimeout(() => {
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    resizable.resize(10);
    pair.theirs.sendSync(encode("too late"));
  }, 1);
  ok(await failure(() => first) instanceof TypeError);
  ok(await failure(() => second) instanceof RangeError);
  // Nothing was lost.
  strictEqual(pair.ours.recvSync(100).length, 8);
});

Deno.test("a buffer that shrinks while sendAll waits is noticed", async () => {
  using pair = new Pair();
  const resizable = new ArrayBuffer(4_000_000, { maxByteLength: 4_000_000 });
  const sending = pair.ours.sendAll(new Uint8Array(resizable));
  const failed = failure(() => sending);
  setTimeout(() => {
    resizable.resize(1000);
    pair.theirs.recvSync(1_000_000);
  }, 1);
  ok(await failed instanceof TypeError);
});

Deno.test("lengths past the buffer, negative and enormous ones throw", async () => {
  using pair = new Pair();
  const buffer = new Uint8Array(10);
  for (const nbytes of [11, -1, 2 ** 31, 2 ** 53]) {
    for (
      const call of [
        () => pair.ours.recvIntoSync(buffer, nbytes),
        () => pair.ours.recvInto(buffer, nbytes),
      ]
    ) ok(await failure(call) instanceof RangeError, String(nbytes));
  }
  for (const size of [-1, 2 ** 31, 2 ** 53]) {
    for (
      const call of [
        () => pair.ours.recvSync(size),
        () => pair.ours.recv(size),
        () => pair.ours.recvFromSync(size),
        () => pair.ours.recvFrom(size),
      ]
    ) ok(await failure(call) instanceof RangeError, String(size));
  }
  for (const size of [NaN, 0.5, "1" as unknown as number]) {
    ok(await failure(() => pair.ours.recvSync(size)) instanceof TypeError);
    ok(
      await failure(() => pair.ours.recvIntoSync(buffer, size)) instanceof
        TypeError,
    );
  }
  pair.theirs.sendSync(encode("x"));
  strictEqual(pair.ours.recvSync(0).length, 0);
});

Deno.test("flags of any value are errors of the kernel at most", () => {
  using pair = new Pair();
  pair.theirs.sendSync(encode("waiting"));
  for (
    const flags of [NaN, 1.5, -1, 2 ** 40, MSG_OOB, "x" as unknown as number]
  ) {
    for (
      const call of [
        () => pair.ours.recvIntoSync(new Uint8Array(1), 0, flags),
        () => pair.ours.sendSync(new Uint8Array(1), flags),
      ]
    ) {
      try {
        call();
      } catch (error) {
        ok(error instanceof Error);
      }
    }
  }
});

Deno.test("options: values and lengths that do not fit throw", async () => {
  using socket = new Socket();
  for (
    const call of [
      () => socket.setsockopt(-1, 1, 1),
      () => socket.setsockopt(SOL_SOCKET, 2 ** 31, 1),
      () => socket.setsockopt(SOL_SOCKET, 1, 2 ** 31),
      () => socket.setsockopt(SOL_SOCKET, 1, new Uint8Array(257)),
      () => socket.getsockopt(SOL_SOCKET, 1, 0),
      () => socket.getsockopt(SOL_SOCKET, 1, 257),
      () => socket.listen(-1),
      () => socket.shutdown(3),
      () => socket.shutdown(2 ** 31),
      () => socket.shutdown(2 ** 32 + 2),
      () => new Socket(-1),
      () => new Socket(2, 16),
      () => socketpair(-1),
    ]
  ) ok(await failure(call) instanceof RangeError, String(call));
  for (
    const call of [
      () => socket.setsockopt(SOL_SOCKET, 1, NaN),
      () => socket.setsockopt(SOL_SOCKET, 1.5, 1),
      () => socket.listen(0.5),
      () => new Socket("x" as unknown as number),
    ]
  ) ok(await failure(call) instanceof TypeError, String(call));
  strictEqual((await failure(() => new Socket(9999))).code, "EAFNOSUPPORT");
});

Deno.test("addresses that are none throw, and say why", async () => {
  using socket = new Socket();
  using unix = new Socket(1);
  const addresses: [Socket, unknown, new () => Error][] = [
    [socket, undefined, TypeError],
    [socket, null, TypeError],
    [socket, "127.0.0.1:80", TypeError],
    [socket, { hostname: "127.0.0.1" }, TypeError],
    [socket, { port: -1 }, RangeError],
    [socket, { port: 65_536 }, RangeError],
    [socket, { port: 1.5 }, TypeError],
    [socket, { port: "80" }, TypeError],
    [socket, { hostname: "", port: 1 }, TypeError],
    [socket, { hostname: 1, port: 1 }, TypeError],
    [socket, { hostname: "a\0b", port: 1 }, TypeError],
    [socket, { hostname: "\ud800", port: 1 }, TypeError],
    [socket, { hostname: "a".repeat(256), port: 1 }, RangeError],
    [socket, { path: "/x" }, TypeError],
    [unix, { hostname: "127.0.0.1", port: 1 }, TypeError],
    [unix, { path: 1 }, TypeError],
    [unix, { path: "a\0b" }, TypeError],
    [unix, { path: "x".repeat(108) }, RangeError],
    [unix, { path: `\0${"x".repeat(108)}` }, RangeError],
  ];
  for (const [each, address, Class] of addresses) {
    for (
      const call of [
        () => each.bind(address as { port: number }),
        () => each.connectSync(address as { port: number }),
        () => each.connect(address as { port: number }),
        () => each.sendToSync(new Uint8Array(1), address as { port: number }),
        () => each.sendTo(new Uint8Array(1), address as { port: number }),
      ]
    ) {
      const error = await failure(call);
      ok(
        error instanceof Class,
        `${Deno.inspect(address)}: ${call}: ${error}`,
      );
    }
  }
});

Deno.test("the longest path and the longest abstract name fit", () => {
  const directory = Deno.makeTempDirSync();
  try {
    const path = `${directory}/${"x".repeat(106 - directory.length)}`;
    strictEqual(path.length, 107);
    for (const each of [path, `\0${"n".repeat(107)}`]) {
      using listener = createServer({ path: each });
      using client = createConnectionSync({ path: each });
      deepStrictEqual(client.getpeername(), { transport: "unix", path: each });
      listener.getsockname();
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

for (const how of ["Sync", "promised"] as const) {
  Deno.test(`sendTo refuses what are no bytes and what is no address, ${how}`, async () => {
    using socket = datagramSocket();
    const itself = socket.getsockname();
    const send = (data: unknown, address: unknown) => {
      const [bytes, to] = [data as Uint8Array, address as Deno.NetAddr];
      return how === "Sync"
        ? socket.sendToSync(bytes, to)
        : socket.sendTo(bytes, to);
    };
    for (const data of ["\u2620", 5, 5n, null, undefined, [1], {}]) {
      ok(await failure(() => send(data, itself)) instanceof TypeError);
    }
    for (const address of [null, undefined, 0, "bar", {}]) {
      ok(
        await failure(() => send(encode("foo"), address)) instanceof TypeError,
      );
    }
    socket.setBlocking(false);
    throws(() => socket.recvSync(1), Deno.errors.WouldBlock);
  });
}

Deno.test("what is no address is refused by its name", async () => {
  const message = /^Cannot use (null|5|"x") as an address: it must be/;
  for (const value of [null, 5, "x"]) {
    const address = value as unknown as Deno.NetAddr;
    throws(() => createServer(address), { name: "TypeError", message });
    throws(() => createConnectionSync(address), { name: "TypeError", message });
    await rejects(createConnection(address), { name: "TypeError", message });
  }
});
