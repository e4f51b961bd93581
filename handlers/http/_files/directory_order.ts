import type { DirectoryEntry } from "./directory_entries.ts";

/** What entries are sorted by. */
export type SortKey = "name" | "size" | "date";

/** How a listing is sorted. */
export interface DirectoryOrder {
  /** What it is sorted by. */
  readonly by: SortKey;
  /** Whether the largest come first, or the latest, or the last names. */
  readonly descending: boolean;
}

/** 2 before 10, and small letters beside their capitals. */
const byName = new Intl.Collator("en", { numeric: true });

const COMPARE: Readonly<
  Record<SortKey, (a: DirectoryEntry, b: DirectoryEntry) => number>
> = {
  name: () => 0,
  size: (a, b) => a.size - b.size,
  date: (a, b) => (a.modified?.getTime() ?? 0) - (b.modified?.getTime() ?? 0),
};

/**
 * Reads how a listing is to be sorted.
 *
 * @param query The query of a URL.
 * @returns What it says; by name, where it says nothing that is known.
 */
export function orderIn(query: string): DirectoryOrder {
  const parameters = new URLSearchParams(query);
  const by = parameters.get("sort") ?? "";
  return {
    by: Object.hasOwn(COMPARE, by) ? by as SortKey : "name",
    descending: parameters.get("order") === "desc",
  };
}

/**
 * Sorts entries: directories first, and equal ones by name.
 *
 * @param entries The entries.
 * @param order How to sort them.
 * @returns A new array.
 */
export function sortEntries(
  entries: readonly DirectoryEntry[],
  { by, descending }: DirectoryOrder,
): DirectoryEntry[] {
  const sign = descending ? -1 : 1;
  const compare = COMPARE[by];
  return entries.toSorted((a, b) =>
    Number(b.isDirectory) - Number(a.isDirectory) ||
    sign * compare(a, b) ||
    (by === "name" ? sign : 1) * compareNames(a.name, b.name)
  );
}

function compareNames(a: string, b: string): number {
  return byName.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}
