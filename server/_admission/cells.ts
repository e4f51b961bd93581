/**
 * The counters of addresses, in memory whose size is fixed: a count-min sketch
 * (Cormode and Muthukrishnan, 2005).
 *
 * There are four rows of cells. Each address has one cell in each row, which others
 * may have as well; a hash whose key nobody knows says which. All that an address
 * does is counted in its four cells, with what others do that share them. So no
 * cell of an address counts less than that address, whatever others do: nobody is
 * forgotten to make room, and no limit is passed. And the cell that counts least is
 * nearest to the truth: an address is refused for others only where all four of its
 * cells are at the limit.
 *
 * With n addresses at their limits, and c cells in a row, that happens to another
 * with the probability (1 - e^(-n/c))^4. There are four cells in a row for each
 * address that is to be told apart, which makes 1 of 418 where they are all at
 * their limits.
 */

/** How many cells an address has: the rows. */
export const ROWS = 4;
const CELLS_PER_ADDRESS = 4;

/** How many cells a row has where so many addresses are to be told apart. */
export function rowSize(addresses: number): number {
  return CELLS_PER_ADDRESS * addresses;
}

/**
 * The cell of an address in a row (Kirsch and Mitzenmacher, "Less hashing, same
 * performance", 2006).
 *
 * @param first The first half of its hash.
 * @param second The second half.
 * @param size How many cells a row has.
 */
export function cellOf(
  row: number,
  first: number,
  second: number,
  size: number,
): number {
  const hash = first + row * (second | 1) >>> 0;
  // Its share of all hashes is that of the row: the size need be no power of two.
  return row * size + Math.floor(hash / 2 ** 32 * size);
}
