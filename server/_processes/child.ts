import {
  type ChildCommand,
  describeEnd,
  describeLateness,
} from "./child_command.ts";
import { LONGEST_DELAY } from "../../handlers/_time_limit.ts";
import { ChildPipes } from "./child_pipes.ts";
import { ForwardedStderr } from "./forwarded_stderr.ts";
import { endRequests, type Loss, printAs } from "../_bridge/remote_pool.ts";
import { ProtocolError } from "../_bridge/frames.ts";
import { NearSide } from "../_bridge/near_side.ts";
import { frameLink } from "../_bridge/place_frames.ts";
import type { MessageHub } from "../_messages/message_hub.ts";
import type { RemotePlace } from "../_messages/remote_place.ts";
import type { ShutdownRequest } from "../_bridge/payloads.ts";
import { PipeCarrier } from "./pipe_carrier.ts";

/**
 * How long the pipes of a process that has ended may stay open, in milliseconds:
 * where it had started others, those have them too.
 */
const PIPES_TIMEOUT = 1_000;

/** How long a process may take, in milliseconds. */
export interface ChildTimeouts {
  /** To import its handler. */
  readonly startTimeout: number;
  /** To end when it has been told to. */
  readonly killTimeout: number;
}

/** Says that a process did not start. */
export class StartError extends Error {
  /** The same in short, where what it wrote has been told. */
  readonly brief: string;

  constructor(why: string, how: string) {
    super(`Cannot start a process: ${why}`);
    this.brief = `Cannot start a process: ${how}, as was told before`;
    Object.defineProperty(this, "brief", { enumerable: false });
  }
}

/** Says where the bytes come from that are no frames. */
function strayOutput(error: Error): Error {
  if (!(error instanceof ProtocolError)) return error;
  const stray = new ProtocolError(
    `${error.message}; its stdout carries frames alone, and something else has written to it: node:fs, a Worker, or a program that inherited it`,
    { cause: error },
  );
  // Its message has all that the cause tells.
  printAs(stray, () => `${stray}`);
  return stray;
}

/** One process that runs handlers. */
export class Child {
  /** Where its requests are opened. */
  readonly side: NearSide;
  /**
   * Resolves to how it ended, when it has been waited for and its pipes are
   * closed.
   */
  readonly gone: Promise<Loss>;
  /** How many requests it has. */
  load = 0;
  /** How many it has been given. */
  taken = 0;
  /** How many of them were aborted just now. */
  checks = 0;
  /** How many of them were aborted and go on regardless. */
  abandoned = 0;
  readonly #process: Deno.ChildProcess;
  readonly #pipes: ChildPipes;
  readonly #carrier: PipeCarrier;
  readonly #place: RemotePlace;
  readonly #stderr: ForwardedStderr;
  readonly #startTimeout: number;
  readonly #killTimeout: number;
  #cause: Error | undefined;
  /** How it ended by itself, without what it wrote. */
  #how: string | undefined;
  #ended = false;
  #killTimer: ReturnType<typeof setTimeout> | undefined;
  #retireTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Starts it.
   *
   * @throws What keeps it from being started.
   */
  constructor(
    command: ChildCommand,
    { startTimeout, killTimeout }: ChildTimeouts,
    shutdown: (options: ShutdownRequest) => void,
    messages: MessageHub,
  ) {
    this.#startTimeout = Math.min(startTimeout, LONGEST_DELAY);
    this.#killTimeout = Math.min(killTimeout, LONGEST_DELAY);
    this.#process = command.spawn();
    this.#pipes = new ChildPipes(this.#process);
    this.#carrier = new PipeCarrier(this.#pipes);
    const link = frameLink(this.#carrier);
    this.#place = messages.join(link);
    // It finds this in its pipe before all else.
    if (messages.packedConfig !== undefined) link.config(messages.packedConfig);
    this.side = new NearSide(
      this.#carrier,
      command.allowShutdown ? shutdown : undefined,
      command.mayResolve,
      this.#place,
    );
    this.#stderr = new ForwardedStderr(this.#process.stderr);
    this.gone = this.#run();
    this.unref();
  }

  /**
   * Waits until it takes requests.
   *
   * @returns A promise that rejects with what kept it from starting.
   */
  async ready(): Promise<void> {
    let started = false;
    const timer = setTimeout(
      () =>
        this.terminate(
          new Deno.errors.TimedOut(describeLateness(this.#startTimeout)),
        ),
      this.#startTimeout,
    );
    const answered = this.side.pong().then(() => started = true);
    await Promise.race([this.gone, answered]);
    clearTimeout(timer);
    if (started && this.alive) {
      this.#place.opened();
      return this.#stderr.release();
    }
    const { cause } = await this.gone;
    throw new StartError(cause.message, this.#how ?? cause.message);
  }

  /** Whether it has neither ended nor been told to. */
  get alive(): boolean {
    return this.#killTimer === undefined && this.#cause === undefined &&
      !this.#ended;
  }

  /** Whether it has not taken much of what it was sent. */
  get congested(): boolean {
    return this.#carrier.congested;
  }

  /** Waits until it has, or is gone. */
  drained(): Promise<void> {
    return this.#carrier.drained();
  }

  /** Lets it keep this process alive. */
  ref(): void {
    try {
      this.#process.ref();
    } catch {
      // It has just ended, which is not known here yet.
    }
  }

  /** Lets this process end while it runs. */
  unref(): void {
    try {
      this.#process.unref();
    } catch {
      // As above.
    }
  }

  /** Has it end by itself, after what it still has to do without waiting. */
  retire(): void {
    if (!this.alive) return;
    this.#killLater();
    this.#pipes.endStdin();
  }

  /**
   * Has it end by itself when what is to be done now is done: its end takes
   * processor time, for which no client need wait.
   */
  retireSoon(): void {
    if (!this.alive) return;
    this.#retireTimer ??= setTimeout(() => this.retire());
  }

  /** Asks it to end, and ends it after the kill timeout. */
  stop(): void {
    this.#killLater();
    this.#kill("SIGTERM");
  }

  /** Ends it now, because of `cause`. */
  terminate(cause: Error): void {
    this.#cause ??= cause;
    this.#kill("SIGKILL");
  }

  #killLater(): void {
    if (this.#ended) return;
    this.ref();
    this.#killTimer ??= setTimeout(
      () => this.#kill("SIGKILL"),
      this.#killTimeout,
    );
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch {
      // It has ended meanwhile.
    }
  }

  async #run(): Promise<Loss> {
    const stderr = this.#stderr;
    const received = this.#carrier.receive(this.side).then(
      // It cannot be heard any more.
      () => this.retire(),
      (error) => this.terminate(strayOutput(error)),
    );
    const status = await this.#process.status;
    this.#ended = true;
    clearTimeout(this.#killTimer);
    clearTimeout(this.#retireTimer);
    // What it had written still counts.
    const timer = setTimeout(() => {
      this.#pipes.cancel();
      stderr.cancel();
    }, PIPES_TIMEOUT);
    await received;
    await stderr.ended;
    clearTimeout(timer);
    this.#carrier.close();
    await this.#pipes.close();
    this.#how = describeEnd(status, "");
    const told = this.#cause !== undefined || stderr.tail.trim() === ""
      ? undefined
      : `${this.#how}; what it wrote to stderr is above`;
    const cause = this.#cause ??= new Error(describeEnd(status, stderr.tail));
    return endRequests("process", this.side, cause, told);
  }
}
