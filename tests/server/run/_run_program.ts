/** Runs servers until a signal comes. Its first argument says which ones. */
import { threadId } from "node:worker_threads";
import {
  run,
  type RunnableServer,
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
} from "../../../mod.ts";

/** Answers each line with the thread that it runs in, until the client's end. */
export class Told extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle(): Promise<void> {
    for await (const _ of this.rfile) await this.wfile.write(`${threadId}\n`);
  }

  override onShutdown(): void {
    void this.wfile.write("told\n");
  }
}

if (import.meta.main) {
  const [what = ""] = Deno.args;
  const address = { hostname: "127.0.0.1", port: 0 };
  const options = { gracePeriod: Infinity };
  const servers = what === "threads"
    ? [new ThreadingTCPServer(address, Told, { ...options, workers: 1 })]
    : what === "two"
    ? [new TCPServer(address, Told), new TCPServer(address, Told)]
    : [new TCPServer(address, Told, options)];
  if (what === "failing") servers[0]!.handleRequest();
  const all: RunnableServer[] = [...servers];
  if (what === "refusing") {
    all.unshift({
      serveForever: () => servers[0]!.finished,
      shutdown: () => Promise.reject(new Error("It does not want to end")),
    });
  }
  if (what === "throwing") {
    all.push({
      serveForever() {
        throw new Error("It cannot serve");
      },
      shutdown() {},
    });
  }
  try {
    const running = run(all, {
      onSignal(signal, action) {
        console.log(`${signal}: ${action};`);
        if (what === "refusing") throw new Error("It does not want to hear");
      },
    });
    if (Deno.args[1] === "pid") console.log(`pid ${Deno.pid};`);
    // From now on signals are heard.
    console.log(`at ${servers.map(({ addr }) => addr.port).join()};`);
    const ended = await running;
    console.log(`ended by ${ended};`);
  } catch (error) {
    console.log(`failed: ${error};`);
  }
  // It ends by the signal's usual effect.
  if (what === "afterwards") setTimeout(() => {}, 60_000);
}
