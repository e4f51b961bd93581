import { Capacity, type Share } from "../../_capacity.ts";
import { HTTPError } from "../http_error.ts";
import type { DirectoryEntries, DirectoryEntry } from "./directory_entries.ts";
import { type DirectoryOrder, sortInTurns } from "./directory_order.ts";

/** From how many entries on a listing is large. */
export const LARGE = 1_000;
/** How many directories are read at once. */
const READ_AT_ONCE = 4;
/** How many entries large listings hold together until clients have taken them. */
const MOST_HELD = 100_000;
/** How long a listing waits for others to be read at most, in milliseconds. */
const LONGEST_WAIT = 30_000;

/** What was read, and is held until it is disposed of. */
export interface HeldEntries extends DirectoryEntries, Disposable {
  /** The entries in an order, which are sorted once for all who share them. */
  sorted(order: DirectoryOrder): Promise<readonly DirectoryEntry[]>;
}

/** A reading that several requests wait for. */
interface Reading {
  readonly result: Promise<{ entries: DirectoryEntries; share: Share }>;
  users: number;
  /** The entries in the orders that were asked for: there are six. */
  readonly sorted: Map<string, Promise<readonly DirectoryEntry[]>>;
}

/** The room of all listings in this thread. */
export class ListingRoom {
  readonly #places = new Capacity(READ_AT_ONCE);
  readonly #held = new Capacity(MOST_HELD);
  /** Those that have not begun, by what they are to read. */
  readonly #queued = new Map<string, Reading>();

  /**
   * Reads a directory when it is its turn. Who asks for one that is still to be
   * read gets the same entries: they are not older than the request.
   *
   * @param key Tells directories, and how they are read, apart.
   * @param read Reads it.
   * @throws {HTTPError} If that takes too long, and what `read` throws.
   */
  async read(
    key: string,
    read: () => Promise<DirectoryEntries>,
  ): Promise<HeldEntries> {
    let reading = this.#queued.get(key);
    if (reading === undefined) {
      reading = {
        result: this.#start(key, read),
        users: 0,
        sorted: new Map(),
      };
      this.#queued.set(key, reading);
    }
    const shared = reading;
    shared.users++;
    const { entries, share } = await shared.result;
    return {
      ...entries,
      sorted: (order) => {
        const name = `${order.by} ${order.descending}`;
        const sorted = shared.sorted.get(name) ??
          sortInTurns(entries.entries, order);
        shared.sorted.set(name, sorted);
        return sorted;
      },
      [Symbol.dispose]: () => {
        if (--shared.users === 0) share[Symbol.dispose]();
      },
    };
  }

  async #start(key: string, read: () => Promise<DirectoryEntries>) {
    let place: Share;
    try {
      place = await this.#places.take(1, { timeout: LONGEST_WAIT, signal });
    } catch (error) {
      throw busy(error);
    } finally {
      // Whoever asks from now on may ask for something newer.
      this.#queued.delete(key);
    }
    using _place = place;
    const entries = await read();
    const count = entries.entries.length;
    const share = this.#held.share();
    // Who waited for room would hold what was read, and keep others from reading.
    if (count >= LARGE && !share.tryResize(count)) throw busy();
    return { entries, share };
  }
}

/** Others may wait for the same: no client's end ends it. */
function signal(): AbortSignal {
  return new AbortController().signal;
}

function busy(cause?: unknown): HTTPError {
  return new HTTPError(503, "Too many listings at once", {
    cause,
    headers: { "Retry-After": "1" },
  });
}
