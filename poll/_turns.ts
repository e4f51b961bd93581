import { fallAsleep, wakeUp } from "./_asleep.ts";
import { POLLIN, POLLNVAL, POLLOUT, POLLPRI } from "./constants_poll.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { Epoll } from "./epoll.ts";
import { platform } from "./_platform.ts";
import { Poll } from "./poll.ts";
import type { Socket } from "./socket.ts";

/** What is registered for a descriptor: the socket it was then, and the mask. */
interface Registration {
  readonly socket: Socket;
  readonly mask: number;
}

/** What ends a wait since something has changed that is waited for. */
const WOKEN = Symbol("woken");

/**
 * The turns of a loop over dispatchers: asks each what it waits for, waits, and
 * tells those that are ready. Between turns only what changed is registered.
 */
export class Turns implements Disposable {
  readonly #map: Map<number, Dispatcher>;
  readonly #registered = new Map<number, Registration>();
  readonly #epoll: Epoll | undefined;
  readonly #readiness: Epoll | Poll;

  /**
   * How long the first of those listeners rests that do, in milliseconds; 0
   * where a handler was called before the wait, and may have changed everything.
   */
  #rest = Infinity;
  readonly #signal: AbortSignal | undefined;
  /** Ends a wait. One of these serves many, as most are not woken. */
  #waking: AbortController | undefined;

  /**
   * @param map The dispatchers.
   * @param signal Ends a wait, which rejects with its reason.
   */
  constructor(map: Map<number, Dispatcher>, signal?: AbortSignal) {
    this.#map = map;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    // Their events have the same bits.
    this.#epoll = platform === "darwin" ? undefined : new Epoll();
    this.#readiness = this.#epoll ?? new Poll();
  }

  /**
   * Takes a turn. One that waits ends, too, when dispatchers come, go or want
   * something else: code that runs meanwhile may do that.
   *
   * @param timeout How long to wait, in milliseconds.
   */
  async take(timeout: number): Promise<void> {
    this.#register();
    this.#tell(await this.#wait(this.#shorten(timeout)));
  }

  async #wait(timeout: number): Promise<[fd: number, events: number][]> {
    this.#signal?.throwIfAborted();
    const { signal } = this.#waking ??= new AbortController();
    fallAsleep(this.#map, this.#wake);
    try {
      return this.#readiness instanceof Epoll
        ? await this.#readiness.poll(timeout, this.#all, { signal })
        : await this.#readiness.poll(timeout, { signal });
    } catch (error) {
      if (error !== WOKEN) throw error;
      return [];
    } finally {
      wakeUp(this.#map, this.#wake);
    }
  }

  readonly #wake = (): void => {
    this.#waking?.abort(WOKEN);
    this.#waking = undefined;
  };

  readonly #abort = (): void => this.#waking?.abort(this.#signal!.reason);

  takeSync(timeout: number): void {
    this.#register();
    timeout = this.#shorten(timeout);
    this.#tell(
      this.#readiness instanceof Epoll
        ? this.#readiness.pollSync(timeout, this.#all)
        : this.#readiness.pollSync(timeout),
    );
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#epoll?.[Symbol.dispose]();
  }

  /** How many events to take at once: whoever is ready has its turn. */
  get #all(): number {
    return this.#registered.size > 1024 ? this.#registered.size : -1;
  }

  /** A turn ends when a listener that rests accepts again. */
  #shorten(timeout: number): number {
    return timeout < 0 && this.#rest < Infinity
      ? this.#rest
      : Math.min(timeout, this.#rest);
  }

  #register(): void {
    this.#rest = Infinity;
    for (const [fd, { socket }] of this.#registered) {
      if (socket.closed || this.#map.get(fd)?.socket !== socket) {
        this.#forget(fd);
      }
    }
    for (const [fd, dispatcher] of [...this.#map]) {
      const { socket } = dispatcher;
      // Another's `readable` or `handleError` may have taken it out.
      if (socket === undefined || this.#map.get(fd) !== dispatcher) continue;
      if (socket.closed) this.#end(fd, dispatcher);
      else this.#update(fd, dispatcher, socket);
    }
  }

  #update(fd: number, dispatcher: Dispatcher, socket: Socket): void {
    const rest = dispatcher.restsFor();
    if (rest > 0) this.#rest = Math.min(this.#rest, rest);
    const old = this.#registered.get(fd);
    let mask;
    try {
      mask = rest > 0 ? 0 : maskOf(dispatcher);
      // What it was asked may have closed it, or dialled anew.
      if (dispatcher.socket !== socket || socket.closed) return this.#again(fd);
      if (mask === (old?.mask ?? 0)) return;
      // Registered without events it would report errors for ever.
      if (mask === 0) return this.#forget(fd);
      if (old === undefined) this.#readiness.register(fd, mask);
      else this.#readiness.modify(fd, mask);
    } catch (error) {
      // It is this one's failure: the others go on.
      this.#again(fd);
      dispatcher.handleError(error);
      return;
    }
    this.#registered.set(fd, { socket, mask });
  }

  /** It is looked at anew in the next turn, which comes at once. */
  #again(fd: number): void {
    this.#forget(fd);
    this.#rest = 0;
  }

  /** Its socket was closed, and not with the dispatcher: it tells no more. */
  #end(fd: number, dispatcher: Dispatcher): void {
    this.#again(fd);
    dispatcher.handleEvents(POLLNVAL);
    if (this.#map.get(fd) === dispatcher) this.#map.delete(fd);
  }

  #forget(fd: number): void {
    this.#registered.delete(fd);
    try {
      this.#readiness.unregister(fd);
    } catch (error) {
      // What is closed has left the epoll by itself; its number may be another's
      // by now, and EPERM if that is a file (epoll_ctl(2)).
      if (
        !(error instanceof Deno.errors.NotFound ||
          error instanceof Deno.errors.BadResource ||
          error instanceof Deno.errors.PermissionDenied)
      ) throw error;
    }
  }

  #tell(ready: [fd: number, events: number][]): void {
    for (const [fd, events] of ready) {
      const dispatcher = this.#map.get(fd);
      // One told before may have closed this one, and another got its number.
      if (
        dispatcher !== undefined &&
        dispatcher.socket === this.#registered.get(fd)?.socket
      ) dispatcher.handleEvents(events);
    }
  }
}

function maskOf(dispatcher: Dispatcher): number {
  let mask = 0;
  if (dispatcher.readable()) mask |= POLLIN | POLLPRI;
  if (!dispatcher.accepting && dispatcher.writable()) mask |= POLLOUT;
  return mask;
}
