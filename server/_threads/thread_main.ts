/**
 * What runs in a thread of `ThreadingMixIn`: handlers, for the requests that
 * come through the ring.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";
import { FarSide } from "../_bridge/far_side.ts";
import {
  type HandlerLocation,
  importHandler,
} from "../_bridge/handler_location.ts";
import { HeapWatch } from "./heap_watch.ts";
import { type Lane, RingCarrier } from "./ring_carrier.ts";
import { SharedThreadState } from "./thread_state.ts";

/** What a thread is told when it starts. */
export interface ThreadStart {
  /** The URL of this module. */
  readonly module: string;
  readonly handler: HandlerLocation;
  /** The address of the server. */
  readonly addr: Deno.Addr;
  readonly toThread: Lane;
  readonly fromThread: Lane;
  readonly state: SharedArrayBuffer;
}

/** The parts of a worker's global scope that are used here. */
interface WorkerScope {
  close(): void;
}

const scope = globalThis as unknown as WorkerScope;

/** Runs handlers until the thread ends. */
export async function run(start: ThreadStart): Promise<void> {
  const state = new SharedThreadState(start.state);
  const close = scope.close.bind(scope);
  const die = (error: unknown) => {
    state.end(error);
    close();
  };
  // From now on: a module may end the thread while it is imported.
  noticeEnds(die);
  refuseMessages();
  try {
    const Handler = await importHandler(start.handler);
    const carrier = new RingCarrier(start.fromThread, start.toThread);
    const side = new FarSide(
      carrier,
      Handler,
      start.addr,
      () => heap.arm(),
    );
    const heap = new HeapWatch(() => side.busy, die);
    state.ready();
    await carrier.receive(side);
  } catch (error) {
    die(error);
  }
}

/** Has every way in which code can end this thread told to its owner. */
function noticeEnds(die: (error: unknown) => void): void {
  addEventListener("error", (event) => {
    event.preventDefault();
    die(event.error ?? new Error(event.message));
  });
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    die(event.reason);
  });
  scope.close = () => die(new Error("Its code called self.close()"));
  const exit = Deno.exit;
  Object.defineProperty(Deno, "exit", {
    value: (code = 0) => {
      die(new Error(`Its code called Deno.exit(${code})`));
      exit(code);
    },
  });
}

/**
 * Nobody listens to messages of this thread, and all that it has sent would be
 * taken in one turn of the main thread's event loop.
 */
function refuseMessages(): void {
  const value = () => {
    throw new TypeError(
      "Cannot post a message: nobody listens to the thread of a handler; answer through the connection, or post it to a BroadcastChannel",
    );
  };
  for (const sender of [globalThis, parentPort!]) {
    Object.defineProperty(sender, "postMessage", { value });
  }
}
