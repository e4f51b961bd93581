/** Told of an error that ended work which nobody waited for. */
export type LeftBehindReport = (error: unknown) => void;

/** How deep errors are looked for in others: whoever nests them may do so for ever. */
const MOST_NESTED = 8;

const reports = new WeakMap<object, LeftBehindReport>();

// Listeners are called in the order in which they were added, whatever phase they
// ask for. This one comes first, with the module: those of a thread, or of the
// program's own, may end what runs there.
globalThis.addEventListener("unhandledrejection", notice);

/**
 * Says that an error comes from a stream of a request. If a handler starts
 * something and does not await it, the promise of that is what rejects with the
 * error: an unhandled rejection, which would end the process, or the thread, and
 * all other requests with it, and a client can bring it about. It is reported
 * instead. Whoever does await learns of it as of any error.
 *
 * @param error What a read or a write rejects with.
 * @param report Told if nobody handles it.
 */
export function markLeftBehind(error: unknown, report: LeftBehindReport): void {
  if (isObject(error)) reports.set(error, report);
}

function notice(event: PromiseRejectionEvent): void {
  const report = reportFor(event.reason, MOST_NESTED);
  if (report === undefined) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  report(event.reason);
}

/** Whom to tell of an error that is from a stream, or holds one that is. */
function reportFor(
  error: unknown,
  depth: number,
): LeftBehindReport | undefined {
  if (!isObject(error) || depth === 0) return undefined;
  const report = reports.get(error);
  if (report !== undefined || !(error instanceof Error)) return report;
  const held = [error.cause];
  if (error instanceof AggregateError) held.push(...error.errors);
  if (error instanceof SuppressedError) {
    held.push(error.error, error.suppressed);
  }
  for (const inner of held) {
    const found = reportFor(inner, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/**
 * What reads and writes of a request that is over reject with.
 *
 * @param what What cannot be done.
 */
export function requestOverError(what: string): Error {
  return new Deno.errors.BadResource(
    `Cannot ${what}: the request is finished; did handle() await all that it started?`,
  );
}
