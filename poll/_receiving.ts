import { INT_MAX, integer, part } from "./_check.ts";
import { POLLIN, POLLRDHUP } from "./constants_poll.ts";
import {
  AF_INET,
  AF_INET6,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SOCK_STREAM,
} from "./constants_socket.ts";
import { checkReceiveFlags, neverWaits } from "./_flags.ts";
import { type Handle, NOT_YET, type Operation } from "./_handle.ts";
import { checkWaitOptions, type WaitOptions } from "./_options.ts";
import { platform } from "./_platform.ts";
import { isReady } from "./_poll_one.ts";

/** Receiving: what flags ask for beyond one call, and buffers for it. */

export const RECV: Operation = {
  call: "recv",
  action: "receive",
  events: POLLIN,
};

export const RECVFROM: Operation = { ...RECV, call: "recvfrom" };

/** What is received up to this size goes through a buffer that is kept. */
const SCRATCH = 64 * 1024;

let scratch: Uint8Array<ArrayBuffer> | undefined;

/** What is received from. */
export interface Origin {
  readonly family: number;
  readonly type: number;
}

/** One call that puts what comes behind the first `from` bytes. */
type AttemptFrom = (from: number) => number;

/** Receives, and returns to the event loop for as long as the flags want more. */
export async function receive(
  handle: Handle,
  origin: Origin,
  operation: Operation,
  size: number,
  flags: number,
  attempt: AttemptFrom,
  options: WaitOptions | undefined,
): Promise<number> {
  checkReceiveFlags(flags);
  const once = () => attempt(0);
  if (!waitsForAll(origin, flags)) {
    return await handle.call(once, operation, neverWaits(flags), options);
  }
  const signal = checkWaitOptions(options);
  signal?.throwIfAborted();
  const deadline = handle.deadline();
  const peeks = (flags & MSG_PEEK) !== 0;
  let got = 0;
  try {
    do {
      const next = peeks ? peekAll(handle, attempt, size) : () => attempt(got);
      const count = await handle.call(
        next,
        operation,
        false,
        options,
        deadline,
      );
      got += count;
      if (count === 0) break;
    } while (got < size && !peeks);
  } catch (error) {
    if (!signal?.aborted && !deadline.passed) throw error;
    return settle(got, peeks, once, error);
  }
  return got;
}

/** Receives, and blocks for as long as the flags want more. */
export function receiveSync(
  handle: Handle,
  origin: Origin,
  operation: Operation,
  size: number,
  flags: number,
  attempt: AttemptFrom,
): number {
  checkReceiveFlags(flags);
  const once = () => attempt(0);
  if (!waitsForAll(origin, flags)) {
    return handle.callSync(once, operation, neverWaits(flags));
  }
  const deadline = handle.deadlineSync();
  const peeks = (flags & MSG_PEEK) !== 0;
  let got = 0;
  try {
    do {
      const next = peeks ? peekAll(handle, attempt, size) : () => attempt(got);
      const count = handle.callSync(next, operation, false, deadline);
      got += count;
      if (count === 0) break;
    } while (got < size && !peeks);
  } catch (error) {
    if (!deadline.passed) throw error;
    return settle(got, peeks, once, error);
  }
  return got;
}

/** Receives into an array of its own, without blocking. */
export async function receiveBytes(
  handle: Handle,
  origin: Origin,
  operation: Operation,
  size: number,
  flags: number,
  into: (buffer: Uint8Array<ArrayBuffer>, flags: number) => number,
  options: WaitOptions | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  if (flags === 0) {
    const taker = plainTaker(size, into);
    await handle.call(taker.attempt, operation, false, options);
    return taker.bytes!;
  }
  const taken = new Taken(origin, size, flags, into);
  const { attempt } = taken;
  return taken.bytes(
    await receive(handle, origin, operation, size, flags, attempt, options),
  );
}

/** Receives into an array of its own, and blocks. */
export function receiveBytesSync(
  handle: Handle,
  origin: Origin,
  operation: Operation,
  size: number,
  flags: number,
  into: (buffer: Uint8Array<ArrayBuffer>, flags: number) => number,
): Uint8Array<ArrayBuffer> {
  if (flags === 0) {
    const taker = plainTaker(size, into);
    handle.callSync(taker.attempt, operation, false);
    return taker.bytes!;
  }
  const taken = new Taken(origin, size, flags, into);
  const { attempt } = taken;
  return taken.bytes(
    receiveSync(handle, origin, operation, size, flags, attempt),
  );
}

/** Takes bytes without flags, as most calls do: one call is all there is to it. */
function plainTaker(
  size: number,
  into: (buffer: Uint8Array<ArrayBuffer>, flags: number) => number,
) {
  integer(size, "a size", 0, INT_MAX);
  const taker = {
    bytes: undefined as Uint8Array<ArrayBuffer> | undefined,
    attempt: (): number => {
      const buffer = bufferFor(size);
      const room = part(buffer, 0, size) as Uint8Array<ArrayBuffer>;
      const count = into(room, 0);
      if (count >= 0) taker.bytes = copyOf(buffer, count, size);
      return count;
    },
  };
  return taker;
}

/** Bytes that are received with flags, and become an array that is the caller's own. */
class Taken {
  readonly #size: number;
  readonly #flags: number;
  /** TCP drops the bytes, and writes none of those that it counts. */
  readonly #drops: boolean;
  readonly #into: (buffer: Uint8Array<ArrayBuffer>, flags: number) => number;
  /** Where the bytes of several calls come together. */
  readonly #whole: Uint8Array<ArrayBuffer> | undefined;
  #last: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(
    origin: Origin,
    size: number,
    flags: number,
    into: (buffer: Uint8Array<ArrayBuffer>, flags: number) => number,
  ) {
    this.#size = integer(size, "a size", 0, INT_MAX);
    this.#drops = dropsBytes(origin, flags);
    // With MSG_TRUNC the kernel tells how long a datagram was, which with
    // SO_PEEK_OFF even the buffer's size does not bound; without it, how many
    // bytes it wrote. Only these can be returned, so it is not asked for more.
    this.#flags = this.#drops ? flags : flags & ~MSG_TRUNC;
    this.#into = into;
    if (waitsForAll(origin, flags) && (flags & MSG_PEEK) === 0) {
      this.#whole = new Uint8Array(size);
    }
  }

  readonly attempt: AttemptFrom = (from) => {
    const buffer = this.#whole ?? bufferFor(this.#size);
    const room = part(buffer, from, this.#size) as Uint8Array<ArrayBuffer>;
    const count = this.#into(room, this.#flags);
    if (count > 0 && this.#whole === undefined && !this.#drops) {
      this.#last = copyOf(buffer, count, this.#size);
    }
    return count;
  };

  bytes(count: number): Uint8Array<ArrayBuffer> {
    return this.#whole === undefined || this.#drops
      ? this.#last
      : this.#whole.subarray(0, count);
  }
}

/** Whether a call shall return only with all bytes that were asked for. */
export function waitsForAll(origin: Origin, flags: number): boolean {
  // One datagram is all there is to one call, and so is the urgent byte.
  return (flags & MSG_WAITALL) !== 0 && origin.type === SOCK_STREAM &&
    (flags & (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE)) === 0;
}

/**
 * Whether the kernel counts bytes that it does not write: so TCP of Linux does
 * with MSG_TRUNC; tcp(7).
 */
export function dropsBytes(origin: Origin, flags: number): boolean {
  return (flags & MSG_TRUNC) !== 0 && platform === "linux" &&
    origin.type === SOCK_STREAM &&
    (origin.family === AF_INET || origin.family === AF_INET6);
}

/** Looks again, as at a false alarm, until there is enough or no more can come. */
function peekAll(
  handle: Handle,
  attempt: AttemptFrom,
  size: number,
): () => number {
  if (POLLRDHUP === 0) {
    throw new Deno.errors.NotSupported(
      `Cannot receive with MSG_PEEK and MSG_WAITALL: ${Deno.build.os} does not tell when no more can come, peek without MSG_WAITALL`,
    );
  }
  return () => {
    const count = attempt(0);
    return count > 0 && count < size && !isReady(handle.fd, POLLRDHUP)
      ? NOT_YET
      : count;
  };
}

/** Time is up, or the caller's signal came: what there is is not lost. */
function settle(
  got: number,
  peeks: boolean,
  once: () => number,
  error: unknown,
): number {
  const count = peeks ? once() : got;
  if (count > 0) return count;
  throw error;
}

/** A buffer for one synchronous call. */
export function bufferFor(size: number): Uint8Array<ArrayBuffer> {
  if (size > SCRATCH) return new Uint8Array(size);
  return scratch ??= new Uint8Array(SCRATCH);
}

/** What was received, in memory of its own. */
export function copyOf(
  buffer: Uint8Array<ArrayBuffer>,
  count: number,
  size: number,
): Uint8Array<ArrayBuffer> {
  return size > SCRATCH && count > size / 2
    ? buffer.subarray(0, count)
    : buffer.slice(0, count);
}
