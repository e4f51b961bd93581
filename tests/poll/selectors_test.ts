import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import {
  type BaseSelector,
  DefaultSelector,
  EpollSelector,
  EVENT_READ,
  EVENT_WRITE,
  PollSelector,
  SelectSelector,
} from "../../poll/mod.ts";
import {
  closedDescriptor,
  decode,
  encode,
  failure,
  MODULE,
  Pair,
  run,
} from "./_sockets.ts";

const BOTH = EVENT_READ | EVENT_WRITE;

const kinds: (new () => BaseSelector<string>)[] = [
  SelectSelector,
  PollSelector,
  EpollSelector,
  DefaultSelector,
];

for (const Selector of kinds) {
  const { name } = Selector;

  Deno.test(`${name}: register, modify, unregister return the registration`, () => {
    using pair = new Pair();
    using selector = new Selector();
    const fd = pair.ours.fileno();
    const key = selector.register(pair.ours, EVENT_READ, "data");
    deepStrictEqual(key, {
      fileobj: pair.ours,
      fd,
      events: EVENT_READ,
      data: "data",
    });
    strictEqual(selector.getKey(pair.ours), key);
    strictEqual(selector.getKey(fd), key);
    const changed = selector.modify(pair.ours, EVENT_WRITE, "other");
    deepStrictEqual(changed, { ...key, events: EVENT_WRITE, data: "other" });
    strictEqual(selector.getKey(fd), changed);
    strictEqual(selector.unregister(fd), changed);
    throws(() => selector.getKey(fd), Deno.errors.NotFound);
  });

  Deno.test(`${name}: what is registered twice, unknown or no event is refused`, () => {
    using pair = new Pair();
    using selector = new Selector();
    selector.register(pair.ours, EVENT_READ);
    throws(
      () => selector.register(pair.ours, EVENT_READ),
      Deno.errors.AlreadyExists,
    );
    throws(
      () => selector.register(pair.ours.fileno(), EVENT_WRITE),
      Deno.errors.AlreadyExists,
    );
    throws(() => selector.unregister(pair.theirs), Deno.errors.NotFound);
    throws(() => selector.modify(pair.theirs, EVENT_READ), {
      message: "Cannot modify this object: it is not registered",
    });
    for (const events of [0, 4, -1]) {
      throws(() => selector.register(pair.theirs, events), RangeError);
    }
    throws(() => selector.register(pair.theirs, NaN), TypeError);
    throws(() => selector.register(-1, EVENT_READ), RangeError);
    throws(
      () => selector.register("x" as unknown as number, EVENT_READ),
      TypeError,
    );
    throws(
      () => selector.register({} as { fileno(): number }, EVENT_READ),
      TypeError,
    );
  });

  Deno.test(`${name}: a select that waits goes on with what changes`, async () => {
    using gone = new Pair();
    using pair = new Pair();
    using selector = new Selector();
    selector.register(gone.ours, EVENT_READ, "gone");
    const selecting = selector.select(10_000);
    await new Promise((resolve) => setTimeout(resolve));
    const key = selector.register(pair.ours, EVENT_READ, "came");
    await new Promise((resolve) => setTimeout(resolve));
    selector.unregister(gone.ours);
    gone.ours.close();
    await new Promise((resolve) => setTimeout(resolve));
    pair.theirs.sendSync(encode("x"));
    deepStrictEqual(await selecting, [[key, EVENT_READ]]);
  });

  Deno.test(`${name}: what was closed can be unregistered, by object and number`, () => {
    using pair = new Pair();
    using selector = new Selector();
    const fd = pair.theirs.fileno();
    selector.register(pair.ours, EVENT_READ, "object");
    selector.register(pair.theirs, EVENT_READ, "number");
    pair.ours.close();
    pair.theirs.close();
    strictEqual(selector.unregister(pair.ours).data, "object");
    strictEqual(selector.unregister(fd).data, "number");
    throws(() => selector.unregister(pair.ours), Deno.errors.NotFound);
    strictEqual(selector.getMap()?.size, 0);
  });

  Deno.test(`${name}: getMap shows the registrations as they are`, () => {
    using pair = new Pair();
    const selector = new Selector();
    const map = selector.getMap()!;
    const key = selector.register(pair.ours, EVENT_READ, "x");
    deepStrictEqual([map.size, map.get(pair.ours), map.has(pair.theirs)], [
      1,
      key,
      false,
    ]);
    deepStrictEqual([...map.values()], [key]);
    strictEqual(map.get(pair.theirs), undefined);
    // Nothing can be changed by it.
    for (const name of ["set", "delete", "clear"]) ok(!(name in map), name);
    selector.close();
    strictEqual(selector.getMap(), null);
  });

  Deno.test(`${name}: getMap can be iterated as a Map, while it changes, too`, () => {
    using pair = new Pair();
    using selector = new Selector();
    const map = selector.getMap()!;
    deepStrictEqual([...map], []);
    const ours = selector.register(pair.ours, EVENT_READ, "ours");
    const theirs = selector.register(pair.theirs, EVENT_READ, "theirs");
    deepStrictEqual([...map], [[ours.fd, ours], [theirs.fd, theirs]]);
    deepStrictEqual([...map.entries()], [...map]);
    deepStrictEqual([...map.keys()], [ours.fd, theirs.fd]);
    deepStrictEqual(new Map(map).get(theirs.fd), theirs);
    const called: unknown[] = [];
    map.forEach((key, fd, same) => called.push(key, fd, same === map));
    deepStrictEqual(called, [ours, ours.fd, true, theirs, theirs.fd, true]);
    for (const [fd] of map) selector.unregister(fd);
    strictEqual(map.size, 0);
    const kept = selector.register(pair.ours, EVENT_READ);
    deepStrictEqual([...map], [[kept.fd, kept]]);
    selector.close();
    deepStrictEqual([...map], []);
  });

  Deno.test(`${name}: modify changes what is new, and returns the same key otherwise`, () => {
    using pair = new Pair();
    using selector = new Selector();
    const key = selector.register(pair.ours, EVENT_READ, "data");
    strictEqual(selector.modify(pair.ours, EVENT_READ, "data"), key);
    const other = selector.modify(pair.ours, EVENT_READ, "other");
    deepStrictEqual(other, { ...key, data: "other" });
    throws(() => selector.modify(pair.ours, 0, "wrong"), RangeError);
    strictEqual(selector.getKey(pair.ours), other);
  });

  Deno.test(`${name}: modify of the data alone does not ask the kernel`, () => {
    using pair = new Pair();
    using selector = new Selector();
    const key = selector.register(pair.ours, EVENT_READ, "data");
    // The kernel knows nothing of it any more.
    pair.ours.close();
    deepStrictEqual(
      selector.modify(pair.ours, EVENT_READ, "other"),
      { ...key, data: "other" },
    );
  });

  Deno.test(`${name}: a descriptor that is closed is refused, or always ready`, () => {
    using selector = new Selector();
    const fd = closedDescriptor();
    if (name === "EpollSelector" || name === "DefaultSelector") {
      throws(
        () => selector.register(fd, EVENT_READ),
        { name: "BadResource", code: "EBADF" },
      );
      throws(() => selector.getKey(fd), Deno.errors.NotFound);
      strictEqual(selector.getMap()!.size, 0);
    } else {
      // They ask the kernel only when they wait.
      strictEqual(selector.register(fd, EVENT_READ).fd, fd);
    }
  });

  Deno.test(`${name}: one that was closed and is modified is registered no more, or still as CPython's`, () => {
    using pair = new Pair();
    using selector = new Selector();
    selector.register(pair.ours, EVENT_READ);
    pair.ours.close();
    if (name === "EpollSelector" || name === "DefaultSelector") {
      throws(
        () => selector.modify(pair.ours, EVENT_WRITE),
        Deno.errors.BadResource,
      );
      strictEqual(selector.getMap()!.size, 0);
      throws(() => selector.unregister(pair.ours), Deno.errors.NotFound);
      deepStrictEqual(selector.selectSync(0), []);
    } else {
      // They ask the kernel only when they wait.
      strictEqual(selector.modify(pair.ours, EVENT_WRITE).events, EVENT_WRITE);
      strictEqual(selector.getMap()!.size, 1);
    }
  });

  for (const how of ["Sync", "promised"] as const) {
    Deno.test(`${name}: select tells of all that are ready at once, ${how}`, async () => {
      const pairs = Array.from({ length: 750 }, () => new Pair());
      using selector = new Selector();
      const choose = async () =>
        (how === "Sync" ? selector.selectSync() : await selector.select())
          .length;
      try {
        for (const [i, { ours, theirs }] of pairs.entries()) {
          selector.register(ours, EVENT_WRITE);
          selector.register(theirs, EVENT_WRITE);
          if (i === 99) strictEqual(await choose(), 200);
        }
        strictEqual(await choose(), 1500);
      } finally {
        for (const pair of pairs) pair[Symbol.dispose]();
      }
    });
  }

  Deno.test(`${name}: closed, it refuses everything but close`, async () => {
    using pair = new Pair();
    const selector = new Selector();
    selector.register(pair.ours, EVENT_READ);
    selector.close();
    selector.close();
    for (
      const call of [
        () => selector.register(pair.theirs, EVENT_READ),
        () => selector.modify(pair.ours, EVENT_READ),
        () => selector.unregister(pair.ours),
        () => selector.getKey(pair.ours),
        () => selector.selectSync(0),
        () => selector.select(0),
      ]
    ) ok(await failure(call) instanceof Deno.errors.BadResource, String(call));
  });

  Deno.test(`${name}: using closes it, and a map from before is empty`, () => {
    using pair = new Pair();
    const selector = new Selector();
    const map = selector.getMap()!;
    {
      using same = selector;
      same.register(pair.ours, EVENT_READ);
      same.register(pair.theirs, EVENT_WRITE);
      strictEqual(map.size, 2);
    }
    for (const each of [pair.ours, pair.theirs]) {
      throws(() => selector.getKey(each), Deno.errors.BadResource);
      strictEqual(map.get(each), undefined);
    }
    strictEqual(map.size, 0);
    // What was registered stays open.
    pair.ours.getsockname();
  });

  for (const how of ["Sync", "promised"] as const) {
    const choose = async (selector: BaseSelector<string>, timeout?: number) =>
      how === "Sync"
        ? selector.selectSync(timeout)
        : await selector.select(timeout);

    Deno.test(`${name}: select tells what is ready for what, ${how}`, async () => {
      using pair = new Pair();
      using selector = new Selector();
      const ours = selector.register(pair.ours, BOTH, "ours");
      deepStrictEqual(await choose(selector), [[ours, EVENT_WRITE]]);
      pair.theirs.sendSync(encode("x"));
      deepStrictEqual(await choose(selector), [[ours, BOTH]]);
      const reading = selector.modify(pair.ours, EVENT_READ, "ours");
      deepStrictEqual(await choose(selector), [[reading, EVENT_READ]]);
      pair.ours.recvSync(1);
      deepStrictEqual(await choose(selector, 1), []);
    });

    Deno.test(`${name}: twelve pairs, each written to and read in turn, ${how}`, async () => {
      const pairs = Array.from({ length: 12 }, () => new Pair());
      using selector = new Selector();
      try {
        for (const { ours, theirs } of pairs) {
          selector.register(ours, EVENT_READ);
          selector.register(theirs, EVENT_WRITE);
        }
        for (let left = pairs.length; left > 0; left--) {
          const writable = await choose(selector);
          deepStrictEqual(
            new Map(writable.map(([{ fileobj }, events]) => [fileobj, events])),
            new Map(
              pairs.filter(({ ours }) => selector.getMap()!.has(ours))
                .map(({ theirs }) => [theirs, EVENT_WRITE]),
            ),
          );
          const [{ fileobj }] = writable[Math.floor(left / 2)]!;
          const pair = pairs.find(({ theirs }) => theirs === fileobj)!;
          pair.theirs.sendSync(encode("This is a test."));
          const readable = (await choose(selector))
            .filter(([, events]) => (events & EVENT_READ) !== 0);
          deepStrictEqual(
            readable.map(([key]) => key),
            [selector.getKey(pair.ours)],
          );
          strictEqual(decode(pair.ours.recvSync(100)), "This is a test.");
          selector.unregister(pair.theirs);
          selector.unregister(pair.ours);
        }
        strictEqual(selector.getMap()!.size, 0);
      } finally {
        for (const pair of pairs) pair[Symbol.dispose]();
      }
    });

    Deno.test(`${name}: select waits for its timeout, not if it is 0 or less, ${how}`, async () => {
      using pair = new Pair();
      using selector = new Selector();
      selector.register(pair.theirs, EVENT_WRITE);
      for (const timeout of [0, -1]) {
        strictEqual((await choose(selector, timeout)).length, 1);
      }
      selector.unregister(pair.theirs);
      selector.register(pair.ours, EVENT_READ);
      for (const timeout of [0, -1, -Infinity]) {
        deepStrictEqual(await choose(selector, timeout), []);
      }
      const started = performance.now();
      deepStrictEqual(await choose(selector, 15.5), []);
      ok(performance.now() - started >= 15.5);
      ok(await failure(() => choose(selector, NaN)) instanceof RangeError);
    });

    Deno.test(`${name}: the end of a stream is readable, ${how}`, async () => {
      using pair = new Pair();
      using selector = new Selector();
      const key = selector.register(pair.ours, EVENT_READ);
      pair.theirs.close();
      deepStrictEqual(await choose(selector), [[key, EVENT_READ]]);
    });

    Deno.test(`${name}: what is unregistered while others are served is reported no more, ${how}`, async () => {
      using first = new Pair();
      using second = new Pair();
      using selector = new Selector();
      selector.register(first.ours, EVENT_WRITE);
      const key = selector.register(second.ours, EVENT_WRITE);
      strictEqual((await choose(selector)).length, 2);
      selector.unregister(first.ours);
      deepStrictEqual(await choose(selector), [[key, EVENT_WRITE]]);
    });

    Deno.test(`${name}: select with nothing registered ends at its timeout, ${how}`, async () => {
      using selector = new Selector();
      deepStrictEqual(await choose(selector, 0), []);
      const started = performance.now();
      deepStrictEqual(await choose(selector, 15.5), []);
      ok(performance.now() - started >= 15.5);
    });
  }

  Deno.test(`${name}: close ends a select that waits; a signal does, too`, async () => {
    using pair = new Pair();
    const selector = new Selector();
    selector.register(pair.ours, EVENT_READ);
    const abort = new AbortController();
    const aborted = selector.select(null, { signal: abort.signal });
    setTimeout(() => abort.abort(), 1);
    strictEqual((await failure(() => aborted)).name, "AbortError");
    const waiting = selector.select();
    setTimeout(() => selector.close(), 1);
    ok(await failure(() => waiting) instanceof Deno.errors.BadResource);
  });

  Deno.test(`${name}: a select that waits sees the socket become ready`, async () => {
    using pair = new Pair();
    using selector = new Selector();
    const key = selector.register(pair.ours, EVENT_READ);
    const waiting = selector.select();
    setTimeout(() => pair.theirs.sendSync(encode("x")), 1);
    deepStrictEqual(await waiting, [[key, EVENT_READ]]);
  });
}

Deno.test("a file on disk is always ready to poll and select, and refused by epoll", async () => {
  // This process reads this file as its standard input.
  const { stdout, stderr } = await run(
    ["--allow-ffi"],
    `import { EpollSelector, EVENT_READ, PollSelector, SelectSelector } from ${MODULE};
    for (const Selector of [PollSelector, SelectSelector, EpollSelector]) {
      const selector = new Selector();
      try {
        selector.register(0, EVENT_READ);
        console.log((await selector.select()).length);
      } catch (error) {
        console.log(error.name, selector.getMap().size);
      }
    }`,
    import.meta.filename,
  );
  strictEqual(stdout, "1\n1\nPermissionDenied 0\n", stderr);
});

for (const Selector of [EpollSelector, DefaultSelector]) {
  Deno.test(`${Selector.name}.fileno is its epoll's, readable when something is ready`, async () => {
    using pair = new Pair();
    using outer = new PollSelector();
    const selector = new Selector();
    ok(selector.fileno() > 2);
    selector.register(pair.ours, EVENT_READ);
    const key = outer.register(selector, EVENT_READ);
    deepStrictEqual(outer.selectSync(0), []);
    pair.theirs.sendSync(encode("x"));
    deepStrictEqual(await outer.select(), [[key, EVENT_READ]]);
    selector.close();
    throws(() => selector.fileno(), Deno.errors.BadResource);
  });
}
