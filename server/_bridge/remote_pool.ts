import type { TraceSettings } from "../../handlers/_tracing.ts";
import { inspectBounded } from "../../handlers/_inspect_bounded.ts";
import type { RunnerNumbers } from "../_core/seam.ts";
import { HandlerLostError } from "../handler_lost_error.ts";
import type { NearChannel } from "./near_channel.ts";
import type { NearSide } from "./near_side.ts";

/** The first pause before one that ended at once is replaced, in milliseconds. */
const FIRST_PAUSE = 100;
/** The longest such pause, in milliseconds. */
const LONGEST_PAUSE = 10_000;

/**
 * How long to wait before the next thread or process is started, in
 * milliseconds.
 *
 * @param inVain How many in a row have ended before they did anything.
 */
export function restartPause(inVain: number): number {
  if (inVain === 0) return 0;
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (inVain - 1));
}

/** What became of a thread or a process. */
export interface Loss {
  /** How it ended. */
  readonly cause: Error;
  /** Says that it is gone, if it had no requests that were told. */
  readonly untold: HandlerLostError | undefined;
}

/** Told of errors that no request is told of. */
export type OnError = (error: Error) => void;

/**
 * Says that a thread or a process is gone.
 *
 * @param which Which of them it was.
 * @param cause How it ended.
 * @param printed How that is printed, where some of it has been already.
 */
export function lostError(
  which: string,
  cause: Error,
  printed?: string,
): HandlerLostError {
  const is = `${which} is gone: `;
  const error = new HandlerLostError(is + cause.message, { cause });
  // The cause says where it came from, and has the message that is in this one.
  printAs(error, () => `${error.name}: ${is}${printed ?? inspect(cause)}`);
  return error;
}

/**
 * Ends the requests of a thread or a process that is gone.
 *
 * @param what Which of them it was.
 * @param side Its requests.
 * @param cause How it ended.
 * @param printed How that is printed, where some of it has been already.
 */
export function endRequests(
  what: "thread" | "process",
  side: NearSide,
  cause: Error,
  printed?: string,
): Loss {
  const lost = (which: string) => lostError(which, cause, printed);
  const hadRequests = side.lose(lost(`The ${what} that ran this request`));
  return {
    cause,
    untold: hadRequests ? undefined : lost(`A ${what} that ran no request`),
  };
}

/** A request that a thread or a process has taken. */
export interface Assignment {
  readonly channel: NearChannel;
  /** Aborts it. What runs its handler is ended if it is stuck. */
  abort(reason: unknown): void;
  /** Gives up its place. */
  release(): void;
}

/** Opens a request on the side that takes it. */
export type Opener = (side: NearSide) => NearChannel;

/** A request that waits for a thread or a process. */
export interface Waiting {
  readonly open: Opener;
  readonly assigned: PromiseWithResolvers<Assignment>;
}

/** The threads or processes of a server. */
export interface RemotePool {
  /**
   * Gives a request to one of them.
   *
   * @returns `undefined` if it has to wait for one.
   */
  assign(open: Opener): Assignment | undefined;
  /** Has a request wait for one. */
  wait(open: Opener): Waiting;
  /** Ends the wait of a request that is over. */
  cancel(waiting: Waiting, reason: unknown): void;
  /** What to wait for before more is read from sockets, if anything. */
  drained?(): Promise<void> | undefined;
  /**
   * Has handlers traced where they run, or no more.
   *
   * @returns Whether they can be.
   */
  trace?(settings: TraceSettings | undefined): boolean;
  /** How many requests wait, and who there is to run them. */
  numbers(): RunnerNumbers;
  /** No others come than those that the kernel has let in already. */
  shuttingDown?(): void;
  /**
   * Replaces them all.
   *
   * @param gracePeriod How long requests in the old ones may take, in
   * milliseconds.
   */
  recycle(gracePeriod: number): Promise<void>;
  /** Ends them all. No request is in progress. */
  close(): Promise<void>;
}

/** How an error is printed, without the name that every error has. */
function inspect(error: Error): string {
  return inspectBounded(error).replace(/^Error: /, "");
}

/** Has an error printed as a text, whatever its message and its cause tell. */
export function printAs(error: Error, text: () => string): void {
  Object.defineProperty(error, Symbol.for("Deno.customInspect"), {
    value: text,
  });
}
