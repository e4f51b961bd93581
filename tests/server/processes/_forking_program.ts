/**
 * A server of processes to look at from outside. The first argument says what it
 * does: serve, with the path of deno that may come second, or count what is left
 * of so many requests.
 */
import { ForkingTCPServer } from "../../../mod.ts";
import { Command, Echo } from "./_forking_handlers.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

/** What this process has open and has started, and its memory in MiB. */
function count() {
  const children = Deno.readTextFileSync(
    `/proc/${Deno.pid}/task/${Deno.pid}/children`,
  );
  return {
    descriptors: [...Deno.readDirSync("/proc/self/fd")].length,
    children: children.trim().split(" ").filter((pid) => pid !== "").length,
    memory: Math.round(Deno.memoryUsage().rss / 2 ** 20),
  };
}

async function ask(address: Deno.NetAddr): Promise<void> {
  const conn = await Deno.connect(address as Deno.ConnectOptions);
  await conn.closeWrite();
  await conn.read(new Uint8Array(1));
  conn.close();
}

async function countLeft(requests: number): Promise<void> {
  const server = new ForkingTCPServer(LOOPBACK, Echo, {
    maxChildren: 4,
    spareChildren: 0,
  });
  const serving = server.serveForever();
  const askMany = async (many: number) => {
    for (let i = 0; i < many; i += 4) {
      await Promise.all([1, 2, 3, 4].map(() => ask(server.addr)));
    }
  };
  await askMany(requests / 4);
  const before = count();
  let most = 0;
  const watch = setInterval(() => most = Math.max(most, count().children), 5);
  await askMany(requests);
  clearInterval(watch);
  await server.shutdown();
  await serving;
  console.log(JSON.stringify({ before, most, after: count() }));
}

if (import.meta.main) {
  const [mode, detail] = Deno.args;
  if (mode === "count") await countLeft(Number(detail));
  else {
    const server = new ForkingTCPServer(LOOPBACK, Command, {
      spareChildren: 2,
      ...(detail === undefined ? {} : { denoPath: detail }),
    });
    console.log(`Listening on ${server.addr.hostname}:${server.addr.port}`);
    Deno.addSignalListener("SIGTERM", () => server.shutdown());
    if (mode === "unref") server.unref();
    void server.serveForever();
  }
}
