// Handlers for tests of threads that accept for themselves: what the threads
// import.

import { workerData } from "node:worker_threads";
import { BaseHTTPRequestHandler } from "../../../handlers/http/base_http_request_handler.ts";
import { StreamRequestHandler } from "../../../handlers/mod.ts";
import { below, random } from "../../fuzz/_fuzzing.ts";
import { loopForEver } from "../threads/_loop_for_ever.ts";
import type { AcceptorStart } from "../../../server/_acceptors/acceptor_start.ts";

/** Says which thread a handler runs in: every thread has a module of its own. */
const thread = crypto.randomUUID();

const never = () => new Promise<never>(() => {});

const start = workerData as AcceptorStart | null;

/** What a handler does, by what the first line says. */
const orders: Readonly<Record<string, (handler: Commanded) => unknown>> = {
  /** Who accepted: a connection of Deno's own, or one that is carried here. */
  "kind": ({ wfile, request }) => wfile.write(request.constructor.name),
  "thread": ({ wfile }) => wfile.write(thread),
  "thread, then lines": async ({ rfile, wfile }) => {
    await wfile.write(thread);
    for await (const line of rfile) await wfile.write(`<${line}>\n`);
  },
  "lines": async ({ rfile, wfile }) => {
    for await (const line of rfile) await wfile.write(`<${line}>\n`);
  },
  "compute": ({ wfile }) => {
    const until = performance.now() + 300;
    while (performance.now() < until);
    return wfile.write("computed");
  },
  "greet, then compute": async ({ wfile }) => {
    await wfile.write("computing");
    // Its answer has left by then.
    await new Promise((resolve) => setTimeout(resolve));
    const until = performance.now() + 300;
    while (performance.now() < until);
    await wfile.write("computed");
  },
  "loop": async ({ wfile }) => {
    await wfile.write("looping");
    setTimeout(loopForEver);
    await never();
  },
  "never return": never,
  "self.close()": () => {
    self.close();
    return never();
  },
  "greet, then end with a line": async ({ rfile, wfile }) => {
    await wfile.write("hello");
    if (await rfile.readLine() === null) return;
    self.close();
    await never();
  },
  "shut down": async ({ server, wfile }) => {
    await wfile.write("waiting\n");
    await server.shutdown();
    await wfile.write("shut down");
  },
  "throw a function": () => {
    throw () => {};
  },
  "throw a symbol": () => {
    throw Symbol("thrown");
  },
  "throw an error with a port": () => {
    throw Object.assign(new RangeError("with a port"), {
      port: new MessageChannel().port1,
      call: () => {},
    });
  },
  "throw a proxy that was revoked": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    throw proxy;
  },
  // What no thread of ours does.
  "end with an error that is none": () => {
    const state = new Int32Array(start!.state);
    new Uint8Array(start!.state).fill(0x7b);
    state[1] = 50;
    state[0] = 2;
    Atomics.notify(state, 0);
    return never();
  },
};

/** Writes random words over what all threads share, most over what steers. */
function scribble(seed: number): void {
  const next = random(seed);
  const memory = next() < 0.5 ? start!.places.memory : start!.counters;
  const words = new Int32Array(memory);
  for (let i = below(next, 3_000); i >= 0; i--) {
    const at = below(next, next() < 0.5 ? 64 : words.length);
    const values = [next() * 2 ** 32, below(next, 64), -1, 0, words[at]! + 1];
    words[at] = values[below(next, values.length)]!;
    if (next() < 0.05) Atomics.notify(words, at);
  }
}

/** Does what the first line says. */
export class Commanded extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const line = await this.rfile.readLine();
    if (line === null) return;
    const seed = /^scribble (\d+)$/.exec(line)?.[1];
    if (seed !== undefined) {
      scribble(Number(seed));
      self.close();
      return;
    }
    await orders[line]!(this);
  }
}

/** Greets at once, without a question. */
export class Greeting extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    await this.wfile.write("hello");
  }
}

/** Says over HTTP what kind of connection it has. */
export class KindOfConnection extends BaseHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  async doGET(): Promise<void> {
    const { name } = this.request.constructor;
    this.sendResponse(200);
    this.sendHeader("Content-Length", String(name.length));
    this.endHeaders();
    await this.wfile.write(name);
  }

  override logMessage(): void {}
}
