import { deepStrictEqual, ok, strictEqual } from "node:assert";
import {
  createServer,
  epoll,
  EPOLLIN,
  poll,
  POLLIN,
  POLLOUT,
  select,
  Socket,
} from "../../poll/mod.ts";
import { EpollSource } from "../../poll/_epoll_source.ts";
import { PollSource } from "../../poll/_poll_source.ts";
import { Waiter } from "../../poll/_waiter.ts";
import {
  closedDescriptor,
  decode,
  encode,
  failure,
  LOOPBACK,
  Pair,
} from "./_sockets.ts";

const FOREVER = { timeout: -1, signal: undefined };

Deno.test("ten waiters on one descriptor: each byte wakes them, one gets it", async () => {
  using pair = new Pair();
  const got: string[] = [];
  const waiting = Array.from({ length: 10 }, async () => {
    got.push(decode(await pair.ours.recv(1)));
  });
  for (const letter of "abcdefghij") {
    pair.theirs.sendSync(encode(letter));
    await select([pair.theirs], [pair.theirs], []);
  }
  await Promise.all(waiting);
  strictEqual(got.sort().join(""), "abcdefghij");
});

Deno.test("a reader and a writer wait for one descriptor, and each gets its event", async () => {
  using pair = new Pair();
  pair.fill();
  const written = pair.ours.sendAll(new Uint8Array(300_000));
  const read = pair.ours.recv(1);
  pair.theirs.sendSync(encode("x"));
  strictEqual(decode(await read), "x");
  const drain = new AbortController();
  const draining = (async () => {
    const buffer = new Uint8Array(1_000_000);
    while (true) {
      await pair.theirs.recvInto(buffer, 0, 0, { signal: drain.signal });
    }
  })();
  await written;
  drain.abort();
  strictEqual((await failure(() => draining)).name, "AbortError");
});

Deno.test("detach wakes whoever waits, too", async () => {
  using pair = new Pair();
  const waiting = pair.ours.recv(1);
  const fd = pair.ours.detach();
  ok(await failure(() => waiting) instanceof Deno.errors.BadResource);
  Socket.fromFd(fd).close();
});

Deno.test("poll: what is registered and unregistered meanwhile counts", async () => {
  using pair = new Pair();
  const polling = poll();
  const waiting = [polling.poll(), polling.poll()];
  setTimeout(() => {
    polling.register(pair.theirs, POLLIN);
    polling.register(pair.ours, POLLIN);
    polling.unregister(pair.theirs);
    setTimeout(() => polling.modify(pair.ours, POLLOUT), 1);
  }, 1);
  for (const wait of waiting) {
    deepStrictEqual(await wait, [[pair.ours.fileno(), POLLOUT]]);
  }
});

Deno.test("epoll: what is registered meanwhile counts, and close rejects", async () => {
  using pair = new Pair();
  const set = epoll();
  const waiting = [set.poll(), set.poll()];
  setTimeout(() => {
    pair.theirs.sendSync(encode("x"));
    set.register(pair.ours, EPOLLIN);
  }, 1);
  for (const wait of waiting) {
    deepStrictEqual(await wait, [[pair.ours.fileno(), EPOLLIN]]);
  }
  set.unregister(pair.ours);
  const last = set.poll();
  setTimeout(() => set.close(), 1);
  ok(await failure(() => last) instanceof Deno.errors.BadResource);
});

Deno.test("a signal ends select, poll and epoll", async () => {
  using pair = new Pair();
  using set = epoll();
  set.register(pair.ours, EPOLLIN);
  const polling = poll();
  polling.register(pair.ours, POLLIN);
  for (
    const call of [
      (signal: AbortSignal) => select([pair.ours], [], [], null, { signal }),
      (signal: AbortSignal) => polling.poll(null, { signal }),
      (signal: AbortSignal) => set.poll(null, -1, { signal }),
    ]
  ) {
    const abort = new AbortController();
    const waiting = call(abort.signal);
    setTimeout(() => abort.abort(), 1);
    strictEqual((await failure(() => waiting)).name, "AbortError");
    strictEqual((await failure(() => call(abort.signal))).name, "AbortError");
  }
});

Deno.test("the event loop goes on while a thousand sockets wait", async () => {
  const pairs = Array.from({ length: 1000 }, () => new Pair());
  try {
    const waiting = pairs.map(({ ours }) => ours.recv(1));
    for (let ticks = 0; ticks < 5; ticks++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const { theirs } of pairs) theirs.sendSync(encode("x"));
    strictEqual((await Promise.all(waiting)).length, 1000);
  } finally {
    for (const pair of pairs) pair[Symbol.dispose]();
  }
});

Deno.test("a promised accept serves connections as they come", async () => {
  using listener = createServer(LOOPBACK);
  const address = listener.getsockname();
  const served = (async () => {
    for (let i = 0; i < 20; i++) {
      const [connection] = await listener.accept();
      await connection.sendAll(encode(`${i}`));
      connection.close();
    }
  })();
  for (let i = 0; i < 20; i++) {
    using client = new Socket();
    await client.connect(address);
    strictEqual(decode(await client.recv(10)), `${i}`);
  }
  await served;
});

for (const Source of [EpollSource, PollSource]) {
  Deno.test(`${Source.name}: ready, closed, timeout and abort`, async () => {
    using pair = new Pair();
    using other = new Pair();
    const waiter = new Waiter(new Source());
    try {
      const fd = pair.ours.fileno();
      const interests = [
        { fd, events: POLLIN },
        { fd: other.ours.fileno(), events: POLLIN },
      ];
      const ready = waiter.wait(interests, FOREVER);
      setTimeout(() => pair.theirs.sendSync(encode("x")), 1);
      strictEqual(await ready, "ready");
      pair.ours.recvSync(1);
      const limits = { timeout: 5, signal: undefined };
      strictEqual(await waiter.wait(interests, limits), "timeout");
      const abort = new AbortController();
      const aborted = waiter.wait(interests, {
        timeout: 60_000,
        signal: abort.signal,
      });
      setTimeout(() => abort.abort("stop"), 1);
      strictEqual(await failure(() => aborted), "stop");
      const closed = waiter.wait(interests, FOREVER);
      const several = waiter.wait([{ fd, events: POLLOUT }], FOREVER);
      strictEqual(await several, "ready");
      setTimeout(() => waiter.forget(fd), 1);
      strictEqual(await closed, "closed");
    } finally {
      waiter.close();
    }
  });

  Deno.test(`${Source.name}: a thousand descriptors, each ready in turn`, async () => {
    const pairs = Array.from({ length: 1000 }, () => new Pair());
    const waiter = new Waiter(new Source());
    try {
      const waits = pairs.map(({ ours }) =>
        waiter.wait([{ fd: ours.fileno(), events: POLLIN }], FOREVER)
      );
      for (let i = 0; i < 1000; i += 50) {
        for (const { theirs } of pairs.slice(i, i + 50)) {
          theirs.sendSync(encode("x"));
        }
        await Promise.all(waits.slice(i, i + 50));
      }
      strictEqual(new Set(await Promise.all(waits)).size, 1);
    } finally {
      waiter.close();
      for (const pair of pairs) pair[Symbol.dispose]();
    }
  });

  Deno.test(`${Source.name}: what is not open is ready at once`, async () => {
    const waiter = new Waiter(new Source());
    const fd = closedDescriptor();
    try {
      strictEqual(
        await waiter.wait([{ fd, events: POLLIN }], FOREVER),
        "ready",
      );
    } finally {
      waiter.close();
    }
  });
}
