import { REPORT } from "../_host.ts";
import { printThrown } from "../_print_thrown.ts";

/** A request, by its handler: whose streams it has left something behind with. */
export interface StreamOwner {
  readonly request: unknown;
  readonly clientAddress: Deno.Addr | null;
  readonly server: object;
}

/** What a server has besides what it says a handler may use. */
interface Reporting {
  /** Tells its `handleError`, and whoever listens to its events. Never rejects. */
  [REPORT]?(
    error: unknown,
    request: unknown,
    clientAddress: Deno.Addr | null,
  ): Promise<void>;
}

/** How deep errors are looked for in others: whoever nests them may do so for ever. */
const MOST_NESTED = 8;

const owners = new WeakMap<object, StreamOwner>();

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
 * @param owner The request.
 */
export function markLeftBehind(error: unknown, owner: StreamOwner): void {
  if (isObject(error)) owners.set(error, owner);
}

function notice(event: PromiseRejectionEvent): void {
  const owner = ownerOf(event.reason, MOST_NESTED);
  if (owner === undefined) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  report(event.reason, owner);
}

/** Whose an error is that is from a stream, or holds one that is. */
function ownerOf(error: unknown, depth: number): StreamOwner | undefined {
  if (!isObject(error) || depth === 0) return undefined;
  const owner = owners.get(error);
  if (owner !== undefined || !(error instanceof Error)) return owner;
  const held = [error.cause];
  if (error instanceof AggregateError) held.push(...error.errors);
  if (error instanceof SuppressedError) {
    held.push(error.error, error.suppressed);
  }
  for (const inner of held) {
    const found = ownerOf(inner, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Tells the server where that is here, and else stderr. */
function report(error: unknown, owner: StreamOwner): void {
  const server = owner.server as Reporting;
  if (server[REPORT] === undefined) {
    return printThrown([
      "Error in what a handler had started and not awaited",
      error,
    ]);
  }
  void server[REPORT](error, owner.request, owner.clientAddress);
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
