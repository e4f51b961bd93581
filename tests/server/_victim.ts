// The program of `Victim`: servers in a process of their own, whose handlers
// do what the client's first line says. On its standard input come orders, one
// a line; each is answered by one line.

import {
  StreamRequestHandler,
  TCPServer,
  UDPServer,
  UnixStreamServer,
} from "../../mod.ts";
import { failToConstruct } from "./_failing_constructors.ts";

/** Bytes for a reply that does not fit into any socket's buffers at once. */
const REPLY = new Uint8Array(400_000);

class Obedient extends StreamRequestHandler {
  #order: string | null = null;

  override async setup() {
    this.#order = await this.rfile.readLine();
    await this.#fail("setup");
  }

  override async handle() {
    await this.#fail("handle");
    switch (this.#order) {
      case null:
        return;
      case "never return":
        return await new Promise<void>(() => {});
      case "flood":
        return await this.#flood();
      case "reply at length":
        return await this.wfile.write(REPLY);
      case "close and write":
        this.request.close();
        return await this.wfile.write(REPLY);
    }
    await this.wfile.write(`<${this.#order}>\n`);
    for await (const line of this.rfile) await this.wfile.write(`<${line}>\n`);
  }

  async #flood(): Promise<never> {
    while (true) await this.wfile.write(REPLY);
  }

  override finish() {
    return this.#fail("finish");
  }

  #fail(step: string): void | Promise<void> {
    const error = new Error(`failed in ${step}`);
    if (this.#order === `throw in ${step}`) throw error;
    if (this.#order === `reject in ${step}`) return Promise.reject(error);
  }
}

/** How often each error was reported since the last measurement. */
const errors = new Map<string, number>();

function report(error: unknown): void {
  const text = String(error);
  errors.set(text, (errors.get(text) ?? 0) + 1);
}

class ReportingTCPServer extends TCPServer {
  override handleError = report;
}
class ReportingUnixStreamServer extends UnixStreamServer {
  override handleError = report;
}
class ReportingUDPServer extends UDPServer {
  override handleError = report;
}

/** What this process holds when all garbage is gone, and the errors since. */
function measure() {
  const reported = [...errors];
  errors.clear();
  const { gc } = globalThis as unknown as { gc(): void };
  gc();
  gc();
  const { heapUsed, external, rss } = Deno.memoryUsage();
  const descriptors = [...Deno.readDirSync("/proc/self/fd")].length;
  return { descriptors, held: heapUsed + external, rss, errors: reported };
}

const orders: Record<string, () => unknown> = { measure, failToConstruct };

const [path, options] = Deno.args as [string, string];
const loopback = { hostname: "127.0.0.1", port: 0 };
const servers = [
  new ReportingTCPServer(loopback, Obedient, JSON.parse(options)),
  new ReportingUnixStreamServer({ path }, Obedient, JSON.parse(options)),
  new ReportingUDPServer(loopback, async (handler) => {
    await handler.socket.send(handler.packet, handler.clientAddress);
  }),
] as const;
for (const server of servers) server.serveForever();

console.log(JSON.stringify(servers.map(({ addr }) => addr)));
for await (
  const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())
) {
  for (const order of text.trim().split("\n")) {
    console.log(JSON.stringify(await orders[order]!()));
  }
}
await Promise.all(servers.map((server) => server.shutdown({ gracePeriod: 0 })));
