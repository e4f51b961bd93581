/** How many places there are at first, a power of two. */
const FIRST_SIZE = 64;

/**
 * Channels by their numbers, which it gives out. A number is not given again
 * before 2^32 others were.
 *
 * It is an array and not a `Map`, since channels come and go by the thousands:
 * a table that V8 has replaced by another still holds what was in it, and is
 * itself found dead only by a full collection.
 */
export class ChannelTable<Channel extends { readonly id: number }> {
  /** A channel is at its number modulo the length, a power of two. */
  #places: (Channel | undefined)[] = emptyPlaces(FIRST_SIZE);
  #size = 0;
  #lastId = 0;

  /** A number for the next channel to be added. It is not 0. */
  nextId(): number {
    const mask = this.#places.length - 1;
    do {
      this.#lastId = (this.#lastId + 1) >>> 0;
    } while (
      this.#lastId === 0 || this.#places[this.#lastId & mask] !== undefined
    );
    return this.#lastId;
  }

  /** Adds a channel whose number `nextId` gave, with none added since. */
  add(channel: Channel): void {
    this.#places[channel.id & (this.#places.length - 1)] = channel;
    // Half of the places are free, so that the next number is found soon.
    if (++this.#size * 2 > this.#places.length) this.#grow();
  }

  get(id: number): Channel | undefined {
    const channel = this.#places[id & (this.#places.length - 1)];
    return channel?.id === id ? channel : undefined;
  }

  delete(id: number): void {
    if (this.get(id) === undefined) return;
    this.#places[id & (this.#places.length - 1)] = undefined;
    this.#size--;
  }

  /** Takes all channels out. */
  takeAll(): Channel[] {
    const channels = this.#places.filter((channel) => channel !== undefined);
    this.#places = emptyPlaces(FIRST_SIZE);
    this.#size = 0;
    return channels;
  }

  /** What differs modulo a length differs modulo twice as much. */
  #grow(): void {
    const places = emptyPlaces<Channel>(this.#places.length * 2);
    for (const channel of this.#places) {
      if (channel !== undefined) {
        places[channel.id & (places.length - 1)] = channel;
      }
    }
    this.#places = places;
  }
}

function emptyPlaces<Channel>(size: number): (Channel | undefined)[] {
  return new Array(size).fill(undefined);
}
