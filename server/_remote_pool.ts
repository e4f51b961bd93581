import type { NearChannel } from "./_remote/near_channel.ts";
import type { NearSide } from "./_remote/near_side.ts";

/** A request that a thread or a process has taken. */
export interface Assignment {
  readonly channel: NearChannel;
  /** Aborts it. What runs its handler is ended if it is stuck. */
  abort(reason: unknown): void;
  /** Gives up its place. */
  release(): void;
}

/** Opens a request on the side that takes it. */
export type Opener = (side: NearSide) => NearChannel;

/** A request that waits for a thread or a process. */
export interface Waiting {
  readonly open: Opener;
  readonly assigned: PromiseWithResolvers<Assignment>;
}

/** The threads or processes of a server. */
export interface RemotePool {
  /**
   * Gives a request to one of them.
   *
   * @returns `undefined` if it has to wait for one.
   */
  assign(open: Opener): Assignment | undefined;
  /** Has a request wait for one. */
  wait(open: Opener): Waiting;
  /** Ends the wait of a request that is over. */
  cancel(waiting: Waiting, reason: unknown): void;
}
