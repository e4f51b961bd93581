import { checkKeys } from "../../handlers/_known_keys.ts";
import { checkTime, DEFAULT_GRACE_PERIOD } from "./options.ts";
import type { Runner } from "./seam.ts";
import type { RecycleOptions } from "../recyclable.ts";
import type { ServerOptions } from "../server_options.ts";

/**
 * Checks the options of a call, and has a runner do it.
 *
 * @param runner What runs the handlers of the server.
 * @param options The options of the call.
 * @param server Those of the server.
 */
export async function recycle(
  runner: Runner,
  options: RecycleOptions,
  server: ServerOptions,
): Promise<void> {
  checkKeys("option", options, ["gracePeriod"], undefined, "recycle");
  const { gracePeriod = server.gracePeriod ?? DEFAULT_GRACE_PERIOD } = options;
  checkTime("gracePeriod", gracePeriod);
  await runner.recycle!(gracePeriod);
}
