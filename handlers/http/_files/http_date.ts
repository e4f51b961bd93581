const MONTHS = [
  ...["Jan", "Feb", "Mar", "Apr", "May", "Jun"],
  ...["Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
];
const TIME = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)";
const MONTH = `(?<month>${MONTHS.join("|")})`;
/** The three forms of RFC 9110, section 5.6.7; the first is the one in use. */
const FORMS: readonly RegExp[] = [
  `[A-Z][a-z]{2}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT`,
  `[A-Z][a-z]{5,8}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT`,
  `[A-Z][a-z]{2} ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`));

/**
 * Reads a date as HTTP headers have it.
 *
 * @param text The header's value.
 * @returns Milliseconds since the epoch, or `undefined` where it is no date,
 * and its header therefore to be ignored.
 */
export function parseHttpDate(text: string): number | undefined {
  for (const form of FORMS) {
    const groups = form.exec(text)?.groups;
    if (groups === undefined) continue;
    const [day, hour, minute, second] = ["day", "hour", "minute", "second"]
      .map((name) => Number(groups[name]));
    const date = Date.UTC(
      fullYear(groups.year!),
      MONTHS.indexOf(groups.month!),
      day,
    );
    // The 60th second is a leap second.
    const exists = new Date(date).getUTCDate() === day && hour! < 24 &&
      minute! < 60 && second! <= 60;
    if (!exists) return undefined;
    return date + ((hour! * 60 + minute!) * 60 + second!) * 1000;
  }
  return undefined;
}

/** Two digits are of a year that is less than 50 years ahead. */
function fullYear(year: string): number {
  if (year.length === 4) return Number(year);
  const now = new Date().getUTCFullYear();
  const guess = now - now % 100 + Number(year);
  return guess > now + 50 ? guess - 100 : guess;
}
