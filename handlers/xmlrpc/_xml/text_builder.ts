/** How many code units are joined at once. */
const CHUNK = 8192;
/**
 * Code units that are not joined yet. There is one room for all: who builds a text
 * ends it before the next is begun, and where a document has many short ones, as
 * many rooms would take ten times as long as the texts.
 */
const units = new Uint16Array(CHUNK);
/** From how many code units on a slice is cheaper than one unit after the other. */
const LONG_RUN = 64;

/**
 * Builds text out of single code units and of parts of other text. Adding single
 * characters to a string would make an object of each, which takes ten times
 * the time and memory where there are millions.
 */
export class TextBuilder {
  #text = "";
  #used = 0;

  /** How many code units there are. */
  get length(): number {
    return this.#text.length + this.#used;
  }

  /** Adds a code unit. */
  push(unit: number): void {
    if (this.#used === CHUNK) this.#join();
    units[this.#used++] = unit;
  }

  /** Adds a part of a text. */
  append(source: string, from = 0, to = source.length): void {
    if (to - from >= LONG_RUN) {
      this.#join();
      this.#text += source.slice(from, to);
      return;
    }
    for (let at = from; at < to; at++) this.push(source.charCodeAt(at));
  }

  /** All that was added. */
  toString(): string {
    this.#join();
    return this.#text;
  }

  #join(): void {
    if (this.#used === 0) return;
    this.#text += String.fromCharCode.apply(
      null,
      units.subarray(0, this.#used) as unknown as number[],
    );
    this.#used = 0;
  }
}
