import { deepStrictEqual } from "node:assert";
import { StreamRequestHandler } from "../../mod.ts";
import { seenServer } from "../_seen_server.ts";

const ADDR: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };

/** Notes what is done to a connection, which takes `most` bytes at a time. */
function newConnection(calls: string[], most = Infinity): Deno.Conn {
  return {
    localAddr: ADDR,
    remoteAddr: ADDR,
    write(data: Uint8Array) {
      const n = Math.min(most, data.length);
      calls.push(`write ${n}`);
      return Promise.resolve(n);
    },
    setNoDelay: (noDelay: boolean) => calls.push(`setNoDelay ${noDelay}`),
  } as unknown as Deno.Conn;
}

const SERVER = seenServer(ADDR);

Deno.test("Nagle's algorithm is disabled before the second write, and once", async () => {
  const calls: string[] = [];
  const { wfile } = new StreamRequestHandler(
    newConnection(calls),
    ADDR,
    SERVER,
  );
  await wfile.write("one");
  deepStrictEqual(calls, ["write 3"]);
  await wfile.write("more");
  await wfile.write("and more");
  deepStrictEqual(calls, ["write 3", "setNoDelay true", "write 4", "write 8"]);
});

Deno.test("the rest of a write is not held back either", async () => {
  const calls: string[] = [];
  const { wfile } = new StreamRequestHandler(
    newConnection(calls, 2),
    ADDR,
    SERVER,
  );
  await wfile.write("all");
  deepStrictEqual(calls, ["write 2", "setNoDelay true", "write 1"]);
});

Deno.test("a handler class can leave Nagle's algorithm as it is", async () => {
  class Delayed extends StreamRequestHandler {
    static override readonly disableNagleAlgorithm = false;
  }
  const calls: string[] = [];
  const { wfile } = new Delayed(newConnection(calls), ADDR, SERVER);
  await wfile.write("one");
  await wfile.write("more");
  deepStrictEqual(calls, ["write 3", "write 4"]);
});

Deno.test("a connection without Nagle's algorithm, or closed meanwhile, is written to all the same", async () => {
  for (
    const setNoDelay of [undefined, () => {
      throw new Deno.errors.BadResource("closed");
    }]
  ) {
    const calls: string[] = [];
    const connection = { ...newConnection(calls), setNoDelay } as Deno.Conn;
    const { wfile } = new StreamRequestHandler(connection, ADDR, SERVER);
    await wfile.write("one");
    await wfile.write("more");
    deepStrictEqual(calls, ["write 3", "write 4"]);
  }
});
