import { setImmediate } from "node:timers/promises";
import { LONGEST_DELAY } from "../../handlers/_time_limit.ts";
import { Deadlines, type Expiring } from "./deadlines.ts";

/**
 * How long a closing connection may be silent before it is taken for drained,
 * in milliseconds; nginx's `lingering_timeout` is as long.
 */
const SILENCE = 5_000;
/** How much of a peer's late bytes is thrown away before giving up, in bytes. */
const MOST_BYTES = 64 * 1024 * 1024;
/** After so many reads in a row, timers and other connections get a turn. */
const READS_IN_A_ROW = 1_024;
/** How many connections may linger; one more closes the one that is oldest. */
const MOST_CONNECTIONS = 4_096;

interface Closing extends Expiring<Closing> {
  readonly connection: Deno.Conn;
  lastHeard: number;
}

/** Takes the bytes of all connections, since nobody looks at them. */
const discarded = new Uint8Array(64 * 1024);

/** Ends the connections of one server so that what was written arrives. */
export class Lingering {
  readonly #timeout: number;
  readonly #silences: Deadlines<Closing>;

  /** @param timeout How long it may take, in milliseconds. */
  constructor(timeout: number) {
    const silence = Math.min(SILENCE, timeout);
    this.#timeout = timeout;
    this.#silences = new Deadlines(
      ({ lastHeard }) => lastHeard + silence,
      cutShort,
      true,
    );
  }

  /** Stops the timer when it has nothing to do: the server has finished. */
  finish(): void {
    this.#silences.leaveBackground();
  }

  /**
   * Ends one connection, which can be closed then.
   *
   * A TCP socket that is closed while its peer's bytes are unread, or that gets
   * more of them afterwards, answers with a reset, and the peer's kernel then
   * throws away what it had not yet delivered (RFC 1122, section 4.2.2.13; RFC
   * 2525, section 2.17). So the writing side is ended first, and what the peer
   * still sends is read and thrown away until it ends its side too, or is
   * silent, or the timeout or 64 MiB have gone by.
   */
  async end(connection: Deno.Conn): Promise<void> {
    const began = performance.now();
    const closing: Closing = { connection, lastHeard: began };
    if (this.#silences.size >= MOST_CONNECTIONS) {
      const oldest = this.#silences.first!;
      // Delete it now: until its read fails, another may need the next place.
      this.#silences.delete(oldest);
      cutShort(oldest);
    }
    this.#silences.add(closing);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await connection.closeWrite();
      let total = 0;
      let reads = 0;
      // Stop at 0 and bound the reads: a connection of the user's may give nothing
      // for ever, or a little at a time without a pause.
      for (let n; (n = await connection.read(discarded)) !== null && n > 0;) {
        if (++reads % READS_IN_A_ROW === 0) await setImmediate();
        closing.lastHeard = performance.now();
        // Start it here, since only a peer that goes on sending needs this bound.
        timer ??= setTimeout(
          () => cutShort(closing),
          Math.min(this.#timeout, LONGEST_DELAY),
        );
        total += n;
        if (total > MOST_BYTES) break;
        // A connection of the user's may go on after it has been closed.
        if (closing.lastHeard - began > this.#timeout) break;
      }
    } catch {
      // The peer has gone, or the handler has closed the connection: nobody is
      // left to wait for.
    }
    this.#silences.delete(closing);
    if (timer !== undefined) clearTimeout(timer);
  }
}

/** Ends the wait: the read that is under way fails. */
function cutShort({ connection }: Closing): void {
  try {
    connection.close();
  } catch {
    // Closed meanwhile.
  }
}
