// Handlers that damage the thread they run in, and what it shares with the
// server.

import { parentPort, workerData } from "node:worker_threads";
import { StreamRequestHandler } from "../../../handlers/mod.ts";
import { below, random } from "../../fuzz/_fuzzing.ts";
import { loopForEver } from "./_loop_for_ever.ts";
import { FrameType } from "../../../server/_bridge/frames.ts";
import {
  allocateLane,
  RingCarrier,
} from "../../../server/_threads/ring_carrier.ts";
import type { ThreadStart } from "../../../server/_threads/thread_main.ts";

const never = () => new Promise<never>(() => {});

const start = workerData as ThreadStart;

/** Where the memory holds the words that both sides use. */
const STATE = 0;
const ERROR_SIZE = 1;
const TAIL = 0;
const HEAD = 16;
const SLEEPS = [1, 17];

function words(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory);
}

function notifyAll(): void {
  for (const lane of [start.toThread, start.fromThread]) {
    for (const at of SLEEPS) {
      words(lane.ring)[at] = 0;
      Atomics.notify(words(lane.ring), at);
    }
  }
  Atomics.notify(words(start.state), STATE);
}

/** All memory that a handler can reach. */
function memories(): SharedArrayBuffer[] {
  const { toThread, fromThread, state } = start;
  return [toThread, fromThread].flatMap(({ ring, slots }) => [ring, slots])
    .concat(state);
}

/** Writes random words over everything, most often over what steers. */
function scribble(seed: number): void {
  const next = random(seed);
  const all = memories().map(words);
  const some = all.slice(below(next, all.length));
  for (let i = below(next, 3_000); i >= 0; i--) {
    const target = some[below(next, some.length)]!;
    const at = below(next, next() < 0.5 ? 32 : target.length);
    const values = [next() * 2 ** 32, below(next, 64), -1, 0, target[at]! + 8];
    target[at] = values[below(next, values.length)]!;
    if (next() < 0.05) Atomics.notify(target, at);
  }
  notifyAll();
}

/** Sends a frame that no handler sends, as the far side would. */
function forge(type: FrameType, channel: number, payload: Uint8Array): void {
  // It begins where the thread's own carrier has come to.
  new RingCarrier(start.fromThread, allocateLane())
    .send(type, channel, payload);
}

const number = (value: number) =>
  new Uint8Array(new Uint32Array([value]).buffer);

declare function postMessage(message: unknown): void;

/** What a handler does, by what the first line says. */
const orders: Readonly<Record<string, (handler: Hostile) => unknown>> = {
  "thread": ({ wfile }) => wfile.write("fine"),
  "throw messages at the main thread": () => {
    for (;;) postMessage("a message");
  },
  "throw messages at the main thread, as Node does": () => {
    for (;;) parentPort!.postMessage("a message");
  },
  "replace subarray, and throw": () => {
    Uint8Array.prototype.subarray = () => new Uint8Array(3);
    throw new Error("x".repeat(100));
  },
  "replace subarray, and write": ({ wfile }) => {
    Uint8Array.prototype.subarray = () => {
      throw new Error("no subarray");
    };
    return wfile.write("hello");
  },
  "replace set, and write": ({ wfile }) => {
    Uint8Array.prototype.set = () => {};
    return wfile.write("hello");
  },
  "replace Atomics, and write": ({ wfile }) => {
    Atomics.store = ((_, __, value: number) => value) as typeof Atomics.store;
    Atomics.notify = () => 0;
    return wfile.write("hello");
  },
  "replace JSON, and throw": () => {
    JSON.stringify = () => "[".repeat(10);
    throw new Error("unreadable");
  },
  "write over the state": () => {
    words(start.state).fill(-7);
    notifyAll();
    return never();
  },
  "end with an error that is none": () => {
    const state = words(start.state);
    new Uint8Array(start.state).fill(0x7b);
    state[ERROR_SIZE] = 50;
    state[STATE] = 2;
    notifyAll();
    return never();
  },
  "end with an error of a negative size": () => {
    words(start.state)[ERROR_SIZE] = -1;
    words(start.state)[STATE] = 2;
    notifyAll();
    return never();
  },
  "end with an error past the memory": () => {
    words(start.state)[ERROR_SIZE] = 2 ** 31 - 1;
    words(start.state)[STATE] = 2;
    notifyAll();
    return never();
  },
  "end in an unknown state": () => {
    words(start.state)[STATE] = 77;
    notifyAll();
    return never();
  },
  "say that more was sent than fits": () => {
    words(start.fromThread.ring)[TAIL]! += 2 ** 30;
    notifyAll();
    return never();
  },
  "take back what was sent": () => {
    words(start.fromThread.ring)[TAIL]! -= 1;
    notifyAll();
    return never();
  },
  "say that more was taken than was sent": async ({ wfile }) => {
    await wfile.write("more");
    // The next that is sent to this thread finds no room.
    words(start.toThread.ring)[HEAD]! += 2 ** 29;
    notifyAll();
    loopForEver();
  },
  "free all slots, and more": () => {
    words(start.fromThread.slots)[0] = -1;
    words(start.toThread.slots)[0] = -1;
    forge(FrameType.Lent, 1, number(31 | 8 << 8));
    return never();
  },
  "send a slot of no bytes": () => {
    forge(FrameType.Lent, 1, number(0));
    return never();
  },
  "send a frame of an unknown type": () => {
    forge(99 as FrameType, 1, number(0));
    return never();
  },
  "send a frame that only comes": () => {
    forge(FrameType.Open, 1, number(0));
    return never();
  },
  "send for a request that there is not": () => {
    forge(FrameType.Done, 4_000_000_000, number(0));
    return never();
  },
  "give too much credit": () => {
    forge(FrameType.Credit, 1, number(2 ** 32 - 1));
    return never();
  },
  "give credit of three bytes": () => {
    forge(FrameType.Credit, 1, new Uint8Array(3));
    return never();
  },
  "send an option that is no object": () => {
    forge(FrameType.SetOption, 1, new TextEncoder().encode("1"));
    return never();
  },
  "throw what is no error": () => {
    forge(FrameType.Error, 1, new TextEncoder().encode('{"error":[]}'));
    return never();
  },
  "end twice": () => {
    forge(FrameType.End, 1, new Uint8Array());
    forge(FrameType.End, 1, new Uint8Array());
    return never();
  },
  "ask for a shutdown with a grace period that is none": () => {
    forge(
      FrameType.Shutdown,
      1,
      new TextEncoder().encode('{"gracePeriod":"soon"}'),
    );
    return never();
  },
  "throw nothing, uncaught": () => {
    Event.prototype.preventDefault = () => {};
    setTimeout(() => {
      throw undefined;
    });
    return never();
  },
};

/** Does what the first line says. */
export class Hostile extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const line = await this.rfile.readLine();
    if (line === null) return;
    const seed = /^scribble (\d+)$/.exec(line)?.[1];
    if (seed !== undefined) return scribble(Number(seed));
    await orders[line]!(this);
  }
}

/** The names of what it does, for the tests. */
export const HOSTILE_ORDERS: readonly string[] = Object.keys(orders)
  .filter((name) => name !== "thread");
