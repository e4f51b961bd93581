import { deepStrictEqual, strictEqual } from "node:assert";
import {
  ForkingTCPServer,
  TCPServer,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";
import { TwoParts, TwoPartsDelayed } from "./_two_parts.ts";

/** Has a server note what is done to its connections' Nagle algorithm. */
function noting(server: TCPServer): boolean[] {
  const noted: boolean[] = [];
  const getRequest = server.getRequest.bind(server);
  server.getRequest = async () => {
    const accepted = await getRequest();
    const [connection] = accepted;
    const setNoDelay = connection.setNoDelay.bind(connection);
    connection.setNoDelay = (noDelay = true) => {
      noted.push(noDelay);
      setNoDelay(noDelay);
    };
    return accepted;
  };
  return noted;
}

for (
  const [kind, Server] of [
    ["the event loop", TCPServer],
    ["a thread", ThreadingTCPServer],
    ["a process", ForkingTCPServer],
  ] as const
) {
  Deno.test(`on ${kind}, the second part of an answer is not held back`, async () => {
    const server = new Server(LOOPBACK, TwoParts);
    const noted = noting(server);
    await using _served = await serveForTest(server);
    strictEqual(await ask(server.addr), "Thank you for connecting");
    deepStrictEqual(noted, [true]);
  });

  Deno.test(`on ${kind}, Nagle's algorithm can be left as it is`, async () => {
    const server = new Server(LOOPBACK, TwoPartsDelayed);
    const noted = noting(server);
    await using _served = await serveForTest(server);
    strictEqual(await ask(server.addr), "Thank you for connecting");
    deepStrictEqual(noted, []);
  });
}
