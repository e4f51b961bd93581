import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import {
  type Epoll,
  epoll,
  EPOLLET,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLRDHUP,
  MSG_OOB,
  poll,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  select,
  selectSync,
  SHUT_WR,
  Socket,
} from "../../poll/mod.ts";
import { Folder } from "../_program.ts";
import { closedDescriptor, encode, failure, MODULE, Pair } from "./_sockets.ts";
import { runWithFewDescriptors } from "./_few_descriptors.ts";

for (const how of ["Sync", "promised"] as const) {
  const sync = how === "Sync";
  const choose: typeof select = async (...lists) =>
    sync
      ? selectSync(lists[0], lists[1], lists[2], lists[3])
      : await select(...lists);

  Deno.test(`select returns the very objects that were passed, ${how}`, async () => {
    using pair = new Pair();
    const thing = { name: "any", fileno: () => pair.ours.fileno() };
    pair.theirs.sendSync(encode("x"));
    const [readable, writable, exceptional] = await choose(
      [pair.theirs, thing],
      new Set([pair.ours, pair.theirs]),
      [thing],
    );
    strictEqual(readable.length, 1);
    strictEqual(readable[0], thing);
    deepStrictEqual(writable, [pair.ours, pair.theirs]);
    deepStrictEqual(exceptional, []);
  });

  Deno.test(`select returns three lists, none of them another or one that was passed, ${how}`, async () => {
    const none: [] = [];
    const lists = await choose(none, none, none, 1);
    deepStrictEqual(lists, [[], [], []]);
    strictEqual(new Set<unknown>([...lists, none]).size, 4);
  });

  Deno.test(`select with the same descriptor twice returns both, ${how}`, async () => {
    using pair = new Pair();
    const fd = pair.ours.fileno();
    deepStrictEqual(await choose([], [fd, pair.ours], []), [[], [
      fd,
      pair.ours,
    ], []]);
  });

  Deno.test(`select waits no longer than its timeout, ${how}`, async () => {
    using pair = new Pair();
    for (const timeout of [0, 0.5, 20]) {
      const started = performance.now();
      deepStrictEqual(await choose([pair.ours], [], [], timeout), [[], [], []]);
      ok(performance.now() - started >= timeout);
    }
    deepStrictEqual(await choose([], [], [], 1), [[], [], []]);
  });

  Deno.test(`select of a closed descriptor is BadResource, ${how}`, async () => {
    const fd = closedDescriptor();
    for (const lists of [[[fd], [], []], [[], [fd], []], [[], [], [fd]]]) {
      const error = await failure(() =>
        choose(lists[0]!, lists[1]!, lists[2]!, 0)
      );
      ok(error instanceof Deno.errors.BadResource, String(error));
      strictEqual(
        error.message,
        `Cannot select: descriptor ${fd} is closed`,
      );
    }
  });

  Deno.test(`select sees urgent data in its third list, ${how}`, async () => {
    using pair = Pair.tcp();
    pair.theirs.sendSync(encode("!"), MSG_OOB);
    deepStrictEqual(await choose([], [], [pair.ours], 5000), [[], [], [
      pair.ours,
    ]]);
  });

  Deno.test(`select with errors in its third list alone waits, ${how}`, async () => {
    using pair = new Pair();
    pair.theirs.close();
    const started = performance.now();
    deepStrictEqual(await choose([], [], [pair.ours], 20), [[], [], []]);
    ok(performance.now() - started >= 20);
    deepStrictEqual(await choose([pair.ours], [], [pair.ours], 20), [
      [
        pair.ours,
      ],
      [],
      [],
    ]);
  });

  Deno.test(`select takes descriptors above 1,024, ${how}`, async () => {
    const pairs = Array.from({ length: 600 }, () => new Pair());
    try {
      const last = pairs.at(-1)!;
      ok(last.theirs.fileno() > 1024);
      last.theirs.sendSync(encode("x"));
      const all = pairs.map(({ ours }) => ours);
      deepStrictEqual((await choose(all, [], []))[0], [last.ours]);
    } finally {
      for (const pair of pairs) pair[Symbol.dispose]();
    }
  });

  Deno.test(`poll reports what each descriptor is ready for, ${how}`, async () => {
    using pair = new Pair();
    const polling = poll();
    const wait = async (timeout?: number) =>
      sync ? polling.pollSync(timeout) : await polling.poll(timeout);
    deepStrictEqual(await wait(1), []);
    polling.register(pair.ours, POLLIN);
    deepStrictEqual(await wait(1), []);
    pair.theirs.sendSync(encode("x"));
    const fd = pair.ours.fileno();
    deepStrictEqual(await wait(), [[fd, POLLIN]]);
    polling.register(fd);
    deepStrictEqual(await wait(), [[fd, POLLIN | POLLOUT]]);
    polling.modify(pair.ours, POLLPRI);
    deepStrictEqual(await wait(1), []);
    pair.theirs.close();
    deepStrictEqual(await wait(), [[fd, POLLHUP]]);
    pair.ours.close();
    deepStrictEqual(await wait(), [[fd, POLLNVAL]]);
    polling.unregister(fd);
    deepStrictEqual(await wait(0), []);
  });

  Deno.test(`poll: twelve pairs, each written to and read in turn, ${how}`, async () => {
    const pairs = Array.from({ length: 12 }, () => new Pair());
    const polling = poll();
    const wait = async () => sync ? polling.pollSync() : await polling.poll();
    try {
      for (const { ours, theirs } of pairs) {
        polling.register(ours);
        polling.modify(ours, POLLIN);
        polling.register(theirs, POLLOUT);
      }
      const left = new Map(
        pairs.map((pair) => [pair.theirs.fileno(), pair]),
      );
      while (left.size > 0) {
        const writable = await wait();
        deepStrictEqual(
          new Map(writable),
          new Map([...left.keys()].map((fd) => [fd, POLLOUT])),
        );
        const [fd] = writable[Math.floor(left.size / 2)]!;
        const { ours, theirs } = left.get(fd)!;
        theirs.sendSync(encode("This is a test."));
        deepStrictEqual(
          (await wait()).filter(([, events]) => events === POLLIN),
          [[ours.fileno(), POLLIN]],
        );
        strictEqual(ours.recvSync(100).length, 15);
        polling.unregister(theirs);
        polling.unregister(ours);
        left.delete(fd);
      }
    } finally {
      for (const pair of pairs) pair[Symbol.dispose]();
    }
    throws(() => polling.unregister(3), Deno.errors.NotFound);
    throws(() => polling.modify(3, POLLIN), Deno.errors.NotFound);
  });

  Deno.test(`epoll reports, level-triggered, ${how}`, async () => {
    using pair = new Pair();
    using set = epoll();
    const wait = async (timeout?: number, max?: number) =>
      sync ? set.pollSync(timeout, max) : await set.poll(timeout, max);
    const [ours, theirs] = [pair.ours.fileno(), pair.theirs.fileno()];
    set.register(pair.ours, EPOLLIN);
    set.register(pair.theirs, EPOLLIN);
    deepStrictEqual(await wait(1), []);
    pair.theirs.sendSync(encode("x"));
    pair.ours.sendSync(encode("x"));
    deepStrictEqual(
      (await wait()).sort(),
      [[ours, EPOLLIN], [
        theirs,
        EPOLLIN,
      ]].sort(),
    );
    strictEqual((await wait(-1, 1)).length, 1);
    set.unregister(pair.theirs);
    deepStrictEqual(await wait(), [[ours, EPOLLIN]]);
    set.modify(pair.ours, EPOLLOUT);
    deepStrictEqual(await wait(), [[ours, EPOLLOUT]]);
  });

  Deno.test(`epoll with EPOLLET reports each change once, ${how}`, async () => {
    using pair = new Pair();
    using set = epoll();
    const wait = async () => sync ? set.pollSync(5) : await set.poll(5);
    const fd = pair.ours.fileno();
    set.register(pair.ours, EPOLLIN | EPOLLET);
    pair.theirs.sendSync(encode("x"));
    deepStrictEqual(await wait(), [[fd, EPOLLIN]]);
    deepStrictEqual(await wait(), []);
    pair.theirs.sendSync(encode("y"));
    deepStrictEqual(await wait(), [[fd, EPOLLIN]]);
  });

  Deno.test(`epoll with EPOLLONESHOT reports once until modify, ${how}`, async () => {
    using pair = new Pair();
    using set = epoll();
    const wait = async () => sync ? set.pollSync(5) : await set.poll(5);
    const fd = pair.ours.fileno();
    set.register(pair.ours, EPOLLOUT | EPOLLONESHOT);
    deepStrictEqual(await wait(), [[fd, EPOLLOUT]]);
    deepStrictEqual(await wait(), []);
    set.modify(fd, EPOLLOUT | EPOLLONESHOT);
    deepStrictEqual(await wait(), [[fd, EPOLLOUT]]);
  });
}

Deno.test("select throws BadResource for what is closed meanwhile, whoever gets the number", async () => {
  using pair = new Pair();
  const fd = pair.ours.fileno();
  const selecting = failure(() => select([pair.ours], [], [], 10_000));
  await new Promise((resolve) => setTimeout(resolve));
  pair.ours.close();
  using other = new Pair();
  other.ours.sendSync(encode("x"));
  other.theirs.sendSync(encode("x"));
  const error = await selecting;
  ok(error instanceof Deno.errors.BadResource, `${fd}: ${error}`);
});

Deno.test("poll reports POLLNVAL for what is closed meanwhile, whoever gets the number", async () => {
  using pair = new Pair();
  const fd = pair.ours.fileno();
  const polling = poll();
  polling.register(pair.ours, POLLIN);
  const waiting = polling.poll(10_000);
  await new Promise((resolve) => setTimeout(resolve));
  pair.ours.close();
  using other = new Pair();
  other.ours.sendSync(encode("x"));
  other.theirs.sendSync(encode("x"));
  deepStrictEqual(await waiting, [[fd, POLLNVAL]]);
});

Deno.test("select takes the same sockets in all its lists, up to the limit of descriptors", async () => {
  await using folder = new Folder();
  const file = folder.at("program.ts");
  await Deno.writeTextFile(
    file,
    `import { selectSync, socketpair } from ${MODULE};
    const all = [];
    try {
      while (true) all.push(...socketpair());
    } catch (error) {
      console.log(error.code);
    }
    const lists = selectSync(all, all, all, 0);
    console.log(lists.map((list) => list.length === all.length).join());`,
  );
  // poll(2) takes as many entries as there can be descriptors.
  strictEqual(await runWithFewDescriptors(file), "EMFILE\nfalse,true,false\n");
});

Deno.test("epoll reports that the peer has ended its side with EPOLLRDHUP", () => {
  using pair = new Pair();
  using set = epoll();
  set.register(pair.ours, EPOLLRDHUP);
  pair.theirs.shutdown(SHUT_WR);
  deepStrictEqual(set.pollSync(), [[pair.ours.fileno(), EPOLLRDHUP]]);
});

for (
  const [first, call] of [
    ["pollSync", (set: Epoll, max?: number) => set.pollSync(null, max).length],
    [
      "poll",
      async (set: Epoll, max?: number) => (await set.poll(null, max)).length,
    ],
    ["waitSync", (set: Epoll, max?: number) => set.waitSync(null, max)],
    ["wait", (set: Epoll, max?: number) => set.wait(null, max)],
  ] as const
) {
  Deno.test(`epoll: the first ${first} reports all that are ready, or as many as are asked for`, async () => {
    const pairs = Array.from({ length: 750 }, () => new Pair());
    try {
      using set = epoll();
      for (const { ours } of pairs.slice(0, 100)) set.register(ours, EPOLLOUT);
      for (const { theirs } of pairs.slice(0, 100)) {
        set.register(theirs, EPOLLOUT);
      }
      strictEqual(await call(set), 200);
      strictEqual(await call(set, 150), 150);
      for (const { ours, theirs } of pairs.slice(100)) {
        set.register(ours, EPOLLOUT);
        set.register(theirs, EPOLLOUT);
      }
      strictEqual(await call(set), 1024);
      strictEqual(await call(set, 1400), 1400);
      strictEqual(await call(set, 100_000_000), 1500);
      strictEqual(await call(set), 1024);
    } finally {
      for (const pair of pairs) pair[Symbol.dispose]();
    }
  });
}

Deno.test("epoll reports 200 that are ready, each by number and events", () => {
  const pairs = Array.from({ length: 200 }, () => new Pair());
  using set = epoll();
  try {
    for (const { ours } of pairs) set.register(ours, EPOLLOUT);
    const seen = new Set(set.pollSync().map(([fd]) => fd));
    strictEqual(seen.size, 200);
    strictEqual(set.waitSync(), 200);
    strictEqual(set.eventsAt(199), EPOLLOUT);
    ok(seen.has(set.fdAt(199)));
    deepStrictEqual([set.fdAt(99_999), set.eventsAt(-1)], [-1, 0]);
  } finally {
    for (const pair of pairs) pair[Symbol.dispose]();
  }
});

Deno.test("epoll refuses what is registered, unknown, closed or a file", async () => {
  using pair = new Pair();
  using set = epoll();
  set.register(pair.ours);
  throws(() => set.register(pair.ours), Deno.errors.AlreadyExists);
  const unknown = pair.theirs.fileno();
  for (
    const [action, call] of [
      ["modify", () => set.modify(pair.theirs, EPOLLIN)],
      ["unregister", () => set.unregister(pair.theirs)],
    ] as const
  ) {
    throws(call, {
      name: "NotFound",
      code: "ENOENT",
      message:
        `Cannot ${action} descriptor ${unknown}: it is not registered (ENOENT); what is closed is no longer registered, and its number may be given anew`,
    });
  }
  throws(() => set.unregister(closedDescriptor()), {
    name: "BadResource",
    code: "EBADF",
  });
  throws(() => set.register(closedDescriptor()), Deno.errors.BadResource);
  strictEqual((await failure(() => set.register(set))).code, "EINVAL");
});

Deno.test("epoll throws BadResource once it is closed, and may be closed again", async () => {
  const set = epoll();
  strictEqual(set.closed, false);
  set.close();
  set.close();
  strictEqual(set.closed, true);
  using socket = new Socket();
  for (
    const call of [
      () => set.fileno(),
      () => set.register(socket),
      () => set.modify(socket, EPOLLIN),
      () => set.unregister(socket),
      () => set.poll(0),
      () => set.pollSync(0),
      () => set.waitSync(0),
    ]
  ) {
    ok(await failure(call) instanceof Deno.errors.BadResource, String(call));
  }
});

Deno.test("an epoll can be waited for in another", async () => {
  using pair = new Pair();
  using inner = epoll();
  using outer = epoll();
  inner.register(pair.ours, EPOLLIN);
  outer.register(inner, EPOLLIN);
  const waiting = outer.poll();
  pair.theirs.sendSync(encode("x"));
  deepStrictEqual(await waiting, [[inner.fileno(), EPOLLIN]]);
});
