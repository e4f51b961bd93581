import type { SpanContext } from "./_open_telemetry.ts";

/** Version, trace, parent, flags; what follows is a later version's. */
const TRACE_PARENT =
  /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);

/**
 * The parent that a client names for its request (W3C Trace Context, section 3.2).
 * Deno's own reader would print a line for each `baggage` that it cannot read.
 *
 * @param rawHeaders Names and values in turn.
 * @returns `undefined` if there is none, more than one, or one that is not valid.
 */
export function traceParent(
  rawHeaders: readonly string[],
): SpanContext | undefined {
  let text: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length !== 11 || name.toLowerCase() !== "traceparent") continue;
    if (text !== undefined) return undefined;
    text = rawHeaders[i + 1]!;
  }
  const [, version, traceId, spanId, flags, more] =
    TRACE_PARENT.exec(text ?? "") ?? [];
  if (
    version === undefined || version === "ff" || traceId === NO_TRACE ||
    spanId === NO_SPAN || version === "00" && more !== undefined
  ) return undefined;
  return {
    traceId: traceId!,
    spanId: spanId!,
    traceFlags: parseInt(flags!, 16),
    isRemote: true,
  };
}
