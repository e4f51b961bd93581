import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { HandlerLostError } from "../../../mod.ts";
import { readReport } from "../../../server/_acceptors/messages.ts";
import { ask, readAll } from "../../_loopback.ts";
import { ROUNDS } from "../../fuzz/_fuzzing.ts";
import { order } from "../threads/_threads.ts";
import { soon, startAccepting } from "./_accepting.ts";

/** Whether an error says how a request was ended. */
const isEnd = (error: unknown) =>
  error instanceof HandlerLostError ||
  ["AbortError", "TimeoutError"].includes((error as Error).name);

Deno.test("a handler that writes over how its thread ends harms its own thread alone", async () => {
  await using served = await startAccepting({ workers: 2 });
  const client = await order(served.addr, "end with an error that is none");
  strictEqual(await soon(readAll(client).catch(() => "")), "");
  strictEqual((await soon(ask(served.addr, "thread\n"))).length, 36);
  const [error] = await served.untilErrors();
  ok(error instanceof HandlerLostError);
});

for (
  const message of [
    undefined,
    12,
    {},
    { is: "served" },
    { is: "shutdown", gracePeriod: "soon" },
    { is: "shutdown", gracePeriod: -1 },
    { is: "shutdown", gracePeriod: NaN },
    { is: "error", number: "1", error: new Uint8Array() },
    { is: "error", number: 1, error: "text" },
    { is: "answer", question: "1", value: true },
    { is: "answer", question: 0.5, value: true },
    { is: "events", events: {}, lost: 0 },
    { is: "events", events: [], lost: -1 },
    { is: "message", message: "text" },
    { is: "message", message: [1, 2] },
    { is: "message", message: new Uint8Array(1) },
    { is: "message", message: new SharedArrayBuffer(1) },
    { is: "taken", cost: -1 },
    { is: "taken", cost: "1" },
  ]
) {
  Deno.test(`what a thread never tells is refused: ${Deno.inspect(message)}`, () => {
    throws(() => readReport(message), { name: "ProtocolError" });
  });
}

Deno.test("the address that a thread tells is one, or none", () => {
  const report = (client: unknown) =>
    readReport({ is: "error", number: 1, error: new Uint8Array(), client });
  const clientOf = (client: unknown) =>
    (report(client) as { readonly client: unknown }).client;
  const address = { transport: "tcp", hostname: "a", port: 1 };
  deepStrictEqual(clientOf({ ...address, more: {} }), address);
  for (const none of [undefined, null, 1, {}, { hostname: "a", port: "1" }]) {
    strictEqual(clientOf(none), undefined);
  }
});

Deno.test("a thread that writes random words over the places and counters harms no more than those", async () => {
  const rounds = Math.ceil(ROUNDS / 20);
  for (let seed = 1; seed <= rounds; seed++) {
    await using served = await startAccepting({
      workers: 2,
      maxConnections: 1_000,
      requestTimeout: 2_000,
    }, { allowErrors: isEnd });
    const { server } = served;
    const client = await order(server.addr, `scribble ${seed}`);
    await soon(readAll(client).catch(() => ""));
    const errors = [...await served.untilErrors(), ...served.takeErrors()];
    // However many places it says that it had.
    ok(errors.length <= 1_001, `${errors.length} errors`);
    const { active, accepted, bytesIn } = server.stats();
    for (const count of [active, accepted, bytesIn]) {
      ok(Number.isInteger(count) && count >= 0, `${count}`);
    }
    ok(Array.isArray(await soon(server.connections())));
    await soon(server.shutdown({ gracePeriod: 100 }));
  }
});
