import { POLLOUT } from "./constants_poll.ts";
import { AF_UNIX, SO_ERROR, SOL_SOCKET } from "./constants_socket.ts";
import { EAGAIN, EINPROGRESS, EINTR } from "./_errno.ts";
import { type Handle, restAfter } from "./_handle.ts";
import { errno, libc } from "./_libc.ts";
import { isReady, pollOne, sleepSync } from "./_poll_one.ts";
import type { RawAddress } from "./_resolve.ts";
import { sleep } from "./_sleep.ts";
import { readOption } from "./_socket_options.ts";
import type { Deadline } from "./_timeout.ts";

/** connect(2): started at once, and then waited for. */

/** The longest pause between attempts while a backlog is full, in milliseconds. */
const LONGEST_PAUSE = 50;

/** Connects without blocking. */
export async function connectRaw(
  handle: Handle,
  family: number,
  remote: RawAddress,
  action: string,
  deadline: Deadline,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let pause = 1;; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    const number = start(handle, remote);
    if (number === 0) return;
    if (number === EINPROGRESS || number === EINTR) {
      return await connected(handle, action, deadline, signal);
    }
    if (!backlogFull(family, number)) {
      throw handle.error(number, "connect", action);
    }
    if (deadline.passed) throw handle.timedOut(action);
    await sleep(pause, signal);
  }
}

/** Connects, and blocks until it is done. */
export function connectRawSync(
  handle: Handle,
  family: number,
  remote: RawAddress,
  action: string,
): void {
  const deadline = handle.deadlineSync();
  for (let pause = 1;; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    const number = start(handle, remote);
    if (number === 0) return;
    if (handle.timeout === 0) throw handle.error(number, "connect", action);
    if (number === EINPROGRESS || number === EINTR) {
      return connectedSync(handle, action, deadline);
    }
    if (!backlogFull(family, number)) {
      throw handle.error(number, "connect", action);
    }
    if (deadline.passed) throw handle.timedOut(action);
    sleepSync(pause);
  }
}

/** @returns 0 if it is connected, else why not or not yet. */
function start(handle: Handle, remote: RawAddress): number {
  // The kernel reads the address during the call.
  const result = libc().connect(handle.fd, remote, remote.length);
  return result < 0 ? errno() : 0;
}

/** Nothing tells when a Unix socket's backlog has room again; unix(7). */
function backlogFull(family: number, number: number): boolean {
  return number === EAGAIN && family === AF_UNIX;
}

// A connect under way has no error yet: after a false alarm SO_ERROR would
// tell of a connection that is none.

async function connected(
  handle: Handle,
  action: string,
  deadline: Deadline,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let alarms = 0;; alarms++) {
    await handle.wait(POLLOUT, action, deadline, signal);
    if (isReady(handle.open(action), POLLOUT)) break;
    const rest = restAfter(alarms);
    if (rest > 0) await sleep(rest, signal);
  }
  finish(handle, action);
}

function connectedSync(
  handle: Handle,
  action: string,
  deadline: Deadline,
): void {
  for (let alarms = 0;; alarms++) {
    if (
      !pollOne(handle.fd, POLLOUT, deadline) || alarms > 0 && deadline.passed
    ) throw handle.timedOut(action);
    if (isReady(handle.fd, POLLOUT)) break;
    const rest = restAfter(alarms);
    if (rest > 0) sleepSync(rest);
  }
  finish(handle, action);
}

function finish(handle: Handle, action: string): void {
  const number = readOption(handle.open(action), SOL_SOCKET, SO_ERROR, action);
  if (number !== 0) throw handle.error(number, "connect", action);
}
