/**
 * The value of a field of a request, its lines joined: RFC 9110, section 5.3.
 *
 * @param rawHeaders Names and values in turn.
 * @param name The field's name, in lower case.
 * @returns `undefined` where the request has none.
 */
export function fieldValue(
  rawHeaders: readonly string[],
  name: string,
): string | undefined {
  let value: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const each = rawHeaders[i]!;
    if (each.length !== name.length || each.toLowerCase() !== name) continue;
    const line = rawHeaders[i + 1]!;
    value = value === undefined ? line : `${value}, ${line}`;
  }
  return value;
}
