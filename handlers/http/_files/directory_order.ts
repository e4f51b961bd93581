import { nextTurn } from "../../_next_turn.ts";
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

type Compare = (a: DirectoryEntry, b: DirectoryEntry) => number;

/**
 * Sorts entries: directories first, and equal ones by name.
 *
 * @param entries The entries.
 * @param order How to sort them.
 * @returns A new array.
 */
export function sortEntries(
  entries: readonly DirectoryEntry[],
  order: DirectoryOrder,
): DirectoryEntry[] {
  return entries.toSorted(compareIn(order));
}

/** How many entries are sorted or joined in one turn of the event loop. */
const A_TURN = 1_000;

/**
 * As `sortEntries`, a part in each turn of the event loop: to compare names as
 * people do takes long.
 */
export async function sortInTurns(
  entries: readonly DirectoryEntry[],
  order: DirectoryOrder,
): Promise<DirectoryEntry[]> {
  if (entries.length <= A_TURN) return sortEntries(entries, order);
  const compare = compareIn(order);
  let runs: DirectoryEntry[][] = [];
  for (let at = 0; at < entries.length; at += A_TURN) {
    runs.push(entries.slice(at, at + A_TURN).sort(compare));
    await nextTurn();
  }
  // Each round leaves half as many.
  while (runs.length > 1) {
    const longer: DirectoryEntry[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      longer.push(await merge(runs[i]!, runs[i + 1] ?? [], compare));
    }
    runs = longer;
  }
  return runs[0]!;
}

async function merge(
  a: readonly DirectoryEntry[],
  b: readonly DirectoryEntry[],
  compare: Compare,
): Promise<DirectoryEntry[]> {
  const merged: DirectoryEntry[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    merged.push(compare(a[i]!, b[j]!) <= 0 ? a[i++]! : b[j++]!);
    if (merged.length % A_TURN === 0) await nextTurn();
  }
  for (; i < a.length; i++) merged.push(a[i]!);
  for (; j < b.length; j++) merged.push(b[j]!);
  return merged;
}

function compareIn({ by, descending }: DirectoryOrder): Compare {
  const sign = descending ? -1 : 1;
  const compare = COMPARE[by];
  return (a, b) =>
    Number(b.isDirectory) - Number(a.isDirectory) ||
    sign * compare(a, b) ||
    (by === "name" ? sign : 1) * compareNames(a.name, b.name);
}

function compareNames(a: string, b: string): number {
  return byName.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}
