import { EAGAIN, EINTR } from "./_errno.ts";
import { closedError, systemError, timedOut } from "./_errors.ts";
import { turn } from "./_fairness.ts";
import { errno } from "./_libc.ts";
import { checkWaitOptions, type WaitOptions } from "./_options.ts";
import { pollOne, sleepSync } from "./_poll_one.ts";
import { sleep } from "./_sleep.ts";
import { Deadline } from "./_timeout.ts";
import { waitForAny } from "./_waiter.ts";

/** What an attempt returns that shall be repeated, as if the kernel had said EAGAIN. */
export const NOT_YET = -2;

/** False alarms in a row that are met without a rest. */
const PATIENCE = 10;

/** The longest rest between false alarms, in milliseconds. */
const LONGEST_REST = 20;

/** A system call that may wait. */
export interface Operation {
  /** Its name, as `"recv"`. */
  readonly call: string;
  /** What it is for, in an error's message. */
  readonly action: string;
  /** What to wait for, as `POLLIN`. */
  readonly events: number;
}

/** One try of an operation: its result, -1 where errno tells why not, or {@linkcode NOT_YET}. */
export type Attempt = () => number;

/** A socket's descriptor and timeout, and how calls on it wait. */
export class Handle {
  /** -1 once it is closed, which the kernel refuses. */
  fd = -1;
  /** In milliseconds; -1 for none, 0 for a socket that does not block. */
  timeout = -1;

  /** The descriptor, if it is open. */
  open(action: string): number {
    if (this.fd < 0) throw closedError(action, "the socket");
    return this.fd;
  }

  /** A deadline for a promised call: a socket that does not block has none. */
  deadline(): Deadline {
    return new Deadline(this.timeout === 0 ? -1 : this.timeout);
  }

  /** A deadline for a call that blocks. */
  deadlineSync(): Deadline {
    return new Deadline(this.timeout);
  }

  error(number: number, call: string, action: string): Error {
    return this.fd < 0
      ? closedError(action, "the socket")
      : systemError(number, call, action);
  }

  timedOut(action: string): Error {
    return timedOut(action, this.timeout);
  }

  /**
   * Tries, and returns to the event loop until it may succeed.
   *
   * @param once Fails where it would wait, as `MSG_DONTWAIT` asks.
   */
  async call(
    attempt: Attempt,
    operation: Operation,
    once: boolean,
    options: WaitOptions | undefined,
    deadline?: Deadline,
  ): Promise<number> {
    const signal = checkWaitOptions(options);
    signal?.throwIfAborted();
    const pause = turn();
    if (pause !== undefined) await pause;
    const { call, action, events } = operation;
    for (let alarms = 0;; alarms++) {
      const result = attempt();
      if (result >= 0) return result;
      const number = result === NOT_YET ? EAGAIN : errno();
      if (number === EINTR) continue;
      if (number !== EAGAIN || once) throw this.error(number, call, action);
      deadline ??= this.deadline();
      await this.wait(events, action, deadline, signal);
      const rest = restAfter(alarms);
      if (rest > 0) await sleep(rest, signal);
    }
  }

  /** Waits until it may be ready. */
  async wait(
    events: number,
    action: string,
    deadline: Deadline,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const outcome = await waitForAny([{ fd: this.fd, events }], {
      timeout: deadline.left,
      signal,
    });
    if (outcome === "closed") throw closedError(action, "the socket");
    if (outcome === "timeout" && deadline.passed) throw this.timedOut(action);
  }

  /** Tries, and blocks until it may succeed. */
  callSync(
    attempt: Attempt,
    operation: Operation,
    once: boolean,
    deadline?: Deadline,
  ): number {
    const result = attempt();
    if (result >= 0) return result;
    const failure = result === NOT_YET ? EAGAIN : errno();
    return this.againSync(attempt, operation, once, failure, deadline);
  }

  /** An attempt has failed: tries again, or blocks until it may succeed. */
  againSync(
    attempt: Attempt,
    { call, action, events }: Operation,
    once: boolean,
    failure: number,
    deadline: Deadline = this.deadlineSync(),
  ): number {
    let number = failure;
    for (let alarms = 0;; alarms++) {
      if (
        number !== EINTR &&
        (number !== EAGAIN || once || this.timeout === 0)
      ) throw this.error(number, call, action);
      if (
        number === EAGAIN &&
        (!pollOne(this.fd, events, deadline) || alarms > 0 && deadline.passed)
      ) throw this.timedOut(action);
      const rest = restAfter(alarms);
      if (rest > 0) sleepSync(rest);
      const result = attempt();
      if (result >= 0) return result;
      number = result === NOT_YET ? EAGAIN : errno();
    }
  }
}

/**
 * A socket can be ready and the call wait nonetheless: a Unix datagram whose
 * receiver is full, an error queue that is empty, another reader who was
 * faster. After some false alarms in a row it rests between them.
 *
 * @returns How long, in milliseconds; 0 for not at all.
 */
export function restAfter(alarms: number): number {
  return alarms < PATIENCE ? 0 : Math.min(alarms - PATIENCE + 1, LONGEST_REST);
}
