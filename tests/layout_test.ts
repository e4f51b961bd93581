import { deepStrictEqual, ok } from "node:assert";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

/** The modules of the library, by their paths from its root. */
function modules(folder: string): string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...modules(path));
    else if (name.endsWith(".ts")) found.push(path);
  }
  return found;
}

/** What a module imports or exports from a file: types and dynamic imports too. */
function importsOf(path: string, source: string): string[] {
  const code = source.replace(/\/\*[^]*?\*\//g, "").replace(
    /^\s*\/\/.*$/gm,
    "",
  );
  const statements =
    /^(?:import|export)\b[^;'"`]*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
  return Array.from(
    code.matchAll(statements),
    (match) => match[1] ?? match[2] ?? match[3]!,
  )
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => join(dirname(path), specifier));
}

type Graph = ReadonlyMap<string, readonly string[]>;

function graph(): Graph {
  const paths = ["mod.ts", ...["server", "handlers", "poll"].flatMap(modules)];
  return new Map(paths.map((path) => [
    path,
    importsOf(path, Deno.readTextFileSync(join(ROOT, path))),
  ]));
}

/** The groups of files that reach one another (Tarjan, 1972). */
function circles(imports: Graph): string[][] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (path: string) => {
    order.set(path, order.size);
    lowest.set(path, order.get(path)!);
    stack.push(path);
    for (const next of imports.get(path) ?? []) {
      if (!order.has(next)) visit(next);
      else if (!stack.includes(next)) continue;
      lowest.set(path, Math.min(lowest.get(path)!, lowest.get(next)!));
    }
    if (lowest.get(path) !== order.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1 || imports.get(path)!.includes(path)) {
      found.push(group.sort());
    }
  };
  for (const path of imports.keys()) if (!order.has(path)) visit(path);
  return found;
}

/** Why a file must not import another, if it must not. */
function wrongWay(from: string, to: string): string | undefined {
  const [folder] = from.split("/");
  const [target] = to.split("/");
  if (to.startsWith("..")) return "leaves the library";
  if (to.endsWith("mod.ts") && !from.endsWith("mod.ts")) {
    return "what mod.ts exports is imported from where it is";
  }
  if (folder === "handlers" && target !== "handlers") {
    return "handlers know no servers";
  }
  if (folder === "poll" && target !== "poll") return "poll stands alone";
  if (folder !== "poll" && target === "poll") return "poll stands alone";
  return undefined;
}

const imports = graph();

Deno.test("imports are found in every form", () => {
  const source = `import { a } from "./a.ts";
import type { B } from "../b.ts";
import "./c.ts";
export * from "./d.ts";
export {
  type E,
} from "./e.ts";
/** @example
 * import { x } from "./no.ts";
 */
// import "./no.ts";
const f: import("./f.ts").F = await import("./g.ts");
import { strictEqual } from "node:assert";
`;
  deepStrictEqual(importsOf("x/y.ts", source), [
    "x/a.ts",
    "b.ts",
    "x/c.ts",
    "x/d.ts",
    "x/e.ts",
    "x/f.ts",
    "x/g.ts",
  ]);
});

Deno.test("circles are found, of one file too", () => {
  const found = circles(
    new Map([
      ["a", ["b"]],
      ["b", ["c", "d"]],
      ["c", ["a"]],
      ["d", ["e"]],
      ["e", []],
      ["f", ["f"]],
    ]),
  );
  deepStrictEqual(found, [["a", "b", "c"], ["f"]]);
});

Deno.test("every import names a file that is there", () => {
  for (const [from, targets] of imports) {
    for (const to of targets) ok(imports.has(to), `${from} imports ${to}`);
  }
  ok(imports.size > 100, `${imports.size} modules`);
});

Deno.test("no modules import each other in a circle, types included", () => {
  deepStrictEqual(circles(imports), []);
});

Deno.test("imports go one way: mod.ts, server, handlers; poll stands alone", () => {
  const wrong: string[] = [];
  for (const [from, targets] of imports) {
    for (const to of targets) {
      const why = wrongWay(from, to);
      if (why !== undefined) wrong.push(`${from} imports ${to}: ${why}`);
    }
  }
  deepStrictEqual(wrong, []);
});

Deno.test("what carries frames is not known where frames are", () => {
  const carriers = ["server/_threads/", "server/_processes/"];
  const wrong: string[] = [];
  for (const [from, targets] of imports) {
    if (!from.startsWith("server/_bridge/")) continue;
    for (const to of targets) {
      if (carriers.some((folder) => to.startsWith(folder))) {
        wrong.push(`${from} imports ${to}`);
      }
    }
  }
  deepStrictEqual(wrong, []);
});
