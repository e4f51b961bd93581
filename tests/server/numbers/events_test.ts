import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import {
  type ConnectionInfo,
  HandlerLostError,
  type ServerEvents,
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { CHANNELS, EVENTS } from "../../../server/_events/channels.ts";
import { Publisher } from "../../../server/_events/publisher.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";
import { spoil, Watched } from "./_watched_handlers.ts";
import { Client, statsWhen, WAYS } from "./_ways.ts";
import { seenServer } from "../../_seen_server.ts";

/** What a channel has told. */
interface Told {
  readonly event: string;
  // deno-lint-ignore no-explicit-any -- each event tells something else.
  readonly told: any;
}

/** Hears all channels, or some, until the end of a block. */
class Ear implements Disposable {
  readonly all: Told[] = [];
  readonly #names: string[];
  #wake = () => {};
  readonly #hear = (told: unknown, name: string | symbol) => {
    this.all.push({ event: String(name).replace("socketserver:", ""), told });
    this.#wake();
  };

  constructor(...events: readonly (typeof EVENTS[number])[]) {
    this.#names = (events.length === 0 ? EVENTS : events)
      .map((event) => `socketserver:${event}`);
    for (const name of this.#names) subscribe(name, this.#hear);
  }

  /** The names of the events, of one request if there is an id. */
  names(id?: number): string {
    return this.all.filter(({ told }) => id === undefined || told.id === id)
      .map(({ event }) => event).join(" ");
  }

  /** What an event has told, when it has come. */
  async until<Event extends keyof ServerEvents>(
    event: Event,
    wanted: (told: ServerEvents[Event]) => boolean = () => true,
  ): Promise<ServerEvents[Event]> {
    const name = event.replace("socketserver:", "");
    const find = async () => {
      while (true) {
        const found = this.all.find((each) =>
          each.event === name && wanted(each.told)
        );
        if (found !== undefined) return found.told;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    };
    return await patiently(find(), () => `${event}; heard: ${this.names()}`);
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) unsubscribe(name, this.#hear);
  }
}

for (const [way, start] of Object.entries(WAYS)) {
  Deno.test(`the events of a request come in their order, in the main thread, ${way}`, async () => {
    using ear = new Ear();
    const before = performance.timeOrigin + performance.now();
    await using served = await start();
    const { server } = served;
    using client = await Client.connect(server);
    await client.ask("line");
    const { id, clientAddress, waited } = await ear.until("socketserver:start");
    deepStrictEqual({ ...clientAddress }, { ...client.conn.localAddr });
    ok(waited >= 0 && waited < 20_000, `${waited} ms`);
    client.conn.close();
    const end = await ear.until("socketserver:end");
    deepStrictEqual([end.bytesIn, end.bytesOut, end.outcome], [5, 5, "done"]);
    ok(end.duration >= waited && end.lingered >= 0);
    ok(!("error" in end) && !("reason" in end));
    strictEqual(ear.names(id), "accept start end");
    await server.shutdown();
    strictEqual(ear.names(), "listen accept start end drain close");
    for (const { told } of ear.all) {
      strictEqual(told.server, server);
      ok(told.time >= before - 1 && told.time < before + 20_000);
      strictEqual(Object.getPrototypeOf(told), Object.prototype);
    }
    const [{ told: listen }] = ear.all as [Told];
    deepStrictEqual({ ...listen.address }, { ...server.addr });
  });

  Deno.test(`what fails and what is aborted says so at its end, ${way}`, async () => {
    using ear = new Ear("error", "end");
    await using served = await start();
    const { server } = served;
    using failing = await Client.connect(server);
    await failing.send("fail");
    const error = await ear.until("socketserver:error");
    ok(error.error instanceof RangeError);
    strictEqual(String(await served.untilErrors()), String(error.error));
    deepStrictEqual(
      { ...error.clientAddress },
      { ...failing.conn.localAddr },
    );
    await failing.closed();
    failing.conn.close();
    const failed = await ear.until("socketserver:end");
    strictEqual(failed.outcome, "failed");
    ok(failed.error instanceof RangeError);
    strictEqual(failed.error.message, "as it was told");
    using closed = await Client.connect(server);
    await closed.ask("a");
    const [{ id }] = await server.connections() as [never];
    await server.closeConnection(id);
    await closed.closed();
    closed.conn.close();
    const aborted = await ear.until("socketserver:end", (end) => end.id === id);
    deepStrictEqual([aborted.outcome, aborted.reason], ["aborted", "closed"]);
    ok(aborted.error instanceof DOMException);
    strictEqual(ear.names(), "error end end");
  });
}

Deno.test("what verify refuses has no start and no end", async () => {
  using ear = new Ear();
  await using served = await serveForTest(Watched, {
    options: { verify: () => false },
  });
  strictEqual(await ask(served.addr), "");
  const { reason } = await ear.until("socketserver:refuse");
  strictEqual(reason, "verify");
  await served.server.shutdown();
  strictEqual(ear.names(), "listen accept refuse drain close");
});

Deno.test("a server that is full says so, once for each that it has accepted", async () => {
  for (const way of ["on the event loop", "in threads that accept"]) {
    using ear = new Ear("full");
    await using served = await WAYS[way]!({ maxConnections: 1 });
    const { server } = served;
    using one = await Client.connect(server);
    await one.ask("a");
    const { limit } = await ear.until("socketserver:full");
    strictEqual(limit, 1, way);
    using two = await Client.connect(server);
    one.conn.close();
    await two.ask("b");
    two.conn.close();
    await statsWhen(server, (stats) => stats.accepted === 2);
  }
});

Deno.test("errors that belong to no request are told, and only once", async () => {
  using ear = new Ear("error");
  await using served = await serveForTest(
    Watched,
    {
      server: ThreadingTCPServer,
      options: { workers: 1 },
    },
  );
  using client = await Client.connect(served.server);
  await client.ask("a");
  await client.send("die");
  const { error, clientAddress } = await ear.until("socketserver:error");
  ok(error instanceof HandlerLostError);
  deepStrictEqual(await served.untilErrors(), [error]);
  deepStrictEqual({ ...clientAddress }, { ...client.conn.localAddr });
  strictEqual(ear.names(), "error");
});

Deno.test("the requests of a thread that dies end, as failed", async () => {
  using ear = new Ear("end");
  await using served = await WAYS["in threads that accept"]!();
  const { server } = served;
  using client = await Client.connect(server);
  await client.ask("a");
  await client.send("die");
  const { outcome, error, duration, clientAddress, bytesIn, bytesOut } =
    await ear.until("socketserver:end");
  strictEqual(outcome, "failed");
  // What it had moved is in the numbers of the server alone.
  deepStrictEqual([bytesIn, bytesOut], [0, 0]);
  const stats = server.stats();
  deepStrictEqual([stats.bytesIn, stats.bytesOut], [2 + 4, 2]);
  ok(error instanceof HandlerLostError);
  strictEqual(String(await served.untilErrors()), String(error));
  ok(duration >= 0);
  deepStrictEqual({ ...clientAddress }, { ...client.conn.localAddr });
});

Deno.test("those who listen inside a thread that accepts are told there", async () => {
  await using served = await WAYS["in threads that accept"]!({
    maxConnections: 1,
  });
  const { server } = served;
  using client = await Client.connect(server);
  // The server, as its handlers see it, and nothing for the main thread.
  strictEqual(await client.ask("told here"), "1 true\n");
  strictEqual(server.stats().eventsLost, 0);
});

Deno.test("who has subscribed later is told from then on, and who has gone is not", async () => {
  // serveForTest() would listen as well.
  await using server = new ThreadingTCPServer(LOOPBACK, Watched, {
    accept: "threads",
    workers: 2,
  });
  void server.serveForever();
  using before = await Client.connect(server);
  await before.ask("a");
  {
    using ear = new Ear("start");
    using during = await Client.connect(server);
    await during.ask("b");
    const { id } = await ear.until("socketserver:start");
    const list = await server.connections();
    strictEqual(
      list.find((each) => each.id === id)!.bytesIn,
      2,
    );
    strictEqual(ear.names(), "start");
  }
  strictEqual(EVENTS.some((event) => CHANNELS[event].hasSubscribers), false);
});

Deno.test("nothing is made where nobody listens", () => {
  const server = seenServer(LOOPBACK as never);
  const touched: string[] = [];
  const noted = <T extends object>(object: T): T =>
    new Proxy(object, {
      get(_, name) {
        touched.push(String(name));
        return undefined;
      },
      ownKeys: () => {
        touched.push("keys");
        return [];
      },
    });
  const publisher = new Publisher(noted(server), undefined);
  const subject = noted({}) as never;
  const fate = noted({}) as never;
  publisher.listen();
  publisher.accept(subject);
  publisher.refuse(subject, "verify");
  publisher.start(subject);
  publisher.end(subject, fate);
  publisher.error(noted({}), undefined);
  publisher.full(1);
  publisher.drain(1);
  publisher.close();
  deepStrictEqual(touched, []);
});

Deno.test("a subscriber that throws, or rejects, harms nobody and is told of once", async () => {
  const printed: string[] = [];
  const { error } = console;
  console.error = (text: string) => void printed.push(text);
  const good: number[] = [];
  const bad = () => {
    throw new RangeError("a bad subscriber");
  };
  const worse = () => Promise.reject(new TypeError("a worse one"));
  const last = (told: unknown) =>
    void good.push((told as ServerEvents["socketserver:accept"]).id);
  const all = [bad, worse, last];
  for (const each of all) subscribe("socketserver:accept", each);
  try {
    await using served = await serveForTest(Watched);
    for (let i = 0; i < 3; i++) {
      strictEqual(await ask(served.addr, "a\n"), "a\n");
    }
    strictEqual(served.server.stats().failed, 0);
    deepStrictEqual(served.errors, []);
  } finally {
    console.error = error;
    for (const each of all) unsubscribe("socketserver:accept", each);
  }
  deepStrictEqual(good, [1, 2, 3]);
  strictEqual(printed.length, 2);
  ok(printed[0]!.startsWith("A subscriber of socketserver:accept failed: "));
  ok(printed[0]!.includes("a bad subscriber"));
  ok(printed[1]!.includes("a worse one"));
  strictEqual(CHANNELS.accept.hasSubscribers, false);
});

for (const [way, start] of Object.entries(WAYS)) {
  Deno.test(`a subscriber that changes what it is given harms nobody, ${way}`, async () => {
    const names = EVENTS.map((event) => `socketserver:${event}`);
    for (const name of names) subscribe(name, spoil);
    try {
      await using served = await start();
      const { server } = served;
      const { hostname, port } = server.addr;
      using client = await Client.connect(server);
      strictEqual(await client.ask("a"), "a\n");
      const [{ address }] = await server.connections() as [ConnectionInfo];
      deepStrictEqual({ ...address }, { ...client.conn.localAddr });
      deepStrictEqual(
        JSON.parse(await client.ask("who")),
        { ...client.conn.localAddr },
      );
      client.conn.close();
      const { accepted, workers } = await statsWhen(
        server,
        ({ active, lingering }) => active + lingering === 0,
      );
      deepStrictEqual([accepted, workers?.lost ?? 0], [1, 0]);
      deepStrictEqual(
        [server.addr.hostname, server.addr.port],
        [hostname, port],
      );
    } finally {
      for (const name of names) unsubscribe(name, spoil);
    }
  });
}

Deno.test("a subscriber inside a thread that accepts changes nothing of what the main thread is told", async () => {
  using ear = new Ear("end");
  await using served = await WAYS["in threads that accept"]!();
  const { server } = served;
  using client = await Client.connect(server);
  await client.send("spoil here");
  strictEqual(await client.read(), "");
  client.conn.close();
  const { outcome, clientAddress } = await ear.until("socketserver:end");
  strictEqual(outcome, "done");
  deepStrictEqual({ ...clientAddress }, { ...client.conn.localAddr });
  strictEqual(server.stats().workers!.lost, 0);
});

Deno.test("a subscriber may shut the server down, and hears it", async () => {
  using ear = new Ear();
  const server = new TCPServer(LOOPBACK, class extends StreamRequestHandler {});
  const stop = () => void server.shutdown();
  subscribe("socketserver:end", stop);
  const serving = server.serveForever();
  strictEqual(await ask(server.addr), "");
  await patiently(serving, () => "the end");
  unsubscribe("socketserver:end", stop);
  strictEqual(ear.names(), "listen accept start end drain close");
});

Deno.test("those who subscribed before this module was there are guarded, too", async () => {
  const program = `
    import { subscribe, unsubscribe } from "node:diagnostics_channel";
    let told = 0;
    const early = () => { told++; throw new Error("too early"); };
    subscribe("socketserver:accept", early);
    const { TCPServer } = await import(${
    JSON.stringify(new URL("../../../mod.ts", import.meta.url).href)
  });
    const server = new TCPServer({ hostname: "127.0.0.1", port: 0 }, () => {});
    server.serveForever();
    for (let i = 0; i < 2; i++) {
      const client = await Deno.connect(server.addr);
      while (await client.read(new Uint8Array(1)) !== null);
      client.close();
    }
    unsubscribe("socketserver:accept", early);
    await server.shutdown();
    console.log(told);
  `;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  deepStrictEqual([code, text.decode(stdout)], [0, "2\n"], text.decode(stderr));
  ok(text.decode(stderr).includes("socketserver:accept failed"));
});
