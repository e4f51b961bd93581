import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { ask, readAll } from "../../_loopback.ts";
import { ThreadListener } from "../../../server/_acceptors/thread_listener.ts";
import {
  joinListener,
  listenShared,
} from "../../../server/_acceptors/shared_listener.ts";
import { begin, holdAll, soon, startAccepting } from "./_accepting.ts";

/** Waits until something is so. */
const until = (isSo: () => boolean) =>
  soon((async () => {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
  })());

// A thread's own listener.

const join = (address: Deno.NetAddr) => () =>
  joinListener({ hostname: address.hostname, port: address.port });

/** A listener that others can join: nobody else in this process has its port. */
function listenAlone(): Deno.TcpListener {
  const listener = listenShared({ hostname: "127.0.0.1", port: 0 });
  ok(!("missing" in listener));
  return listener;
}

Deno.test("a listener that pauses leaves clients in the queue, and goes on with them", async () => {
  using shared = listenAlone();
  const listener = new ThreadListener(join(shared.addr));
  const first = listener.accept();
  listener.pause();
  listener.pause();
  await soon(first.then(
    () => {
      throw new Error("Expected the accept to be ended");
    },
    ({ name }: Error) => match(name, /^(BadResource|Interrupted)$/),
  ));
  strictEqual(listener.closed, false);
  const second = listener.accept();
  using client = await Deno.connect({ port: shared.addr.port });
  listener.resume();
  using accepted = await soon(second);
  deepStrictEqual(accepted.remoteAddr, client.localAddr);
  strictEqual(await listener.hasAccepted(), true);
  listener.entered();
  strictEqual(await listener.hasAccepted(), false);
  listener.close();
  strictEqual(listener.closed, true);
  await soon(
    listener.accept().then(
      () => {},
      ({ name }: Error) => strictEqual(name, "BadResource"),
    ),
  );
  strictEqual(await listener.hasAccepted(), false);
  listener.pause();
  listener.resume();
});

Deno.test("a paused listener that is closed ends the accept that waits", async () => {
  using shared = listenAlone();
  const listener = new ThreadListener(join(shared.addr));
  listener.pause();
  const waiting = listener.accept();
  listener.close();
  await soon(
    waiting.then(
      () => {},
      ({ name }: Error) => strictEqual(name, "BadResource"),
    ),
  );
});

Deno.test("threads that accept just as their server is suspended keep whom they have until it goes on, replaced or not", async () => {
  await using served = await startAccepting({ workers: 2 });
  const { server } = served;
  for (let round = 0; round < 3; round++) {
    const { client, answer } = await begin(
      server.addr,
      "greet, then compute",
    );
    server.suspend();
    const answers: string[] = [];
    const late = Array.from({ length: 6 }, async () => {
      answers.push(await ask(server.addr, "thread\n"));
    });
    strictEqual(answer + await soon(readAll(client)), "computingcomputed");
    await soon(server.recycle());
    deepStrictEqual(answers, []);
    server.resume();
    await soon(Promise.all(late));
    deepStrictEqual(answers.map(({ length }) => length), Array(6).fill(36));
  }
  deepStrictEqual(served.errors, []);
});

Deno.test("a thread that is replaced keeps a client for whom there is no place until there is one", async () => {
  await using served = await startAccepting({ workers: 2, maxConnections: 4 });
  const { server } = served;
  for (let round = 0; round < 3; round++) {
    server.maxConnections = 4;
    // Both threads have a place for the next by then.
    const held = await holdAll(server.addr, 2);
    while (held.length > 1) held.pop()!.client.close();
    server.maxConnections = 1;
    const answers: string[] = [];
    const late = Array.from({ length: 6 }, async () => {
      answers.push(await ask(server.addr, "thread\n"));
    });
    const { started } = server.stats().workers!;
    const recycled = server.recycle({ gracePeriod: Infinity });
    await until(() => server.stats().workers!.started >= started + 2);
    // What is done before this is answered was done before the next look.
    await held[0]!.client.write(new TextEncoder().encode("a\n"));
    strictEqual(await soon(held[0]!.client.read(new Uint8Array(10))), 4);
    deepStrictEqual(answers, []);
    held[0]!.client.close();
    await soon(Promise.all(late));
    deepStrictEqual(answers.map(({ length }) => length), Array(6).fill(36));
    await soon(recycled);
  }
  deepStrictEqual(served.errors, []);
});
