import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ServerEndEvent, ServerStartEvent } from "../../mod.ts";
import type { WatchedServer } from "./watched_server.ts";

/** How soon a browser that has lost its server asks again, in milliseconds. */
const RETRY = 1_000;

const encoder = new TextEncoder();

/**
 * Tells everybody who watches, as server-sent events, how the servers are. While
 * nobody watches it costs nothing: it neither asks nor listens.
 */
export class Feed {
  readonly #servers: readonly WatchedServer[];
  readonly #interval: number;
  readonly #watchers = new Set<ReadableStreamDefaultController<Uint8Array>>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #sampling = false;
  /** What was told last, for whoever comes before the next. */
  #last: Uint8Array | undefined;

  /** @param interval How often those who watch are told, in milliseconds. */
  constructor(servers: readonly WatchedServer[], interval = 500) {
    this.#servers = servers;
    this.#interval = interval;
  }

  /** A response that goes on until the client goes, or the signal is aborted. */
  open(signal: AbortSignal): Response {
    let watcher: ReadableStreamDefaultController<Uint8Array> | undefined;
    const end = () => {
      // Where the client has gone, the stream is closed already.
      if (watcher !== undefined && this.#remove(watcher)) watcher.close();
    };
    const events = new ReadableStream<Uint8Array>({
      start: (controller) => {
        watcher = controller;
        controller.enqueue(encoder.encode(`retry: ${RETRY}\n\n`));
        this.#add(controller);
        if (signal.aborted) end();
        else signal.addEventListener("abort", end, { once: true });
      },
      cancel: () => {
        signal.removeEventListener("abort", end);
        if (watcher !== undefined) this.#remove(watcher);
      },
    }, { highWaterMark: 2 });
    return new Response(events, {
      headers: {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
      },
    });
  }

  #add(watcher: ReadableStreamDefaultController<Uint8Array>): void {
    this.#watchers.add(watcher);
    if (this.#timer === undefined) {
      for (const server of this.#servers) server.reset();
      subscribe("socketserver:start", this.#onStart);
      subscribe("socketserver:end", this.#onEnd);
      this.#timer = setInterval(() => this.#tell(), this.#interval);
      this.#tell();
    } else if (this.#last !== undefined) watcher.enqueue(this.#last);
  }

  #remove(watcher: ReadableStreamDefaultController<Uint8Array>): boolean {
    const removed = this.#watchers.delete(watcher);
    if (removed && this.#watchers.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#last = undefined;
      unsubscribe("socketserver:start", this.#onStart);
      unsubscribe("socketserver:end", this.#onEnd);
    }
    return removed;
  }

  async #tell(): Promise<void> {
    // Threads that are busy may take longer to answer than the interval.
    if (this.#sampling) return;
    this.#sampling = true;
    try {
      const servers = await Promise.all(
        this.#servers.map((server) => server.sample()),
      );
      const data = JSON.stringify({ time: Date.now(), servers });
      const event = encoder.encode(`data: ${data}\n\n`);
      this.#last = event;
      for (const watcher of this.#watchers) {
        // One that does not take what it was told is told less.
        if ((watcher.desiredSize ?? 0) > 0) watcher.enqueue(event);
      }
    } finally {
      this.#sampling = false;
    }
  }

  readonly #onStart = (message: unknown) => {
    const event = message as ServerStartEvent;
    this.#of(event.server)?.started(event);
  };

  readonly #onEnd = (message: unknown) => {
    const event = message as ServerEndEvent;
    this.#of(event.server)?.ended(event);
  };

  #of(server: unknown): WatchedServer | undefined {
    return this.#servers.find((watched) => watched.server === server);
  }
}
