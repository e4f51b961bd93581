import type { Runner } from "../_core/seam.ts";
import type { ConnectionInfo, ServerStats } from "../server_stats.ts";
import { addCounters, COUNTERS, statsOf } from "./counters.ts";
import type { Watch } from "./watch.ts";

/** A request in progress, as it is listed and closed. */
interface Listed {
  readonly id: number;
  readonly info: ConnectionInfo;
  /** Ends it; who has asked for that is not told. */
  closeNow(reason: Error): void;
}

/** The numbers of a server, and the requests that it has in progress. */
export class Numbers {
  /** When the server was made, in milliseconds since the epoch. */
  readonly #since = Date.now();
  readonly #watch: Watch;
  /** Where counters are added up. */
  readonly #sum = new Float64Array(COUNTERS);
  readonly #inside: () => readonly Listed[];
  readonly #runner: Runner | undefined;

  /**
   * @param watch What counts.
   * @param inside The requests in progress here.
   * @param runner What may have others.
   */
  constructor(
    watch: Watch,
    inside: () => readonly Listed[],
    runner: Runner | undefined,
  ) {
    this.#watch = watch;
    this.#inside = inside;
    this.#runner = runner;
  }

  /** All numbers at this moment. */
  stats(): ServerStats {
    const numbers = this.#runner?.numbers();
    let { counters } = this.#watch;
    if (numbers?.counters !== undefined) {
      this.#sum.set(counters);
      addCounters(this.#sum, numbers.counters);
      counters = this.#sum;
    }
    return {
      since: this.#since,
      ...statsOf(counters),
      waiting: numbers?.waiting ?? 0,
      eventsLost: numbers?.eventsLost ?? 0,
      ...numbers === undefined ? {} : { workers: numbers.workers },
    };
  }

  /** The requests in progress at this moment. */
  async connections(): Promise<ConnectionInfo[]> {
    const here = this.#inside().map(({ info }) => info);
    const elsewhere = await this.#runner?.connections?.();
    return elsewhere === undefined ? here : [...here, ...elsewhere];
  }

  /**
   * Ends one of them.
   *
   * @returns Whether there was one with that number.
   * @throws {TypeError} If `id` is no number.
   */
  async closeConnection(id: number): Promise<boolean> {
    if (typeof id !== "number") {
      throw new TypeError(
        `Cannot close a connection: its id must be a number that connections() has told, received ${
          Deno.inspect(id)
        }`,
      );
    }
    const listed = this.#inside().find((each) => each.id === id);
    if (listed === undefined) {
      return await this.#runner?.closeConnection?.(id) ?? false;
    }
    listed.closeNow(closedReason());
    return true;
  }
}

/** What the signal of a request is aborted with. */
function closedReason(): DOMException {
  return new DOMException(
    "The connection was closed by closeConnection()",
    "AbortError",
  );
}
