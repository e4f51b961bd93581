/** How many letters may be wrong in a name that was meant. */
const MOST_WRONG = 2;
/** How many letters of a name say which was meant, where it goes on. */
const LEAST_BEGUN = 4;

/** Keys that are easily taken for those of an object, and where they belong. */
export interface Elsewhere {
  readonly keys: readonly string[];
  readonly where: string;
}

/**
 * Checks that an object has no other keys than those that are looked at: a name
 * that is mistyped would be ignored in silence.
 *
 * @param what What the keys are: "option".
 * @param given The object.
 * @param known The keys that it may have.
 * @param elsewhere Keys that belong somewhere else.
 * @param action What fails otherwise.
 * @throws {TypeError} If it is no object, or has another key.
 */
export function checkKeys(
  what: string,
  given: object,
  known: readonly string[],
  elsewhere: readonly Elsewhere[] = [],
  action = "create server",
): void {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(
      `Cannot ${action}: the ${what}s must be an object, received ${
        Deno.inspect(given)
      }`,
    );
  }
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const place = elsewhere.find(({ keys }) => keys.includes(key));
    throw new TypeError(
      `Cannot ${action}: unknown ${what} "${key}"; ${
        place === undefined
          ? remedy(key, known)
          : `it belongs to the ${place.where}`
      }`,
    );
  }
}

/**
 * As `checkKeys`, for the options of what is made or called for every
 * connection: it makes no array of their names, and takes about 10 ns.
 */
export function checkFewKeys(
  options: object,
  known: readonly string[],
  action: string,
): void {
  let isKnown = typeof options === "object" && options !== null;
  for (const key in options) {
    if (!known.includes(key)) isKnown = false;
  }
  if (!isKnown) checkKeys("option", options, known, undefined, action);
}

function remedy(key: string, known: readonly string[]): string {
  const meant = known.find((name) =>
    name.toLowerCase() === key.toLowerCase() ||
    (key.length >= LEAST_BEGUN && name.startsWith(key)) ||
    distance(name, key) <= Math.min(MOST_WRONG, name.length / 3)
  );
  return meant === undefined
    ? `known are ${known.join(", ")}`
    : `did you mean "${meant}"?`;
}

/** The Levenshtein distance of two short texts (Wagner and Fischer, 1974). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(
        next[j - 1]! + 1,
        row[j]! + 1,
        row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length]!;
}
