// What served requests have held is collected with the young objects.

import { ok } from "node:assert";
import { Child } from "../_program.ts";

/** How much the heap may grow, in MiB: some 2 are the young objects. */
const MOST_GROWN = 16;

Deno.test("what requests have held does not wait for a full collection", async () => {
  // A process of its own, whose young objects have little room: V8 decides where
  // it puts objects when that room is as large as it gets.
  await using program = new Child(Deno.execPath(), [
    "eval",
    "--v8-flags=--min-semi-space-size=1,--max-semi-space-size=1",
    `import { BaseRequestHandler, BaseServer } from ${
      JSON.stringify(import.meta.resolve("../../mod.ts"))
    };
    const addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
    class Holding extends BaseRequestHandler {
      held = Array(100).fill(this);
      async handle() {
        await undefined;
      }
    }
    let most = 0;
    class Server extends BaseServer {
      #accepted = 0;
      constructor() {
        super(() => ({ addr, close() {}, ref() {}, unref() {} }), Holding);
      }
      async getRequest() {
        if (this.#accepted++ === 100_000) this.close();
        if (this.#accepted % 100 === 0) {
          most = Math.max(most, Deno.memoryUsage().heapUsed);
        }
        await undefined;
        return [{}, addr];
      }
    }
    const before = Deno.memoryUsage().heapUsed;
    const server = new Server();
    await server.serveForever();
    console.log("grown by", Math.ceil((most - before) / 2 ** 20), "MiB");`,
  ]);
  const [, grown] = await program.until(/grown by (\d+) MiB/);
  ok(Number(grown) <= MOST_GROWN, `grown by ${grown} MiB`);
});
