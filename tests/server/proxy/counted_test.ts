// What is counted and told of connections that end before their header has come.

import { deepStrictEqual, strictEqual } from "node:assert";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import {
  encodeProxyHeader,
  type ServerEvents,
  type TCPServer,
  type TCPServerOptions,
} from "../../../mod.ts";
import { serveForTest, type TestServer } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { readAll } from "../../_loopback.ts";
import { bytes, FOUR, LOCAL, tcp, writeAll } from "./_clients.ts";

/** A server whose events are noted, until the end of a block. */
class Watched implements AsyncDisposable {
  #served: TestServer<TCPServer> | undefined;
  readonly events: string[] = [];
  #handled = 0;
  #wake: (() => void) | undefined;
  readonly #note = (message: unknown, name: string | symbol) => {
    const event = message as ServerEvents["socketserver:end"];
    if (event.server !== this.server) return;
    const { outcome, reason } = event;
    const short = String(name).replace("socketserver:", "");
    this.events.push([short, outcome, reason].filter(Boolean).join(" "));
    this.#wake?.();
  };

  static async serve(
    options: TCPServerOptions = {},
    timeout = 60_000,
  ): Promise<Watched> {
    const watched = new Watched();
    watched.#served = await serveForTest(() => void watched.#handled++, {
      options: {
        proxyProtocol: { mode: "require", trust: LOCAL, timeout },
        ...options,
      },
      gracePeriod: 0,
      // How each request has ended is among the events.
      allowErrors: true,
    });
    for (const name of NAMES) subscribe(name, watched.#note);
    return watched;
  }

  get served(): TestServer<TCPServer> {
    return this.#served!;
  }

  get server(): TCPServer {
    return this.served.server;
  }

  /** Waits for the end of one request. Returns what was told, and counted. */
  async ended() {
    await patiently(this.#untilEnd(), () => `an end; ${this.events}`);
    const { active, accepted, refused, aborted, failed, timedOut } = this.server
      .stats();
    strictEqual(active, 0);
    const some = (counts: Readonly<Record<string, number>>) =>
      Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
    return {
      ...{ events: this.events, handled: this.#handled, accepted, failed },
      ...{ refused: some(refused), aborted: some(aborted), timedOut },
    };
  }

  async #untilEnd(): Promise<void> {
    while (!this.events.some((event) => event.startsWith("end"))) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.served[Symbol.asyncDispose]();
    for (const name of NAMES) unsubscribe(name, this.#note);
  }
}

const NAMES = ["accept", "refuse", "start", "end"].map((event) =>
  `socketserver:${event}`
);

/** What a request is like that was aborted and never handled. */
function abortedFor(reason: string, timedOut: number) {
  return {
    ...{ events: ["accept", `end aborted ${reason}`], handled: 0 },
    ...{ accepted: 1, failed: 0, refused: {}, timedOut },
    aborted: { [reason]: 1 },
  };
}

Deno.test("a connection whose header takes too long is aborted for its time", async () => {
  await using watched = await Watched.serve({}, 20);
  using _client = await Deno.connect(watched.server.addr);
  deepStrictEqual(await watched.ended(), abortedFor("timeout", 1));
});

Deno.test("a connection whose header has not come takes a place until its time is over", async () => {
  await using watched = await Watched.serve({ maxConnections: 1 }, 500);
  using _silent = await Deno.connect(watched.server.addr);
  using client = await Deno.connect(watched.server.addr);
  await writeAll(client, encodeProxyHeader(FOUR));
  strictEqual(await readAll(client), "");
  deepStrictEqual(watched.events.slice(0, 4), [
    ...["accept", "end aborted timeout", "accept", "start"],
  ]);
});

Deno.test("one whose request takes too long before its header is aborted for that", async () => {
  await using watched = await Watched.serve({ requestTimeout: 20 });
  using _client = await Deno.connect(watched.server.addr);
  deepStrictEqual(await watched.ended(), abortedFor("requestTimeout", 1));
});

Deno.test("one that is closed by its number before its header is aborted for that", async () => {
  await using watched = await Watched.serve();
  const { server } = watched;
  using _client = await Deno.connect(server.addr);
  let [connection] = await server.connections();
  while (connection === undefined) [connection] = await server.connections();
  strictEqual(connection.state, "accepted");
  strictEqual(await server.closeConnection(connection.id), true);
  deepStrictEqual(await watched.ended(), abortedFor("closed", 0));
  deepStrictEqual(watched.served.errors, []);
});

Deno.test("one whose server shuts down before its header is aborted for that", async () => {
  await using watched = await Watched.serve();
  const { server } = watched;
  using _client = await Deno.connect(server.addr);
  while ((await server.connections()).length === 0);
  await server.shutdown({ gracePeriod: 10 });
  deepStrictEqual(await watched.ended(), abortedFor("shutdown", 0));
});

Deno.test("a header that comes when its time is over brings no handler", async () => {
  await using watched = await Watched.serve({}, 20);
  const { server } = watched;
  using client = await Deno.connect(server.addr);
  while ((await server.connections()).length === 0);
  await writeAll(client, encodeProxyHeader(FOUR));
  // Nobody looks at what has come before the time is over.
  for (const end = performance.now() + 60; performance.now() < end;);
  deepStrictEqual(await watched.ended(), abortedFor("timeout", 1));
});

Deno.test("one whose error takes long to be told is counted all the same", async () => {
  const told = Promise.withResolvers<void>();
  await using watched = await Watched.serve(
    { onError: () => told.promise },
    20,
  );
  using _client = await Deno.connect(watched.server.addr);
  const ended = await watched.ended();
  told.resolve();
  deepStrictEqual(ended, abortedFor("timeout", 1));
});

Deno.test("one that begins no header has failed", async () => {
  await using watched = await Watched.serve();
  const client = await Deno.connect(watched.server.addr);
  await client.write(bytes("GET / HTTP/1.1\r\n"));
  await readAll(client).catch(() => {});
  const { failed, refused, events } = await watched.ended();
  deepStrictEqual([failed, refused, events], [1, {}, ["accept", "end failed"]]);
});

for (
  const [what, header] of [
    ["UNKNOWN", encodeProxyHeader({ version: 1 })],
    ["nobody", encodeProxyHeader({})],
    [
      "a Unix socket",
      encodeProxyHeader({
        source: { transport: "unix", path: "/a" },
        destination: { transport: "unix", path: "/b" },
      }),
    ],
  ] as const
) {
  Deno.test(`a balancer that tells of ${what} is not one client, and must be allowed`, async () => {
    for (const [allow, many] of [[["127.0.0.1"], 3], [["10.0.0.1"], 0]]) {
      await using served = await serveForTest(
        ({ wfile }) => void wfile.write("served"),
        {
          options: {
            admission: { perAddress: 1, allow: allow as string[] },
            proxyProtocol: { mode: "require", trust: LOCAL },
          },
        },
      );
      const clients = [];
      for (let i = 0; i < 3; i++) {
        const client = await Deno.connect(served.addr);
        await writeAll(client, header);
        clients.push(client);
      }
      const answers = [];
      for (const client of clients) {
        answers.push(await readAll(client).catch(() => ""));
      }
      strictEqual(answers.filter((text) => text === "served").length, many);
      strictEqual(served.server.stats().refused.deny, 3 - (many as number));
      deepStrictEqual(served.errors, []);
    }
  });
}

Deno.test("a header that tells of datagrams tells of a connection's client", async () => {
  const seen = Promise.withResolvers<Deno.Addr>();
  await using served = await serveForTest(
    ({ clientAddress }) => seen.resolve(clientAddress),
    { options: { proxyProtocol: { mode: "require", trust: LOCAL } } },
  );
  using client = await Deno.connect(served.addr);
  const udp = (port: number): Deno.NetAddr => ({
    ...tcp("192.0.2.7", port),
    transport: "udp",
  });
  await writeAll(
    client,
    encodeProxyHeader({ source: udp(1), destination: udp(2) }),
  );
  deepStrictEqual(await seen.promise, tcp("192.0.2.7", 1));
});
