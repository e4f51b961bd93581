import type { WorkersStats } from "../server_stats.ts";

/** One that is there. */
interface Present {
  readonly id: number;
  /** Since when, in milliseconds since the epoch. */
  readonly since: number;
}

/** Counts the threads or processes of a server, which come and go. */
export class Workforce<Worker extends object> {
  readonly #kind: WorkersStats["kind"];
  readonly #most: number;
  readonly #present = new Map<Worker, Present>();
  #started = 0;
  #lost = 0;
  #replaced = 0;
  #retired = 0;

  /**
   * @param kind What they are.
   * @param most How many there may be.
   */
  constructor(kind: WorkersStats["kind"], most: number) {
    this.#kind = kind;
    this.#most = most;
  }

  /** One has started. */
  came(worker: Worker): void {
    this.#present.set(worker, { id: ++this.#started, since: Date.now() });
    if (this.#replaced < this.#lost) this.#replaced++;
  }

  /**
   * One is gone, which may not have started.
   *
   * @param unasked Whether nobody had told it to end.
   */
  went(worker: Worker, unasked: boolean): void {
    if (!this.#present.delete(worker)) return;
    if (unasked) this.#lost++;
    else this.#retired++;
  }

  /**
   * How many there are.
   *
   * @param starting How many are starting.
   * @param loadOf How many requests one has.
   */
  stats(starting: number, loadOf: (worker: Worker) => number): WorkersStats {
    return {
      kind: this.#kind,
      most: this.#most,
      running: Array.from(
        this.#present,
        ([worker, { id, since }]) => ({ id, load: loadOf(worker), since }),
      ),
      starting,
      started: this.#started,
      lost: this.#lost,
      replaced: this.#replaced,
      retired: this.#retired,
    };
  }
}
