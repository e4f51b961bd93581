/**
 * Serves clients that go in the middle of their handshake, and prints how much of
 * the heap is in use after each thousand. The arguments are the files of a
 * certificate and of its key.
 */
import { TLSServer } from "../../../mod.ts";

const ROUNDS = 3;
const CLIENTS = 1_000;

const [cert, key] = Deno.args.map((file) => Deno.readTextFileSync(file));
const own = { cert: cert!, key: key! };
let reported = 0;
let done = () => {};
const server = new TLSServer(
  { hostname: "127.0.0.1", port: 0, ...own, contexts: { "a.test": own } },
  () => {},
  {
    onError() {
      if (++reported % CLIENTS === 0) done();
    },
  },
);
server.serveForever();
for (let round = 0; round < ROUNDS; round++) {
  const all = new Promise<void>((resolve) => done = resolve);
  for (let i = 0; i < CLIENTS; i++) {
    const client = await Deno.connect(server.addr);
    await client.write(Uint8Array.of(22, 3, 1));
    client.close();
  }
  await all;
  // What ended last has let go of all by then.
  await new Promise((resolve) => setTimeout(resolve, 0));
  (globalThis as unknown as { gc(): void }).gc();
  console.log("heap", Deno.memoryUsage().heapUsed);
}
Deno.exit();
