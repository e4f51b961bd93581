/** So many messages of one request, and of no other, are a conversation. */
const CONVERSATION = 4;

/** How many messages are sent without a look, at most, where looks are in vain. */
const MOST_SKIPPED = 1024;

/**
 * Tells whether the answer to what was sent is likely to come before this side
 * could have fallen asleep and be woken again, which takes a while and holds up
 * nobody else: where one request alone sends, and its last answers came at once.
 */
export class QuickAnswers {
  #side: object | undefined;
  #channel = 0;
  #inARow = 0;
  /** How many messages are to be sent before the next look. */
  #skip = 0;
  /** How many those will be after the next look in vain. */
  #penalty = 1;

  /** Notes that bytes of a request were sent to another side. */
  sent(side: object, channel: number): void {
    const isSame = channel === this.#channel && side === this.#side;
    this.#inARow = isSame ? this.#inARow + 1 : 0;
    this.#channel = channel;
    this.#side = side;
    if (this.#skip > 0) this.#skip--;
  }

  /** Whether it pays to look for the answer. */
  get expected(): boolean {
    return this.#inARow >= CONVERSATION && this.#skip === 0;
  }

  /** Notes what became of a look. */
  looked(came: boolean): void {
    this.#penalty = came ? 1 : Math.min(2 * this.#penalty, MOST_SKIPPED);
    this.#skip = came ? 0 : this.#penalty;
  }
}
