import type { StreamListener } from "../stream_server.ts";
import type { Accepted } from "./accepted.ts";
import type { Handle } from "./handles.ts";
import { DESCRIPTOR, HANDED_OVER, type Inheritable } from "./handover.ts";
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
> implements StreamListener<Connection, Address>, Inheritable {
  readonly addr: Address;
  readonly #handle: Handle;
  readonly #accepted: Accepted<Connection, Address>;
  readonly #backlog: number;
  readonly #waiting: Waiting<Connection>[] = [];
  /** The handle that the next connection gets. */
  #next: Handle | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Those who were taken out of the kernel's queue when it was handed over. */
  readonly #taken: Connection[] = [];
  #handedOver = false;
  #closed = false;
  readonly #onServing: (() => void) | undefined;
  #serving = false;

  /**
   * Begins to listen.
   *
   * @param handle A handle that is bound.
   * @param addr The address it is bound to.
   * @param accepted Makes its connections.
   * @param backlog How many may wait in the kernel.
   * @param onServing Called once, when somebody accepts.
   * @throws What `listen` fails with; then the handle is closed.
   */
  constructor(
    handle: Handle,
    addr: Address,
    accepted: Accepted<Connection, Address>,
    backlog: number = DEFAULT_BACKLOG,
    onServing?: () => void,
  ) {
    this.addr = addr;
    this.#handle = handle;
    this.#accepted = accepted;
    this.#backlog = backlog;
    this.#onServing = onServing;
    handle.onconnection = () => this.#acceptWaiting();
    const status = handle.listen(backlog);
    if (status === 0) return;
    handle.close();
    throw systemError(status);
  }

  accept(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closedError());
      if (!this.#serving) {
        this.#serving = true;
        this.#onServing?.();
      }
      const connection = this.#handedOver ? this.#taken.shift() : this.#take();
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
    this.#stopListening();
    for (const connection of this.#taken.splice(0)) connection.close();
    for (const { reject } of this.#waiting.splice(0)) reject(closedError());
  }

  [DESCRIPTOR](): number {
    return this.#handle.fdForIpc();
  }

  [HANDED_OVER](): void {
    if (this.#handedOver || this.#closed) return;
    // All in one go: what comes between is the successor's.
    for (let each; (each = this.#take()) !== undefined;) this.#taken.push(each);
    this.#handedOver = true;
    this.#stopListening();
  }

  #stopListening(): void {
    clearInterval(this.#timer);
    if (!this.#handedOver || !this.#closed) this.#handle.close();
    this.#next?.close();
    this.#next = undefined;
  }

  ref(): void {
    if (!this.#handedOver) this.#handle.ref();
  }

  unref(): void {
    if (!this.#handedOver) this.#handle.unref();
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
    if (this.#waiting.length > 0 && !this.#handedOver) {
      this.#handle.listen(this.#backlog);
    }
  }
}

function closedError(): Error {
  return new Deno.errors.BadResource("Cannot accept: the listener is closed");
}
