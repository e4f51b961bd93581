/**
 * What runs in a process of `ForkingMixIn`: handlers, for the requests that come
 * through stdin. It ends when stdin does: the process that started it has no more
 * use for it, or is gone.
 *
 * @module
 */

import { type AnyHandlerClass, FarSide } from "../_bridge/far_side.ts";
import { FrameType } from "../_bridge/frames.ts";
import { findHandler } from "../_bridge/handler_location.ts";
import { addPermissionRemedy } from "./permission_remedy.ts";
import { PipeCarrier } from "./pipe_carrier.ts";
import { CHECKED, type ProcessStart } from "./process_start.ts";
import { exit, pipes, start } from "./process_stdio.ts";
import { rehearse } from "./rehearsal.ts";

/** How often V8 runs code before most of it is as fast as it soon gets. */
const REHEARSALS = 3;

/**
 * Runs handlers until stdin ends.
 *
 * @param exported What the module of the handler class exports.
 */
export async function run(
  exported: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { handler, addr, allowShutdown, check } = JSON.parse(
    start,
  ) as ProcessStart;
  let Handler: AnyHandlerClass;
  try {
    Handler = findHandler(exported, handler);
  } catch (error) {
    console.error(String(error));
    return exit(1);
  }
  if (check) return exit(CHECKED);
  for (let times = 0; times < REHEARSALS; times++) await rehearse(addr);
  const carrier = new PipeCarrier(pipes);
  // The other side has waited for this.
  carrier.send(FrameType.Pong, 0);
  await carrier.receive(
    new FarSide(carrier, Handler, addr, {
      explain: addPermissionRemedy,
      allowShutdown,
    }),
  );
  // Timers and listeners of handlers would keep it.
  exit();
}
