/** How long a request is left alone, in milliseconds: most are answered by then. */
const SHORT = 10;

/** What serves requests, one after the other. */
export interface Serving {
  /** Called when one may have been served for a while. */
  look(): void;
}

/**
 * Has requests looked after that take longer than most. Short ones must not pay
 * for that: there is one timer for all, and at most one note of a connection
 * until it fires.
 */
export class LongRequests {
  #begun: Serving[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Notes that a request has begun of one that is not noted. */
  add(serving: Serving): void {
    this.#begun.push(serving);
    this.#timer ??= setTimeout(() => this.#look(), SHORT);
  }

  /** Nothing serves any more. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#begun = [];
  }

  #look(): void {
    const begun = this.#begun;
    this.#timer = undefined;
    this.#begun = [];
    for (const serving of begun) serving.look();
  }
}
