import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ServerEndEvent } from "../../../mod.ts";
import { readConnections } from "../../../server/_acceptors/connection_list.ts";
import {
  EventQueue,
  EventsOfThread,
  type PackedEvent,
  readEvents,
} from "../../../server/_acceptors/forwarded_events.ts";
import { Questions } from "../../../server/_acceptors/questions.ts";
import { EVENTS } from "../../../server/_events/channels.ts";
import { Publisher } from "../../../server/_events/publisher.ts";
import { ROUNDS } from "../../fuzz/_fuzzing.ts";
import { random } from "../../fuzz/_fuzzing.ts";
import { seenServer } from "../../_seen_server.ts";

const client = { transport: "tcp", hostname: "127.0.0.1", port: 2 } as const;
const server = seenServer(client);
const publisher = new Publisher(server, undefined);

const bit = (event: typeof EVENTS[number]) => 1 << EVENTS.indexOf(event);

/** A queue whose messages are kept. */
function makeQueue(wanted: number): {
  readonly queue: EventQueue;
  readonly told: { readonly events: readonly PackedEvent[]; lost: number }[];
  readonly word: Int32Array;
} {
  const told: { events: readonly PackedEvent[]; lost: number }[] = [];
  const word = new Int32Array([wanted]);
  const queue = new EventQueue(
    word,
    (events, lost) => void told.push({ events, lost }),
  );
  return { queue, told, word };
}

const accept = (id: number) => ({ id, clientAddress: client });
/** The same, as it is published in a thread. */
const happened = (id: number) => ({ server, time: id, ...accept(id) });

Deno.test("a thread wants what the main thread wants, and what it needs for that", () => {
  const { queue, word } = makeQueue(0);
  const wanted = () => EVENTS.filter((event) => queue.wants(event));
  deepStrictEqual(wanted(), []);
  word[0] = bit("end");
  deepStrictEqual(wanted(), ["accept", "refuse", "end"]);
  word[0] = bit("start") | bit("error") | bit("close");
  // What the main thread has for itself is not told it.
  deepStrictEqual(wanted(), ["start"]);
  word[0] = -1;
  deepStrictEqual(wanted(), ["accept", "refuse", "start", "end", "full"]);
});

Deno.test("the events of a tick are one message, and who is behind is told less often", async () => {
  const { queue, told } = makeQueue(-1);
  queue.take("accept", happened(1));
  queue.take("accept", happened(2));
  await Promise.resolve();
  deepStrictEqual(told.map(({ events }) => events.length), [2]);
  for (let i = 0; i < 5_000; i++) {
    queue.take("accept", happened(3 + i));
    if (i % 1_000 === 0) await Promise.resolve();
  }
  // Two messages are under way, and 4,096 events wait.
  deepStrictEqual(told.map(({ events }) => events.length), [2, 1]);
  queue.more();
  deepStrictEqual(told.map(({ events }) => events.length), [2, 1, 512]);
  strictEqual(told[2]!.lost, 5_000 - 1 - 4_096);
  for (let i = 0; i < 20; i++) queue.more();
  strictEqual(
    told.reduce((sum, { events }) => sum + events.length, 0),
    2 + 1 + 4_096,
  );
  strictEqual(told.slice(3).reduce((sum, { lost }) => sum + lost, 0), 0);
  ok(told.every(({ events }) => events.length <= 512));
});

Deno.test("what handlers throw arrives as it was, or not at all", async () => {
  const { queue, told } = makeQueue(-1);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const end = {
    ...{ ...happened(1), duration: 1, lingered: 0 },
    ...{ bytesIn: 0, bytesOut: 0, outcome: "failed" as const },
  };
  queue.take("accept", happened(1));
  queue.take("end", { ...end, error: new RangeError("thrown") });
  queue.take("end", { ...end, error: proxy });
  await Promise.resolve();
  const heard: ServerEndEvent[] = [];
  const hear = (message: unknown) => void heard.push(message as ServerEndEvent);
  subscribe("socketserver:end", hear);
  const { events } = readEvents({
    events: structuredClone(told[0]!.events),
    lost: 0,
  });
  new EventsOfThread(publisher, () => 10).publish(events);
  unsubscribe("socketserver:end", hear);
  ok(heard[0]!.error instanceof RangeError);
  strictEqual(heard[0]!.error.message, "thrown");
  strictEqual(heard.length, 2);
});

const GOOD: readonly PackedEvent[] = [
  { event: "accept", time: 1, told: accept(1) },
  { event: "refuse", time: 1, told: { ...accept(2), reason: "verify" } },
  { event: "start", time: 1, told: { ...accept(1), waited: 0.5 } },
  {
    event: "end",
    time: 2,
    told: {
      ...accept(1),
      ...{ duration: 1, lingered: 0, bytesIn: 1, bytesOut: 2 },
      ...{ outcome: "aborted", reason: "shutdown" },
    },
  },
  { event: "full", time: 1, told: { limit: 3 } },
];

Deno.test("events that no thread tells are refused", () => {
  const take = (events: unknown, lost: unknown = 0) => {
    const read = readEvents({ events, lost });
    new EventsOfThread(publisher, () => 10).publish(read.events);
  };
  take(GOOD);
  const refused = (...args: Parameters<typeof take>) =>
    throws(() => take(...args), { name: "ProtocolError" });
  refused(undefined);
  refused({ length: 1 });
  refused(Array(513).fill(GOOD[0]));
  refused([], -1);
  refused([], 0.5);
  refused([], "1");
  for (const good of GOOD) {
    refused([{ ...good, event: "error" }]);
    refused([{ ...good, event: undefined }]);
    for (const time of [undefined, -1, NaN, Infinity, "1"]) {
      refused([{ ...good, time }]);
    }
    for (const told of [undefined, null, 1, {}, []]) {
      refused([{ ...good, told }]);
    }
    for (const name of Object.keys(good.told)) {
      for (const value of [undefined, null, {}, "", -1, "x".repeat(300)]) {
        // An aborted request may lack its reason, and any limit is a number.
        if (name === "reason" && value === undefined && good.event === "end") {
          continue;
        }
        if (name === "limit" && value === -1) continue;
        refused([{ ...good, told: { ...good.told, [name]: value } }]);
      }
    }
  }
});

Deno.test("a thread whose ends are lost, or told to nobody, is believed all the same", () => {
  const events = new EventsOfThread(publisher, () => 10);
  const begin = (id: number) =>
    events.publish([{ event: "accept", time: 1, told: accept(id) }]);
  const heard: number[] = [];
  const hear = (message: unknown) =>
    void heard.push((message as ServerEndEvent).id);
  // Nobody is told of an end.
  for (let id = 1; id <= 100; id++) begin(id);
  subscribe("socketserver:end", hear);
  for (let id = 101; id <= 200; id++) begin(id);
  events.gone(new Error("gone"));
  deepStrictEqual(heard.splice(0), [
    191,
    192,
    193,
    194,
    195,
    196,
    197,
    198,
    199,
    200,
  ]);
  begin(201);
  events.forget();
  events.gone(new Error("gone"));
  unsubscribe("socketserver:end", hear);
  deepStrictEqual(heard, []);
});

Deno.test("lists of connections that no thread tells are refused", () => {
  const good = {
    ...{ id: 1, address: client, since: 1, state: "active" },
    ...{ bytesIn: 1, bytesOut: 2, buffered: 3 },
  };
  deepStrictEqual(readConnections([{ ...good, more: 1 }], 1), [good]);
  const refused = (value: unknown) =>
    throws(() => readConnections(value, 1), { name: "ProtocolError" });
  for (
    const value of [undefined, null, 1, {}, "a", [good, good], [1], [null]]
  ) {
    refused(value);
  }
  for (const name of Object.keys(good)) {
    for (const value of [undefined, null, {}, "", "later"]) {
      refused([{ ...good, [name]: value }]);
    }
  }
});

Deno.test("random events and lists are taken or refused, and nothing else", () => {
  const values = [
    ...[undefined, null, 0, 1, -1, 2 ** 53, NaN, Infinity, "", "active"],
    ...["accept", "end", "failed", {}, [], client, new Uint8Array(3)],
    ...[accept(1), 1n, Symbol("x"), () => {}],
  ];
  const names = [
    ...["event", "time", "told", "id", "clientAddress", "address", "reason"],
    ...["waited", "duration", "lingered", "bytesIn", "bytesOut", "outcome"],
    ...["error", "since", "state", "buffered", "limit"],
  ];
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const next = random(seed);
    const any = <T>(of: readonly T[]) => of[Math.floor(next() * of.length)]!;
    const made = (depth: number): unknown =>
      depth === 0 || next() < 0.3
        ? any<unknown>([...values, ...GOOD])
        : Object.fromEntries(
          Array.from({ length: 4 }, () => [any(names), made(depth - 1)]),
        );
    for (
      const read of [
        () =>
          new EventsOfThread(publisher, () => 10).publish(
            readEvents({ events: [made(3)], lost: 0 }).events,
          ),
        () => void readConnections([made(2)], 1),
      ]
    ) {
      try {
        read();
      } catch (error) {
        const { name } = error as Error;
        ok(
          name === "ProtocolError" || name === "RangeError",
          `${error}, seed ${seed}`,
        );
      }
    }
  }
});

Deno.test("answers that nobody has asked for are refused", async () => {
  const questions = new Questions();
  throws(() => questions.answered(1, true), { name: "ProtocolError" });
  const asked: number[] = [];
  const answer = questions.ask((number) => void asked.push(number));
  questions.answered(asked[0]!, "here");
  deepStrictEqual(await answer, { value: "here" });
  throws(() => questions.answered(asked[0]!, "again"), {
    name: "ProtocolError",
  });
  const lost = questions.ask(() => {});
  questions.gone();
  strictEqual(await lost, "gone");
  strictEqual(await questions.ask(() => {}), "gone");
});
