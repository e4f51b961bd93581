import type { ReadinessConnection } from "./readiness_connection.ts";

/**
 * Connections whose peers have ended their side and wait for an answer, and when
 * they are given up. All wait equally long, so the first is always due first.
 */
export class HalfClosed {
  readonly #timeout: number;
  readonly #due = new Map<ReadinessConnection, number>();

  /** @param timeout How long each waits after what was sent last, in milliseconds. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  add(connection: ReadinessConnection): void {
    // What is set anew keeps its place, unless it is taken out first.
    this.#due.delete(connection);
    this.#due.set(connection, performance.now() + this.#timeout);
  }

  has(connection: ReadinessConnection): boolean {
    return this.#due.has(connection);
  }

  delete(connection: ReadinessConnection): void {
    this.#due.delete(connection);
  }

  /** When the first is due, in milliseconds from now; -1 where there is none. */
  get left(): number {
    for (const due of this.#due.values()) {
      return Math.max(0, due - performance.now());
    }
    return -1;
  }

  /** Ends those that are due. */
  endDue(): void {
    if (this.#due.size === 0) return;
    const now = performance.now();
    for (const [connection, due] of this.#due) {
      if (due > now) return;
      this.#due.delete(connection);
      connection.end();
    }
  }

  /** Closes the one that has waited longest. @returns False if there is none. */
  closeOldest(): boolean {
    for (const connection of this.#due.keys()) {
      this.#due.delete(connection);
      connection.close();
      return true;
    }
    return false;
  }
}
