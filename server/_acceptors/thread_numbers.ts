import { ANSWER_TIMEOUT } from "../_bridge/liveness.ts";
import { lostError } from "../_bridge/remote_pool.ts";
import type { RunnerNumbers } from "../_core/seam.ts";
import { bitOf, listening, watchListening } from "../_events/channels.ts";
import { ACCEPTED } from "../_numbers/counters.ts";
import type { Publisher } from "../_events/publisher.ts";
import {
  AllCounters,
  allocateCounters,
  wantedEvents,
} from "../_numbers/shared_counters.ts";
import { Workforce } from "../_numbers/workforce.ts";
import type { ConnectionInfo } from "../server_stats.ts";
import type { Acceptor } from "./acceptor.ts";
import { readConnections } from "./connection_list.ts";
import { EventsOfThread, type PackedEvent } from "./forwarded_events.ts";
import type { AllPlaces, PlacesMemory } from "./places.ts";

/** How many requests of a thread may be in no place, since their handler has ended. */
const MOST_LINGERING = 8_192;

/**
 * After so many requests the numbers of a thread's begin again, which no thread comes
 * to that does not lie: 4,096 times as many are safe integers.
 */
const MOST_PAST = 2 ** 41;

/** What the main thread knows of the requests of threads that accept for themselves. */
export class ThreadNumbers {
  /** The counters of the threads, and which events are wanted. */
  readonly memory: SharedArrayBuffer;
  /** By how much the number of the next request of a thread is larger. */
  readonly idStep: number;
  readonly #places: AllPlaces;
  /**
   * How many requests one thread may have, those that linger too. It grows with the
   * limit, and never becomes less: those that are there go on.
   */
  readonly #most: () => number;
  readonly #publisher: Publisher;
  readonly #counters: AllCounters;
  readonly #workforce: Workforce<Acceptor>;
  /** Those that are there, and what happens in them. */
  readonly #live = new Map<Acceptor, EventsOfThread>();
  readonly #unwatch: () => void;
  #eventsLost = 0;
  /** The list that is being made. */
  #listing: Promise<ConnectionInfo[]> | undefined;

  /**
   * @param memory How many there may be.
   * @param places What they share.
   * @param publisher Publishes what happens in them.
   */
  constructor(
    { threads, workers }: PlacesMemory,
    places: AllPlaces,
    publisher: Publisher,
  ) {
    // One of so many belongs to none of them: see `after`.
    this.idStep = threads + 1;
    this.#places = places;
    this.#most = () => places.size + MOST_LINGERING;
    this.#publisher = publisher;
    this.#workforce = new Workforce("threads", workers);
    this.memory = allocateCounters(threads);
    this.#counters = new AllCounters(this.memory, threads);
    const wanted = wantedEvents(this.memory);
    const want = () => {
      Atomics.store(wanted, 0, listening);
      if (listening & bitOf("end")) return;
      for (const events of this.#live.values()) events.forget();
    };
    want();
    this.#unwatch = watchListening(want);
  }

  /** The number of the first request of a thread that starts. */
  firstId(thread: number): number {
    const past = this.#counters.pastAccepted(thread) % MOST_PAST;
    return thread + 1 + this.idStep * past;
  }

  /** The number of the next that no thread has or will have, and of those after it. */
  after(): [firstId: number, idStep: number] {
    const accepted = this.#counters.sum()[ACCEPTED]! % MOST_PAST;
    return [this.idStep * (accepted + 1), this.idStep];
  }

  /** One has started. */
  came(acceptor: Acceptor): void {
    this.#workforce.came(acceptor);
    this.#live.set(acceptor, new EventsOfThread(this.#publisher, this.#most));
  }

  /**
   * One is gone.
   *
   * @param requests How many requests it had.
   * @param cause Why it is.
   * @param unasked Whether nobody had told it to end.
   */
  went(
    acceptor: Acceptor,
    requests: number,
    cause: Error,
    unasked: boolean,
  ): void {
    this.#counters.gone(acceptor.thread, requests);
    this.#workforce.went(acceptor, unasked);
    this.#live.get(acceptor)
      ?.gone(lostError("The thread that ran this request", cause));
    this.#live.delete(acceptor);
  }

  /** One that is gone does nothing any more: what it has counted since is past, too. */
  released({ thread }: Acceptor): void {
    this.#counters.gone(thread, 0);
  }

  /** Publishes what has happened in a thread. */
  publish(
    acceptor: Acceptor,
    events: readonly PackedEvent[],
    lost: number,
  ): void {
    this.#eventsLost += lost;
    this.#live.get(acceptor)?.publish(events);
    acceptor.tell({ do: "tell more" });
  }

  /** What there is to add to the numbers of the server. */
  numbers(starting: number): RunnerNumbers {
    return {
      waiting: 0,
      workers: this.#workforce.stats(
        starting,
        ({ thread }) => this.#places.loadOf(thread),
      ),
      counters: this.#counters.sum(),
      eventsLost: this.#eventsLost,
    };
  }

  /** The requests of all threads that say in time which they have. */
  connections(): Promise<ConnectionInfo[]> {
    // Whoever asks meanwhile is told the same: each list takes all threads' time.
    return this.#listing ??= this.#list()
      .finally(() => this.#listing = undefined);
  }

  async #list(): Promise<ConnectionInfo[]> {
    const lists = await Promise.all(
      Array.from(this.#live.keys(), (acceptor) => this.#listOf(acceptor)),
    );
    return lists.flat();
  }

  async #listOf(acceptor: Acceptor): Promise<ConnectionInfo[]> {
    const answer = await acceptor.list();
    if (typeof answer === "string") return [];
    try {
      return readConnections(answer.value, this.#most());
    } catch (error) {
      acceptor.terminate(error as Error);
      return [];
    }
  }

  /**
   * Has a request ended.
   *
   * @returns Whether there was one with that number.
   * @throws {Deno.errors.TimedOut} If its thread does not answer.
   */
  async closeConnection(id: number): Promise<boolean> {
    for (const acceptor of this.#live.keys()) {
      if (!acceptor.mayHave(id)) continue;
      const answer = await acceptor.endOne(id);
      if (answer === "late") {
        throw new Deno.errors.TimedOut(
          `Cannot close connection ${id}: the event loop of its thread did not answer for ${ANSWER_TIMEOUT} ms`,
        );
      }
      return answer !== "gone" && answer.value === true;
    }
    return false;
  }

  /** No thread is there any more, or will be. */
  close(): void {
    this.#unwatch();
  }
}
