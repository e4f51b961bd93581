// PROXY headers where threads accept for themselves.

import { deepStrictEqual, strictEqual } from "node:assert";
import {
  encodeProxyHeader,
  HandlerLostError,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { LOOPBACK } from "../../_loopback.ts";
import { Obedient } from "../threads/_threading_handlers.ts";
import { bytes, joined, LOCAL, send, tcp } from "./_clients.ts";

const ENDS = {
  source: tcp("2001:db8::7", 56324),
  destination: tcp("2001:db8::11", 443),
};
const HEADER = encodeProxyHeader(ENDS);
const options = {
  accept: "threads",
  workers: 1,
  proxyProtocol: { mode: "require", trust: LOCAL },
} as const;

Deno.test("the loss of a thread names the clients that PROXY headers have told of", async () => {
  const lost: unknown[] = [];
  const told = Promise.withResolvers<void>();
  const server = new ThreadingTCPServer(LOOPBACK, Obedient, {
    ...options,
    onError: (error, _request, client) => {
      lost.push(error instanceof HandlerLostError, client);
      told.resolve();
    },
  });
  await using served = await serveForTest(server);
  await send(server.addr, joined(HEADER, bytes("self.close()\n")));
  await patiently(told.promise, () => "the loss of a thread");
  deepStrictEqual(lost, [true, ENDS.source]);
  strictEqual((await served.untilErrors()).length, 1);
});

Deno.test("handleRequest() has served one whose PROXY header a thread refuses", async () => {
  let told = Promise.withResolvers<void>();
  const server = new ThreadingTCPServer(LOOPBACK, Obedient, {
    ...options,
    onError: () => told.resolve(),
  });
  await using _ = server;
  for (let i = 0; i < 2; i++) {
    const refused = send(server.addr, bytes("no header"));
    await patiently(server.handleRequest(), () => "the end of a bad one");
    strictEqual(await refused, "");
    await patiently(told.promise, () => "the error");
    told = Promise.withResolvers();
    const served = send(server.addr, joined(HEADER, bytes("lines\nx\n")));
    await patiently(server.handleRequest(), () => "the end of a good one");
    strictEqual(await served, "<x>\n");
  }
});
