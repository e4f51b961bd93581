/** Fewer bytes are unmasked one by one: to find where words begin costs as much. */
const WORTH_WORDS = 16;
/** The bits that only bytes outside of ASCII have. */
const NOT_ASCII = 0x80808080;

/**
 * The key of a mask for bytes that begin `by` bytes further on.
 *
 * @param key Four bytes as they were sent, the first in the lowest bits.
 */
export function turnKey(key: number, by: number): number {
  const bits = (by & 3) << 3;
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits));
}

/**
 * Takes the mask off bytes, in place: RFC 6455, section 5.3.
 *
 * @param bytes Where they are.
 * @param words The same memory as words, from its first byte on. Deno runs on
 * machines alone whose words begin with their lowest byte.
 * @param from Where they begin.
 * @param to Where they end.
 * @param key The key for the first of them.
 * @returns Whether all of them are ASCII.
 */
export function unmask(
  bytes: Uint8Array,
  words: Int32Array,
  from: number,
  to: number,
  key: number,
): boolean {
  let seen = 0;
  let at = from;
  let turned = key;
  if (to - from >= WORTH_WORDS) {
    for (; (at & 3) !== 0; at++) {
      seen |= bytes[at]! ^= turned & 0xff;
      turned = turnKey(turned, 1);
    }
    const end = to >> 2;
    for (let word = at >> 2; word < end; word++) {
      seen |= words[word]! ^= turned;
    }
    at = end << 2;
  }
  for (; at < to; at++) {
    seen |= bytes[at]! ^= turned & 0xff;
    turned = turnKey(turned, 1);
  }
  return (seen & NOT_ASCII) === 0;
}
