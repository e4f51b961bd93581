/**
 * A server whose process floods what its argument names: says so when it does,
 * then shuts down, and says that too.
 */
import {
  ForkingTCPServer,
  type RequestServer,
  StreamRequestHandler,
} from "../../../mod.ts";

const LINE = "x".repeat(1_000);
const turn = () => new Promise<void>((done) => setTimeout(done));

function tryPost(server: RequestServer): void {
  try {
    void server.post(LINE);
  } catch (error) {
    if (!(error instanceof Deno.errors.Busy)) throw error;
  }
}

const FLOODS: Readonly<Record<string, (handler: Flood) => unknown>> = {
  "stderr": () => {
    for (;;) console.log(LINE);
  },
  "stderr in turns": async () => {
    for (;;) {
      console.log(LINE);
      await turn();
    }
  },
  "shutdowns": ({ server }) => {
    for (;;) void server.shutdown();
  },
  "shutdowns in turns": async ({ server }) => {
    for (;;) {
      void server.shutdown({ gracePeriod: 60_000 });
      await turn();
    }
  },
  "shutdowns in microtasks": async ({ server }) => {
    for (;;) {
      void server.shutdown({ gracePeriod: 60_000 });
      await null;
    }
  },
  "awaited shutdowns": async ({ server }) => {
    for (;;) await server.shutdown({ gracePeriod: 60_000 });
  },
  "messages": ({ server }) => {
    for (;;) tryPost(server);
  },
  "messages in turns": async ({ server }) => {
    for (;;) {
      for (let i = 0; i < 1_000; i++) tryPost(server);
      await turn();
    }
  },
  "awaited messages": async ({ server }) => {
    for (;;) await server.post("m");
  },
  "writes": async ({ wfile }) => {
    for (;;) await wfile.write(LINE);
  },
  "writes that nobody awaits": async ({ wfile }) => {
    for (;;) {
      wfile.write(LINE).catch(() => {});
      await turn();
    }
  },
};

export class Flood extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    const what = await this.rfile.readLine();
    await this.wfile.write("going on");
    await FLOODS[what!]!(this);
  }
}

if (import.meta.main) {
  class Server extends ForkingTCPServer {
    override handleError(): void {}
    override handleMessage(): void {}
  }
  const server = new Server({ hostname: "127.0.0.1", port: 0 }, Flood);
  const serving = server.serveForever();
  const client = await Deno.connect(server.addr as Deno.ConnectOptions);
  await client.write(new TextEncoder().encode(`${Deno.args[0]}\n`));
  await client.read(new Uint8Array(8));
  console.log("flooding");
  // The flood has some time: how much does not matter.
  for (let i = 0; i < 50; i++) await turn();
  await server.shutdown({ gracePeriod: 100 });
  await serving;
  console.log("ended");
  client.close();
}
