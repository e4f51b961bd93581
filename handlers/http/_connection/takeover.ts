import { closingOf } from "../../_closing.ts";
import type { Closing } from "../../_host.ts";
import type { StreamOwner } from "../../streams/_left_behind.ts";
import { isBorrower } from "../../streams/_lending.ts";
import { END, LEAVE, OWN } from "../../streams/_owned.ts";
import type { Traffic } from "../../_traffic.ts";
import type { Unsent } from "../../_unsent.ts";
import { StreamReader } from "../../streams/stream_reader.ts";
import { StreamWriter } from "../../streams/stream_writer.ts";
import { ReadAheadConnection } from "./read_ahead_connection.ts";
import type { HijackedConnection } from "../hijacked_connection.ts";

/**
 * What speaks another protocol on a connection that was HTTP's, by itself: the
 * handler's method may have returned.
 */
export interface Tenant {
  /**
   * Resolves when it has no use for the connection any more, to what has gone
   * wrong meanwhile in code of the user's.
   */
  readonly done: Promise<readonly unknown[]>;
  /** How the connection is then to be closed. */
  readonly closing: Closing;
  /** Called when the server begins to shut down. */
  shutDown(): void;
  /** Called when the handler has failed. */
  giveUp(): void;
  /** Called when the server closes the connection. */
  abort(): void;
}

/** The handler whose connection is taken over. */
export interface TakeoverOwner {
  /** Stands for the handler in what it leaves behind. */
  readonly mark: StreamOwner;
  /** Whether its server shuts down. */
  readonly isEnding: boolean;
  /** Reading has failed. */
  lost(error: unknown): void;
  /** Writing has failed. */
  broken(error: unknown): void;
}

/** What of a connection is needed to go on with it. */
export interface TakenConnection<Address extends Deno.Addr> {
  readonly connection: Deno.Conn<Address>;
  /** Reads what has been read already, as `giveAway()` of `HTTPConnection` has it. */
  readonly ahead: (buffer: Uint8Array) => Promise<number | null | undefined>;
  /** What is still being written. */
  readonly before: Promise<unknown> | undefined;
  /** Where its bytes are counted, if anybody counts. */
  readonly traffic: Traffic | undefined;
}

/** A connection that has been taken over, as its handler and its server see it. */
export class Takeover<Address extends Deno.Addr> {
  /** Whether the connection keeps no bytes when a write is done. */
  readonly lends: boolean;
  readonly #taken: TakenConnection<Address>;
  #tenant: Tenant | undefined;
  readonly #owner: TakeoverOwner;
  #rfile: StreamReader | undefined;
  #wfile: StreamWriter | undefined;
  /** Whether the handler has ended. */
  #over = false;

  /**
   * @param taken The connection.
   * @param owner The handler.
   */
  constructor(taken: TakenConnection<Address>, owner: TakeoverOwner) {
    this.#taken = taken;
    this.#owner = owner;
    this.lends = isBorrower(taken.connection);
  }

  /** Stands for the handler in what is left behind. */
  get mark(): StreamOwner {
    return this.#owner.mark;
  }

  /** Where whoever reads and writes the connection counts its bytes. */
  get traffic(): Traffic | undefined {
    return this.#taken.traffic;
  }

  /**
   * Makes the connection that is read and written from now on.
   *
   * @param counts Whether it counts its bytes.
   */
  connect(counts: boolean): ReadAheadConnection<Address> {
    const { connection, ahead, before, traffic } = this.#taken;
    return new ReadAheadConnection(
      connection,
      ahead,
      before,
      counts ? traffic : undefined,
    );
  }

  /** Lets something speak on it until it is done. */
  rentTo(tenant: Tenant): void {
    this.#tenant = tenant;
    if (this.#owner.isEnding) tenant.shutDown();
  }

  /** The server begins to shut down. */
  shutDown(): void {
    this.#tenant?.shutDown();
  }

  /** The server closes the connection. */
  abort(): void {
    this.#tenant?.abort();
  }

  /**
   * Waits until nothing speaks on it any more.
   *
   * @param failure What the handler's method has failed with, if it has.
   * @throws What has failed; `AggregateError` if several things have.
   */
  async ended(failure?: { readonly error: unknown }): Promise<void> {
    if (failure !== undefined) this.#tenant?.giveUp();
    const errors = [...await this.#tenant?.done ?? []];
    if (failure !== undefined) errors.unshift(failure.error);
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) {
      throw new AggregateError(
        errors,
        `${errors.length} errors on a connection that was taken over`,
      );
    }
  }

  /** What the handler is given, which is made once. */
  get hijacked(): HijackedConnection<Address> {
    const connection = this.connect(true);
    const reader = () => this.#reader(connection);
    const writer = () => this.#writer(connection);
    return {
      connection,
      get rfile() {
        return reader();
      },
      get wfile() {
        return writer();
      },
      get response() {
        return new Response();
      },
    };
  }

  /** What is left to be sent. */
  get unsent(): Unsent | undefined {
    return this.#wfile;
  }

  /** How the connection is to be closed. */
  get closing(): Closing {
    return this.#tenant?.closing ?? closingOf(this.#rfile, this.#wfile);
  }

  /** The handler has ended: refuses what it has not awaited, sends what is left. */
  settle(failed: boolean): void | Promise<void> {
    this.#over = true;
    this.#rfile?.[LEAVE]();
    return this.#wfile?.[END](failed);
  }

  #reader(connection: Deno.Conn): StreamReader {
    if (this.#rfile === undefined) {
      const { lost, mark } = this.#owner;
      this.#rfile = new StreamReader(connection, { onError: lost });
      this.#rfile[OWN](mark);
      if (this.#over) this.#rfile[LEAVE]();
    }
    return this.#rfile;
  }

  #writer(connection: Deno.Conn): StreamWriter {
    if (this.#wfile === undefined) {
      const { broken, mark } = this.#owner;
      this.#wfile = new StreamWriter(connection, { onError: broken });
      this.#wfile[OWN](mark);
      if (this.#over) void this.#wfile[END]();
    }
    return this.#wfile;
  }
}
