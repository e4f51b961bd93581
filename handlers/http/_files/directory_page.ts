import { escapeHtml } from "../_connection/escape_html.ts";
import type { DirectoryEntry } from "./directory_entries.ts";
import type { DirectoryOrder, SortKey } from "./directory_order.ts";
import { DIRECTORY_STYLE } from "./directory_style.ts";
import { folderPath } from "./target_path.ts";

/** What a page shows of a directory. */
export interface DirectoryListing {
  /** The names on the way to it, from the directory that is served. */
  readonly names: readonly string[];
  /** What is in it, sorted. */
  readonly entries: readonly DirectoryEntry[];
  /** How it is sorted. */
  readonly order: DirectoryOrder;
  /**
   * Whether these entries are all.
   *
   * @default {true}
   */
  readonly isComplete?: boolean;
}

/** Drawn once, and shown in each row. */
const ICONS = `<svg class="icons" aria-hidden="true">
<symbol id="folder" viewBox="0 0 16 16"><path d="M1.5 3A1.5 1.5 0 0 1 3 1.5h3.2c.4 0 .8.2 1.1.5l1 1H13A1.5 1.5 0 0 1 14.5 4.5v8A1.5 1.5 0 0 1 13 14H3a1.5 1.5 0 0 1-1.5-1.5z"/></symbol>
<symbol id="file" viewBox="0 0 16 16"><path fill-rule="evenodd" d="M4 1h5.6l3.9 3.9v8.6A1.5 1.5 0 0 1 12 15H4a1.5 1.5 0 0 1-1.5-1.5v-11A1.5 1.5 0 0 1 4 1zm5 1.5H4v11h8v-8H9z"/></symbol>
</svg>`;
const FOLDER_ICON = icon("folder");
const FILE_ICON = icon("file");

const COLUMNS: readonly (readonly [SortKey, string])[] = [
  ["name", "Name"],
  ["size", "Size"],
  ["date", "Modified (UTC)"],
];

/** How many entries are in one part of a page. */
const ROWS_A_PART = 100;

/**
 * The page of a directory: HTML that needs no script, and nothing else loaded.
 *
 * @param listing What it shows.
 */
export function directoryPage(listing: DirectoryListing): string {
  return [...directoryPageParts(listing)].join("");
}

/** The same in parts, so that nobody has to hold all of it. */
export function* directoryPageParts(
  { names, entries, order, isComplete = true }: DirectoryListing,
): Generator<string, void> {
  yield `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Index of ${shown(`/${names.map((name) => `${name}/`).join("")}`)}</title>
<style>${DIRECTORY_STYLE}</style>
</head>
<body>
<h1>${breadcrumb(names)}</h1>
<p>${summary(entries)}${
    isComplete ? "" : "; there is more, which is not listed"
  }</p>
<table>
<thead><tr>${
    COLUMNS.map((column) => heading(column, order)).join("")
  }</tr></thead>
<tbody>
`;
  if (names.length > 0) yield `${PARENT}\n`;
  if (entries.length === 0) yield `${EMPTY}\n`;
  for (let at = 0; at < entries.length; at += ROWS_A_PART) {
    const rows = entries.slice(at, at + ROWS_A_PART).map(row);
    yield `${rows.join("\n")}\n`;
  }
  yield `</tbody>
</table>
${ICONS}
</body>
</html>
`;
}

const PARENT =
  `<tr><td><a href="../">${FOLDER_ICON}<span>..</span></a></td><td></td><td></td></tr>`;
const EMPTY = `<tr><td class="empty" colspan="3">Nothing is here</td></tr>`;

function icon(name: string): string {
  return `<svg class="${name}" aria-hidden="true"><use href="#${name}"/></svg>`;
}

/** Each name on the way is a link, but for the last, which is this page. */
function breadcrumb(names: readonly string[]): string {
  const steps = ["Index", ...names].map((name, depth) => {
    const text = `<bdi>${shown(name)}</bdi>`;
    return depth === names.length
      ? `<span aria-current="page">${text}</span>`
      : `<a href="${
        escapeHtml(folderPath(names.slice(0, depth)))
      }">${text}</a>`;
  });
  return steps.join('<span class="slash">/</span>');
}

function summary(entries: readonly DirectoryEntry[]): string {
  const files = entries.filter(({ isDirectory }) => !isDirectory);
  const size = files.reduce((total, { size }) => total + size, 0);
  const folders = entries.length - files.length;
  return `${counted(folders, "folder")}, ${counted(files.length, "file")}` +
    (files.length > 0 ? `, ${readableSize(size)}` : "");
}

/** Made once: numbers that are written make their own each time. */
const inGroups = new Intl.NumberFormat("en");

function counted(count: number, what: string): string {
  return `${inGroups.format(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** A link that sorts, and turns the order round where it is sorted by that. */
function heading(
  [key, title]: readonly [SortKey, string],
  { by, descending }: DirectoryOrder,
): string {
  const isCurrent = key === by;
  const order = isCurrent && !descending ? "desc" : "asc";
  const sorted = isCurrent
    ? ` aria-sort="${descending ? "descending" : "ascending"}"`
    : "";
  const arrow = isCurrent ? (descending ? " ↓" : " ↑") : "";
  return `<th scope="col"${sorted}><a href="?sort=${key}&amp;order=${order}">${title}${arrow}</a></th>`;
}

function row({ name, isDirectory, size, modified }: DirectoryEntry): string {
  const slash = isDirectory ? "/" : "";
  const icon = isDirectory ? FOLDER_ICON : FILE_ICON;
  const link = `<a href="${
    escapeHtml(encodeURIComponent(name))
  }${slash}">${icon}<bdi>${shown(name)}${slash}</bdi></a>`;
  const sizeText = isDirectory
    ? "–"
    : `<span title="${counted(size, "byte")}">${readableSize(size)}</span>`;
  return `<tr><td>${link}</td><td>${sizeText}</td><td>${
    modified === null ? "" : time(modified)
  }</td></tr>`;
}

function time(date: Date): string {
  const iso = date.toISOString();
  const minutes = iso.lastIndexOf(":");
  return `<time datetime="${iso}">${
    iso.slice(0, minutes - 6)
  }<span class="time"> ${iso.slice(minutes - 5, minutes)}</span></time>`;
}

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** Three digits at least, where there are so many. */
function readableSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let size = bytes / 1024;
  let unit = 0;
  // What would be written as 1024 is 1 of the next unit.
  while (size >= 1023.5 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0)} ${
    UNITS[unit]
  }`;
}

/** A name as text: control characters, which would not be seen, as their signs. */
function shown(name: string): string {
  return escapeHtml(name).replaceAll(
    // deno-lint-ignore no-control-regex -- they are what is replaced.
    /[\x00-\x1f\x7f]/g,
    (character) =>
      character === "\x7f"
        ? "\u2421"
        : String.fromCharCode(0x2400 + character.charCodeAt(0)),
  );
}
