// docs/moving.md says of every name of Python's `select`, `selectors`, `asyncore` and
// `asynchat` what it is here: its tables are compared with CPython's names, and ours.

import { deepStrictEqual, ok } from "node:assert";
import * as poll from "../../poll/mod.ts";
import { Program, testWith } from "../_program.ts";
import "./_open_libc.ts";

const python = new Program("python3", "python3");

const PAGE = await Deno.readTextFile(
  new URL("../../docs/moving.md", import.meta.url),
);

const MODULES = ["select", "selectors", "asyncore", "asynchat"] as const;

interface Row {
  readonly theirs: readonly string[];
  /** What is here, as the table has it. */
  readonly here: string;
}

function rowsOf(module: string): Row[] {
  const section = PAGE.split(`### \`${module}\`\n`)[1]!.split("\n#")[0]!;
  return section.split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => {
      const [, theirs, here] = line.split("|");
      return { theirs: names(theirs!), here: here!.trim() };
    });
}

/** The names at the beginning of what is quoted. */
function names(cell: string): string[] {
  return Array.from(cell.matchAll(/`(\w+)[^`]*`/g), ([, name]) => name!);
}

const camelCase = (name: string) =>
  name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

/** All that this module exports, and what those things have. */
function ourNames(): Set<string> {
  using epolling = poll.epoll();
  using selector = new poll.DefaultSelector();
  const key = { fileobj: 0, fd: 0, events: 0, data: 0 };
  const chat = new poll.AsyncChat();
  const options = ["timeout", "map", "count", "signal", "more"];
  const found = new Set([...Object.keys(poll), ...Object.keys(key)]);
  for (const name of options) found.add(name);
  for (
    const each of [
      ...[poll.poll(), epolling, selector, chat],
      ...[new poll.DispatcherWithSend()],
    ]
  ) {
    for (
      let object: object = each;
      object !== Object.prototype;
      object = Object.getPrototypeOf(object)
    ) Object.getOwnPropertyNames(object).forEach((name) => found.add(name));
  }
  return found;
}

testWith(
  [python],
  "the tables have every name of CPython's modules of readiness",
  async () => {
    const theirs = JSON.parse(
      await python.run(["-I", "-W", "ignore", "-c", THEIR_NAMES]),
    ) as Record<string, string[]>;
    // The last two are not in every CPython.
    ok(theirs.select!.length > 30 && theirs.selectors!.length > 10);
    for (const module of MODULES) {
      // A chat is a dispatcher, too.
      const rows = module === "asynchat"
        ? [...rowsOf(module), ...rowsOf("asyncore")]
        : rowsOf(module);
      const known = new Set(rows.flatMap(({ theirs }) => theirs));
      const missing = (theirs[module] ?? []).filter((name) => !known.has(name));
      deepStrictEqual(missing, [], module);
    }
  },
);

/** Prints what is public in each module and in its classes, but for what it imports. */
const THEIR_NAMES = `
import importlib, json, types

def own(module, thing):
    return getattr(thing, "__module__", module) in (module, "builtins", "select")

found = {}
for module in ${JSON.stringify(MODULES)}:
    try:
        there = vars(importlib.import_module(module))
    except ImportError:
        continue
    names = {name: thing for name, thing in there.items()
        if not isinstance(thing, types.ModuleType) and own(module, thing)}
    for thing in list(names.values()):
        if isinstance(thing, type) and not (
            issubclass(thing, Exception) or thing.__name__ == "file_wrapper"):
            names.update(vars(thing))
    if module == "select":
        names.update(vars(type(there["poll"]())))
    # Numbers and names of errno, which asyncore imports.
    if module == "asyncore":
        names = {name for name in names if not name.startswith("E") or name == "ExitNow"}
        names.discard("errorcode")
    found[module] = sorted(name for name in names if name[0] != "_")
print(json.dumps(found))
`;

Deno.test("what the tables of docs/moving.md name is here", () => {
  const ours = ourNames();
  for (const module of MODULES) {
    const rows = rowsOf(module);
    ok(rows.length >= 8, `${module}: ${rows.length} rows`);
    for (const { theirs, here } of rows) {
      if (here.startsWith("missing")) continue;
      const named = here.startsWith("the same names") ? theirs : names(here);
      const unknown = named.filter((name) =>
        !ours.has(name) && !NOT_NAMES.has(name)
      );
      deepStrictEqual(unknown, [], here);
    }
  }
});

/** What the tables quote that is no value of this module's: types, and JavaScript. */
const NOT_NAMES: ReadonlySet<string> = new Set([
  ...["SelectorKey", "Producer", "await", "new", "using", "with", "null"],
]);

Deno.test("what the tables of docs/moving.md call missing is not here", () => {
  const ours = ourNames();
  const missing = MODULES.flatMap(rowsOf)
    .filter(({ here }) => here.startsWith("missing"))
    .flatMap(({ theirs }) => theirs);
  ok(missing.length > 10, `${missing.length} names`);
  deepStrictEqual(missing.map(camelCase).filter((name) => ours.has(name)), []);
});
