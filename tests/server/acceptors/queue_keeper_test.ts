import { strictEqual, throws } from "node:assert";
import { QueueKeeper } from "../../../server/_acceptors/queue_keeper.ts";
import {
  joinListener,
  listenShared,
  sharedOptions,
} from "../../../server/_acceptors/shared_listener.ts";
import { listenAgain, LOOPBACK } from "../../_loopback.ts";

const { hostname } = LOOPBACK;

/** A shared listener and its address. */
function listen(): [Deno.TcpListener, { hostname: string; port: number }] {
  const listener = listenShared({ hostname, port: 0 }) as Deno.TcpListener;
  return [listener, { hostname, port: listener.addr.port }];
}

Deno.test("QueueKeeper keeps those who wait in the queue", async () => {
  const [listener, address] = listen();
  const keeper = new QueueKeeper(sharedOptions(address));
  strictEqual(await keeper.holds(), true);
  listener.close();
  using client = await Deno.connect(address);
  await client.write(new Uint8Array([7]));
  using next = joinListener(address);
  using accepted = await next.accept();
  const buffer = new Uint8Array(2);
  strictEqual(await accepted.read(buffer), 1);
  strictEqual(buffer[0], 7);
  await keeper.close();
});

Deno.test("QueueKeeper frees the port when it is closed", async () => {
  const [listener, address] = listen();
  const keeper = new QueueKeeper(sharedOptions(address));
  await keeper.holds();
  listener.close();
  throws(() => Deno.listen(address), Deno.errors.AddrInUse);
  await keeper.close();
  (await listenAgain(address)).close();
});

Deno.test("QueueKeeper can be closed before it holds anything", async () => {
  const [listener, address] = listen();
  const keeper = new QueueKeeper(sharedOptions(address));
  const told = keeper.holds();
  await keeper.close();
  // It may have come so far meanwhile.
  await told;
  listener.close();
  (await listenAgain(address)).close();
});

Deno.test("QueueKeeper says where it cannot listen", async () => {
  using alone = Deno.listen({ hostname, port: 0 });
  const keeper = new QueueKeeper(
    sharedOptions({ hostname, port: alone.addr.port }),
  );
  strictEqual(await keeper.holds(), false);
  await keeper.close();
});
