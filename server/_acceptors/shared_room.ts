import { type Guest, Room } from "../_core/room.ts";
import { FairTurns } from "./fair_turns.ts";
import type { OwnPlaces } from "./places.ts";

/** What a room tells of what goes on in it. */
export interface RoomWatcher {
  /** One has come in. */
  entered(): void;
  /**
   * The next is wanted while this thread has requests.
   *
   * @returns What to wait for first, if another thread starts.
   */
  another(): Promise<void> | undefined;
  /** The last one has gone. */
  emptied(): void;
  /** One has been accepted for whom there is no place. */
  held(): void;
}

/**
 * The requests of one thread, which has a part of the places of a server. A place
 * is taken before a connection is accepted, so that there are never more than the
 * server's limit; a thread that waits for a connection has one place more than
 * connections.
 */
export class SharedRoom<Item extends Guest> extends Room<Item> {
  readonly #places: OwnPlaces;
  readonly #turns: FairTurns;
  readonly #watcher: RoomWatcher;
  /** The place for the next, if it has been taken; -1 if not. */
  #seat = -1;
  /** Why the next has to wait. */
  #waitsFor: "thread" | "turn" | "place" | "entry" | undefined;
  /** Settles when another thread has started, or is not waited for any more. */
  #another: Promise<void> | undefined;
  /** How long to let others go first, in milliseconds. */
  #pause = 0;
  #pauseTimer: ReturnType<typeof setTimeout> | undefined;
  /** Whether others have been let go first. */
  #paused = false;
  #closed = false;
  /** Whether one has been accepted for whom there is no place. */
  #holds = false;
  /** Whether it is not looked any more whether threads are to accept. */
  #resumed = false;
  /** Whether this thread is to end, and others go on. */
  #retired = false;

  /**
   * @param limit How many requests this thread may have.
   * @param places The places of the server.
   * @param watcher Is told.
   */
  constructor(limit: number, places: OwnPlaces, watcher: RoomWatcher) {
    super(limit);
    this.#places = places;
    this.#turns = new FairTurns(places);
    this.#watcher = watcher;
  }

  override get full(): boolean {
    this.#waitsFor = undefined;
    if (super.full || !this.#resumed && this.#places.suspended) return true;
    if (this.#places.othersHold) {
      this.#giveBackSeat();
      this.#waitsFor = "place";
      return true;
    }
    if (this.#places.load > 0 && this.#awaitsAnother()) {
      this.#waitsFor = "thread";
      return true;
    }
    if (!this.#paused) {
      this.#pause = this.#turns.pause();
      if (this.#pause > 0) {
        this.#waitsFor = "turn";
        return true;
      }
    }
    if (this.#takeSeat()) return false;
    this.#waitsFor = "place";
    return true;
  }

  override get mayEnter(): boolean {
    this.#waitsFor = undefined;
    if (!this.#resumed && this.#places.suspended) return false;
    if (this.#places.tooMany) this.#giveBackSeat();
    const mayEnter = this.#takeSeat();
    if (!mayEnter) this.#waitsFor = "entry";
    if (mayEnter === this.#holds) {
      this.#places.holds = this.#holds = !mayEnter;
      if (this.#holds) this.#watcher.held();
    }
    return mayEnter;
  }

  /** Looks again whether this thread may accept: something has changed. */
  look(): void {
    if (this.#places.tooMany || this.#places.othersHold) this.#giveBackSeat();
    this.wake();
  }

  /** Accepts whatever the other threads are to do. */
  override resume(): void {
    this.#resumed = true;
    this.wake();
  }

  /** This thread is to end while the others go on, or not any more. */
  retire(isRetired: boolean): void {
    this.#retired = isRetired;
  }

  override get onlyWaiting(): boolean {
    // Others will give a place to the one who has none, and none of them waits for
    // the end of this thread.
    return super.onlyWaiting && !(this.#retired && this.#holds);
  }

  override get limit(): number {
    return Math.min(super.limit, this.#places.limit);
  }

  override set limit(limit: number) {
    super.limit = limit;
  }

  override get atLimit(): boolean {
    return super.atLimit || this.#waitsFor === "place";
  }

  override awaken(): Promise<void> {
    const awake = super.awaken();
    // One that was ended by a wake has not fired.
    clearTimeout(this.#pauseTimer);
    const waitsFor = this.#waitsFor;
    this.#waitsFor = undefined;
    if (waitsFor === "thread") this.#another!.then(() => this.wake());
    else if (waitsFor === "turn") {
      const ended = () => {
        this.#paused = true;
        this.#turns.paused();
        this.wake();
      };
      this.#pauseTimer = setTimeout(ended, this.#pause);
    } else if (waitsFor === "place") {
      const isFree = () => !this.#places.othersHold && this.#takeSeat();
      this.#places.awaken(isFree, () => this.wake());
    } else if (waitsFor === "entry") {
      this.#places.awaken(() => this.#takeSeat(), () => this.wake());
    }
    return awake;
  }

  override enter(item: Item): void {
    clearTimeout(this.#pauseTimer);
    item.seat = this.#seat;
    this.#seat = -1;
    this.#paused = false;
    super.enter(item);
    this.readdress(item);
    this.#turns.came();
    this.#places.load++;
    this.#watcher.entered();
  }

  override readdress(item: Item): void {
    // Its place is another's already where it does not count any more, and it has
    // none where the server ends before one is free.
    if (item.seat >= 0) this.#places.note(item.seat, item.clientAddress);
  }

  override uncount(item: Item): void {
    if (item.seat >= 0) this.#places.free(item.seat);
    item.seat = -1;
    this.#places.load--;
    super.uncount(item);
  }

  override leave(item: Item): void {
    super.leave(item);
    if (this.empty) this.#watcher.emptied();
  }

  /** Gives back the place that nobody will need. */
  close(): void {
    this.#closed = true;
    this.#places.holds = this.#holds = false;
    this.#giveBackSeat();
  }

  /** Gives back the place for the next, if it has been taken. */
  #giveBackSeat(): void {
    if (this.#seat >= 0) this.#places.free(this.#seat);
    this.#seat = -1;
  }

  /** Whether another thread starts, to which the next is left. */
  #awaitsAnother(): boolean {
    if (this.#another !== undefined) return true;
    this.#another = this.#watcher.another();
    this.#another?.then(() => this.#another = undefined);
    return this.#another !== undefined;
  }

  #takeSeat(): boolean {
    if (this.#closed) return false;
    if (this.#seat < 0) this.#seat = this.#places.take();
    return this.#seat >= 0;
  }
}
