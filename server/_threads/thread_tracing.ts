import type { TraceSettings } from "../../handlers/_tracing.ts";
import { openTelemetry } from "../telemetry/_open_telemetry.ts";

let traceHandlers: ((settings: TraceSettings | undefined) => void) | undefined;

/**
 * Imports what traces handlers, where Deno's OpenTelemetry is on: before the thread is
 * ready, so that its first request can be traced.
 *
 * @throws What keeps it from being imported.
 */
export async function prepareTracing(): Promise<void> {
  if (openTelemetry() === undefined) return;
  ({ traceHandlers } = await import("../telemetry/_handler_tracing.ts"));
}

/**
 * Has the handlers of this thread traced, or no more.
 *
 * @param settings What is told; `undefined` ends it.
 */
export function traceThread(settings: TraceSettings | undefined): void {
  traceHandlers?.(settings);
}
