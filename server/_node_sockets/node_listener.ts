import type { StreamListener } from "../stream_server.ts";
import type { Accepted } from "./accepted.ts";
import type { Handle } from "./handles.ts";
import { systemError } from "./system_error.ts";

/**
 * How often it is looked for connections where none has come, in milliseconds. A
 * handle that has found no descriptor free tells nobody, and looks no more.
 */
const LOOK_AGAIN = 250;
/** How many may wait in the kernel where it is not said; Deno's default. */
const DEFAULT_BACKLOG = 511;

interface Waiting<Connection> {
  resolve(connection: Connection): void;
  reject(error: unknown): void;
}

/** Listens through a handle of `node:net`. It accepts only who is asked for. */
export class NodeListener<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
> implements StreamListener<Connection, Address> {
  readonly addr: Address;
  readonly #handle: Handle;
  readonly #accepted: Accepted<Connection, Address>;
  readonly #backlog: number;
  readonly #waiting: Waiting<Connection>[] = [];
  /** The handle that the next connection gets. */
  #next: Handle | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  /**
   * Begins to listen.
   *
   * @param handle A handle that is bound.
   * @param addr The address it is bound to.
   * @param accepted Makes its connections.
   * @param backlog How many may wait in the kernel.
   * @throws What `listen` fails with; then the handle is closed.
   */
  constructor(
    handle: Handle,
    addr: Address,
    accepted: Accepted<Connection, Address>,
    backlog: number = DEFAULT_BACKLOG,
  ) {
    this.addr = addr;
    this.#handle = handle;
    this.#accepted = accepted;
    this.#backlog = backlog;
    handle.onconnection = () => this.#acceptWaiting();
    const status = handle.listen(backlog);
    if (status === 0) return;
    handle.close();
    throw systemError(status);
  }

  accept(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closedError());
      const connection = this.#take();
      if (connection !== undefined) return resolve(connection);
      this.#waiting.push({ resolve, reject });
      this.#timer ??= this.#lookAgain();
      // It has not looked while there were connections that nobody took.
      this.#look();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#handle.close();
    this.#next?.close();
    for (const { reject } of this.#waiting.splice(0)) reject(closedError());
  }

  ref(): void {
    this.#handle.ref();
  }

  unref(): void {
    this.#handle.unref();
  }

  #acceptWaiting(): void {
    while (this.#waiting.length > 0) {
      try {
        const connection = this.#take();
        if (connection === undefined) return;
        this.#waiting.shift()!.resolve(connection);
      } catch (error) {
        this.#waiting.shift()!.reject(error);
      }
    }
  }

  /** Takes a connection that is there. */
  #take(): Connection | undefined {
    const client = this.#next ??= this.#accepted.make();
    if (this.#handle.accept(client) !== 0) return undefined;
    this.#next = undefined;
    return this.#accepted.connect(client, this.addr);
  }

  #lookAgain(): ReturnType<typeof setInterval> {
    const timer = setInterval(() => this.#look(), LOOK_AGAIN);
    Deno.unrefTimer(timer);
    return timer;
  }

  #look(): void {
    if (this.#waiting.length > 0) this.#handle.listen(this.#backlog);
  }
}

function closedError(): Error {
  return new Deno.errors.BadResource("Cannot accept: the listener is closed");
}
