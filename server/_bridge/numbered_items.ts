/** How many places there are at first, a power of two. */
const FIRST_SIZE = 64;

/**
 * Items by their numbers, which it gives out. A number is not given again before
 * 2^32 others were.
 *
 * It is an array and not a `Map`, since items come and go by the thousands: a
 * table that V8 has replaced by another still holds what was in it, and is itself
 * found dead only by a full collection.
 */
export class NumberedItems<Item extends { readonly id: number }> {
  /** An item is at its number modulo the length, a power of two. */
  #places: (Item | undefined)[] = emptyPlaces(FIRST_SIZE);
  #size = 0;
  #lastId = 0;

  /** A number for the next item to be added. It is not 0. */
  nextId(): number {
    const mask = this.#places.length - 1;
    do {
      this.#lastId = (this.#lastId + 1) >>> 0;
    } while (
      this.#lastId === 0 || this.#places[this.#lastId & mask] !== undefined
    );
    return this.#lastId;
  }

  /** Adds an item whose number `nextId` gave, with none added since. */
  add(item: Item): void {
    this.#places[item.id & (this.#places.length - 1)] = item;
    // Half of the places are free, so that the next number is found soon.
    if (++this.#size * 2 > this.#places.length) this.#grow();
  }

  get(id: number): Item | undefined {
    const item = this.#places[id & (this.#places.length - 1)];
    return item?.id === id ? item : undefined;
  }

  delete(id: number): void {
    if (this.get(id) === undefined) return;
    this.#places[id & (this.#places.length - 1)] = undefined;
    this.#size--;
  }

  /** All items, in no order. */
  all(): Item[] {
    return this.#places.filter((item) => item !== undefined);
  }

  /** Takes all items out. */
  takeAll(): Item[] {
    const items = this.all();
    this.#places = emptyPlaces(FIRST_SIZE);
    this.#size = 0;
    return items;
  }

  /** What differs modulo a length differs modulo twice as much. */
  #grow(): void {
    const places = emptyPlaces<Item>(this.#places.length * 2);
    for (const item of this.#places) {
      if (item !== undefined) {
        places[item.id & (places.length - 1)] = item;
      }
    }
    this.#places = places;
  }
}

function emptyPlaces<Item>(size: number): (Item | undefined)[] {
  return new Array(size).fill(undefined);
}
