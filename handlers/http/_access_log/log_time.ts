const MONTHS = [
  ...["Jan", "Feb", "Mar", "Apr", "May", "Jun"],
  ...["Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
];

let second = NaN;
let local = "";
let zone = "";

/**
 * A time as Apache logs it, `%t` of mod_log_config: in local time, with its zone.
 *
 * @param time Milliseconds since the epoch.
 */
export function commonTime(time: number): string {
  write(time);
  return `[${local} ${zone}]`;
}

/** The same as `log_date_time_string()` of CPython has it, without a zone. */
export function pythonTime(time: number): string {
  write(time);
  return `[${local.replace(":", " ")}]`;
}

/** Requests of the same second have the same time. */
function write(time: number): void {
  const next = Math.floor(time / 1000);
  if (next === second) return;
  second = next;
  const date = new Date(time);
  const day = [
    two(date.getDate()),
    MONTHS[date.getMonth()],
    date.getFullYear(),
  ].join("/");
  local = [day, date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => typeof part === "number" ? two(part) : part)
    .join(":");
  // What is ahead of UTC is negative here.
  const offset = -date.getTimezoneOffset();
  const minutes = Math.abs(offset);
  zone = (offset < 0 ? "-" : "+") +
    two(Math.floor(minutes / 60)) + two(minutes % 60);
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
