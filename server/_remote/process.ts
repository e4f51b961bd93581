/**
 * What runs in a process of `ForkingMixIn`: handlers, for the requests that come
 * through stdin. It ends when stdin does: the process that started it has no more
 * use for it, or is gone.
 *
 * @module
 */

import { type AnyHandlerClass, FarSide } from "./far_side.ts";
import { type HandlerLocation, importHandler } from "./handler_location.ts";
import { PipeCarrier } from "./pipe_carrier.ts";
import { pipes, start } from "./process_stdio.ts";
import { rehearse } from "./rehearsal.ts";

/** What a process is told when it starts. */
export interface ProcessStart {
  readonly handler: HandlerLocation;
  /** The address of the server. */
  readonly addr: Deno.Addr;
}

/** How often V8 runs code before most of it is as fast as it soon gets. */
const REHEARSALS = 3;

const { handler, addr } = JSON.parse(start) as ProcessStart;
const carrier = new PipeCarrier(pipes);
const Handler = await importOrExit();
for (let times = 0; times < REHEARSALS; times++) await rehearse(addr);
await carrier.receive(new FarSide(carrier, Handler, addr));
// Timers and listeners of handlers would keep it.
Deno.exit();

async function importOrExit(): Promise<AnyHandlerClass> {
  try {
    return await importHandler(handler);
  } catch (error) {
    console.error(String(error));
    return Deno.exit(1);
  }
}
