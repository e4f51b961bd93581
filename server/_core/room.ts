/** Something that can be in a room. */
export interface Guest {
  /** Its place, which the room gives; -1 when it is in none. */
  place: number;
  /** For how many shutdowns of the server it waits, which the room counts. */
  awaitedShutdowns: number;
  /** Its seat, where the room has some; -1 otherwise. */
  seat: number;
  readonly clientAddress: Deno.Addr;
}

/**
 * The requests of one server that are in progress: how many more there is room
 * for, and who is told when they have ended.
 */
export class Room<Item extends Guest> {
  #limit: number;
  /** Whether nobody is to come in for now. */
  suspended = false;
  /**
   * In no order: the last takes the place of one that leaves. It is no `Set`:
   * requests come and go by the thousands, and V8 keeps everything that the
   * replaced tables of a `Set` hold until a full collection.
   */
  readonly #inside: Item[] = [];
  #counted = 0;
  /** How many of those inside wait for a shutdown of the server. */
  #waitingForShutdown = 0;
  readonly #shutdowns: (() => void)[] = [];
  /** Settles when those who wait for something to change are woken. */
  #awakening: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #whenEmpty: (() => void) | undefined;

  /** @param limit How many may be counted at once. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many may be counted at once. */
  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = limit;
    this.wake();
  }

  /** Whether the next has to wait, in `awaken`. */
  get full(): boolean {
    return this.suspended || this.#counted >= this.#limit;
  }

  /**
   * Whether the one may come in who has been accepted already. There was room for
   * it when that began; if there is none any more, it has to wait in `awaken`.
   */
  get mayEnter(): boolean {
    return !this.full;
  }

  /** Whether it is, since as many are counted as may be. */
  get atLimit(): boolean {
    return this.#counted >= this.#limit;
  }

  /** Whether any are inside. */
  get empty(): boolean {
    return this.#inside.length === 0;
  }

  /** Whether all who are inside wait for a shutdown. */
  get onlyWaiting(): boolean {
    return this.#inside.length <= this.#waitingForShutdown;
  }

  /** Those that are inside at this moment. */
  inside(): Item[] {
    return [...this.#inside];
  }

  /** Takes one in, and counts it. */
  enter(item: Item): void {
    item.place = this.#inside.push(item) - 1;
    this.#counted++;
  }

  /** Lets come in who may, from now on. */
  resume(): void {
    this.suspended = false;
    this.wake();
  }

  /** Is told that the address of one inside is another. */
  readdress(_item: Item): void {}

  /** Counts one less, which stays inside. */
  uncount(_item: Item): void {
    this.#counted--;
    if (this.#wake !== undefined) this.wake();
  }

  /** Lets one out, which was uncounted before. */
  leave(item: Item): void {
    const { place } = item;
    item.place = -1;
    const last = this.#inside.pop()!;
    if (last !== item) {
      this.#inside[place] = last;
      last.place = place;
    }
    if (item.awaitedShutdowns > 0) this.#waitingForShutdown--;
    const isAwaited = this.#whenEmpty !== undefined ||
      this.#shutdowns.length > 0;
    if (isAwaited) this.#tell();
  }

  /** Resolves at the next `wake`, or when one is uncounted. */
  awaken(): Promise<void> {
    return this.#awakening ??= new Promise((resolve) => this.#wake = resolve);
  }

  /** Wakes all who wait in `awaken`. */
  wake(): void {
    this.#wake?.();
    this.#wake = this.#awakening = undefined;
  }

  /** Calls `empty` once, when nothing is inside: now, if that is so. */
  whenEmpty(empty: () => void): void {
    this.#whenEmpty = empty;
    this.#tell();
  }

  /**
   * Waits until all have left but those that wait here: a handler that awaits a
   * shutdown would wait for itself otherwise.
   *
   * @param caller The one that waits.
   * @param accepted Settles when nothing more comes in.
   */
  async drainedBut(
    caller: Item,
    accepted: Promise<void> = Promise.resolve(),
  ): Promise<void> {
    if (caller.awaitedShutdowns++ === 0) this.#waitingForShutdown++;
    await accepted;
    await new Promise<void>((resolve) => {
      this.#shutdowns.push(resolve);
      this.#tell();
    });
    // `leave` has already counted out a caller that left meanwhile.
    if (--caller.awaitedShutdowns === 0 && caller.place >= 0) {
      this.#waitingForShutdown--;
    }
  }

  #tell(): void {
    const { length } = this.#inside;
    if (this.#shutdowns.length > 0 && length <= this.#waitingForShutdown) {
      for (const resolve of this.#shutdowns.splice(0)) resolve();
    }
    if (length > 0) return;
    const empty = this.#whenEmpty;
    this.#whenEmpty = undefined;
    empty?.();
  }
}
