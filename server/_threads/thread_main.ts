/**
 * What runs in a thread of `ThreadingMixIn`: handlers, for the requests that
 * come through the ring.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";
import type { TraceSettings } from "../../handlers/_tracing.ts";
import { FarSide } from "../_bridge/far_side.ts";
import {
  type HandlerLocation,
  importHandler,
} from "../_bridge/handler_location.ts";
import { prepareTracing, traceThread } from "./thread_tracing.ts";
import { HeapWatch } from "./heap_watch.ts";
import { noticeEnds } from "./notice_ends.ts";
import type { WorkerStart } from "./owned_worker.ts";
import { refuseMessages } from "./refuse_messages.ts";
import { type Lane, RingCarrier } from "./ring_carrier.ts";
import { SharedThreadState } from "./thread_state.ts";

/** What a thread is told when it starts. */
export interface ThreadStart extends WorkerStart {
  readonly handler: HandlerLocation;
  /** The address of the server. */
  readonly addr: Deno.Addr;
  readonly toThread: Lane;
  readonly fromThread: Lane;
  /** The configuration of its handlers, packed, if there is any. */
  readonly config: ArrayBuffer | undefined;
}

/** What a thread is told later: to have its handlers traced, or no more. */
export interface ThreadCommand {
  readonly settings: TraceSettings | undefined;
}

/** Runs handlers until the thread ends. */
export async function run(start: ThreadStart): Promise<void> {
  const state = new SharedThreadState(start.state);
  // From now on: a module may end the thread while it is imported.
  const die = noticeEnds(state);
  refuseMessages();
  try {
    const Handler = await importHandler(start.handler);
    await prepareTracing();
    const carrier = new RingCarrier(start.fromThread, start.toThread);
    const side = new FarSide(carrier, Handler, start.addr, {
      config: start.config,
      opened: () => heap.arm(),
    });
    const heap = new HeapWatch(() => side.busy, die);
    parentPort!.on(
      "message",
      ({ settings }: ThreadCommand) => traceThread(settings),
    );
    state.ready();
    await carrier.receive(side);
  } catch (error) {
    die(error);
  }
}
