/**
 * Checks of what a handler class is set to by its static properties. A setting
 * that is wrong would have no effect, or one with every request.
 */

/** @throws {TypeError} If a setting is neither true nor false. */
export function checkBoolean(
  action: string,
  name: string,
  value: unknown,
): void {
  if (typeof value !== "boolean") {
    throw wrong(action, name, "true or false", value);
  }
}

/** @throws {RangeError} If a setting is no number of at least `least`. */
export function checkNumber(
  action: string,
  name: string,
  value: unknown,
  least: number,
): void {
  if (typeof value === "number" && value >= least) return;
  throw new RangeError(
    message(action, name, `a number of at least ${least}`, value),
  );
}

/** @throws {TypeError} If a setting is no array of texts. */
export function checkTexts(action: string, name: string, value: unknown): void {
  if (Array.isArray(value) && value.every(isText)) return;
  throw wrong(action, name, "an array of texts", value);
}

/** @throws {TypeError} If a setting is no object whose values are texts. */
export function checkTextsByName(
  action: string,
  name: string,
  value: unknown,
): void {
  if (
    typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.values(value).every(isText)
  ) return;
  throw wrong(action, name, "an object whose values are texts", value);
}

/** The error of a setting of another type. */
export function wrong(
  action: string,
  name: string,
  what: string,
  value: unknown,
): TypeError {
  return new TypeError(message(action, name, what, value));
}

function message(
  action: string,
  name: string,
  what: string,
  value: unknown,
): string {
  return `Cannot ${action}: ${name} must be ${what}, received ${
    Deno.inspect(value)
  }`;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
