import type { TraceSettings } from "../../handlers/_tracing.ts";
import { toError } from "../_bridge/errors.ts";
import { endRequests, type Loss } from "../_bridge/remote_pool.ts";
import { NearSide } from "../_bridge/near_side.ts";
import { frameLink } from "../_bridge/place_frames.ts";
import type { MessageHub } from "../_messages/message_hub.ts";
import type { RemotePlace } from "../_messages/remote_place.ts";
import { allocateLane, RingCarrier } from "./ring_carrier.ts";
import type { HandlerLocation } from "../_bridge/handler_location.ts";
import type { ShutdownRequest } from "../_bridge/payloads.ts";
import { OwnedWorker } from "./owned_worker.ts";
import type { ThreadCommand, ThreadStart } from "./thread_main.ts";

/** The module that a thread runs. */
const THREAD_URL = new URL("./thread_main.ts", import.meta.url).href;

/**
 * Never called: Deno downloads with a program what its modules name in an `import()`.
 * So threads start without a network where this module comes from a registry.
 */
export const downloaded = () => import("./thread_main.ts");

/** A thread that runs the handlers of requests whose sockets stay here. */
export class Thread {
  /** Where its requests are opened. */
  readonly side: NearSide;
  /** Resolves when it is gone, whatever the reason. */
  readonly gone: Promise<Loss>;
  readonly #worker: OwnedWorker;
  readonly #carrier: RingCarrier;
  readonly #place: RemotePlace;
  #load = 0;
  /** How many requests it has been given, since it was last counted anew. */
  taken = 0;
  /** After how many requests it is replaced. */
  readonly requests: number;

  /**
   * @param handler What it runs.
   * @param addr What `server.addr` says there.
   * @param requests After how many requests it is replaced.
   * @param shutdown Shuts the server down.
   * @param messages What it takes part in.
   */
  constructor(
    handler: HandlerLocation,
    addr: Deno.Addr,
    requests: number,
    shutdown: (options: ShutdownRequest) => void,
    messages: MessageHub,
  ) {
    this.requests = requests;
    const toThread = allocateLane();
    const fromThread = allocateLane();
    const { promise, resolve } = Promise.withResolvers<Loss>();
    this.gone = promise;
    this.#carrier = new RingCarrier(toThread, fromThread, true);
    this.#place = messages.join(frameLink(this.#carrier));
    this.side = new NearSide(this.#carrier, shutdown, undefined, this.#place);
    this.#worker = new OwnedWorker(
      handler,
      (state): ThreadStart => ({
        module: THREAD_URL,
        ...{ handler, addr, toThread, fromThread, state },
        config: messages.packedConfig?.buffer,
      }),
      (cause) => {
        this.#carrier.close();
        resolve(endRequests("thread", this.side, cause));
      },
    );
  }

  /** How many requests it has, as its pool counts them. */
  get load(): number {
    return this.#load;
  }

  /** Whether its ring is full: it has not taken what it was sent. */
  get congested(): boolean {
    return this.#carrier.congested;
  }

  /** Waits until its ring is not full any more, or it is gone. */
  drained(): Promise<void> {
    return this.#carrier.drained();
  }

  /** Counts one request more. While there is any, the process does not end. */
  take(): void {
    this.taken++;
    if (this.#load++ === 0) this.#worker.ref();
  }

  /** Counts one request less. */
  release(): void {
    if (--this.#load === 0) this.#worker.unref();
  }

  /**
   * Waits until it is ready, and blocks this thread meanwhile.
   *
   * @throws What kept it from starting.
   */
  readySync(): void {
    this.#worker.readySync();
    this.#receive();
  }

  /**
   * Waits until it is ready.
   *
   * @returns A promise that rejects with what kept it from starting.
   */
  async ready(): Promise<void> {
    await this.#worker.ready();
    this.#receive();
  }

  /** Has its handlers traced, or no more. */
  trace(settings: TraceSettings | undefined): void {
    this.#worker.post({ settings } satisfies ThreadCommand);
  }

  /** Ends it now, and all its requests with `cause`. */
  terminate(cause: Error): void {
    this.#worker.terminate(cause);
  }

  #receive(): void {
    this.#place.opened();
    this.#carrier.receive(this.side).catch((error: unknown) =>
      this.terminate(toError(error))
    );
  }
}
