import { POLLIN, POLLOUT, POLLPRI } from "./constants_poll.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { Epoll } from "./epoll.ts";
import { platform } from "./_platform.ts";
import { Poll } from "./poll.ts";
import type { Socket, WaitOptions } from "./socket.ts";

/** What is registered for a descriptor: the socket it was then, and the mask. */
interface Registration {
  readonly socket: Socket;
  readonly mask: number;
}

/**
 * The turns of a loop over dispatchers: asks each what it waits for, waits, and
 * tells those that are ready. Between turns only what changed is registered.
 */
export class Turns implements Disposable {
  readonly #map: Map<number, Dispatcher>;
  readonly #registered = new Map<number, Registration>();
  readonly #epoll: Epoll | undefined;
  readonly #readiness: Epoll | Poll;

  constructor(map: Map<number, Dispatcher>) {
    this.#map = map;
    // Their events have the same bits.
    this.#epoll = platform === "darwin" ? undefined : new Epoll();
    this.#readiness = this.#epoll ?? new Poll();
  }

  async take(timeout: number, options: WaitOptions): Promise<void> {
    this.#register();
    this.#tell(
      this.#readiness instanceof Epoll
        ? await this.#readiness.poll(timeout, -1, options)
        : await this.#readiness.poll(timeout, options),
    );
  }

  takeSync(timeout: number): void {
    this.#register();
    this.#tell(this.#readiness.pollSync(timeout));
  }

  [Symbol.dispose](): void {
    this.#epoll?.[Symbol.dispose]();
  }

  #register(): void {
    for (const [fd, { socket }] of this.#registered) {
      if (this.#map.get(fd)?.socket !== socket) this.#forget(fd);
    }
    for (const [fd, dispatcher] of this.#map) {
      const { socket } = dispatcher;
      if (socket === undefined) continue;
      const mask = maskOf(dispatcher);
      const old = this.#registered.get(fd);
      if (mask === (old?.mask ?? 0)) continue;
      // Registered without events it would report errors for ever.
      if (mask === 0) this.#forget(fd);
      else {
        if (old === undefined) this.#readiness.register(fd, mask);
        else this.#readiness.modify(fd, mask);
        this.#registered.set(fd, { socket, mask });
      }
    }
  }

  #forget(fd: number): void {
    this.#registered.delete(fd);
    try {
      this.#readiness.unregister(fd);
    } catch (error) {
      // What is closed has left the epoll by itself.
      if (
        !(error instanceof Deno.errors.NotFound ||
          error instanceof Deno.errors.BadResource)
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
