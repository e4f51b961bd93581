import { deepStrictEqual, ok } from "node:assert";
import { join } from "node:path";
import config from "../deno.json" with { type: "json" };

const ROOT = join(import.meta.dirname!, "..");

// What `deno doc --json` prints, as far as it is looked at here.

interface Comment {
  readonly doc?: string;
  readonly tags?: readonly { readonly kind: string; readonly name?: string }[];
}

interface Parameter {
  readonly kind: string;
  readonly name?: string;
  /** What has a default. */
  readonly left?: Parameter;
  /** What takes the rest. */
  readonly arg?: Parameter;
}

interface Signature {
  readonly params: readonly Parameter[];
  readonly returnType?: { readonly repr?: string; readonly value?: unknown };
  readonly hasBody?: boolean;
}

interface Member extends Partial<Signature> {
  readonly name: string;
  readonly jsDoc?: Comment;
  /** Of a class: a method or an accessor. */
  readonly kind?: string;
  readonly accessibility?: string;
  readonly functionDef?: Signature;
}

interface Declaration {
  readonly kind: string;
  readonly jsDoc?: Comment;
  readonly def: Partial<Signature> & {
    readonly constructors?: readonly Member[];
    readonly methods?: readonly Member[];
    readonly callSignatures?: readonly Member[];
    readonly isAbstract?: boolean;
  };
}

interface Exported {
  readonly name: string;
  readonly declarations: readonly Declaration[];
}

/** An entry of `deno.json`, and what its page shows. */
interface Entry {
  readonly path: string;
  readonly text: string;
  readonly symbols: readonly Exported[];
  /** What is more than a type. What an entry takes from others, it takes as types. */
  readonly values: ReadonlySet<string>;
}

async function read(path: string): Promise<Entry> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", path],
    cwd: ROOT,
  }).output();
  ok(code === 0, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  const [page] = Object.values(nodes) as {
    readonly module_doc?: Comment;
    readonly symbols: readonly Exported[];
  }[];
  return {
    path,
    text: page!.module_doc?.doc ?? "",
    symbols: page!.symbols,
    values: new Set(Object.keys(await import(join(ROOT, path)))),
  };
}

const entries: Entry[] = [];
for (const path of Object.values(config.exports)) {
  entries.push(await read(path));
}

/** Something to call, as a page shows it. */
interface Shown {
  readonly name: string;
  readonly comment: Comment | undefined;
  readonly signature: Signature;
  readonly isAccessor: boolean;
}

/** Leaves out what implements overloads, which is not for callers. */
function withoutBodies(group: readonly Shown[]): readonly Shown[] {
  const overloads = group.filter(({ signature }) => !signature.hasBody);
  return overloads.length > 0 ? overloads : group;
}

/** The methods, the constructors and the signatures of a class or an interface. */
function membersOf({ def }: Declaration, name: string): Shown[] {
  const members = [
    ...(def.constructors ?? []).map((each) => [`new ${name}`, each] as const),
    ...(def.callSignatures ?? []).map((each) => [name, each] as const),
    ...(def.methods ?? []).map((each) =>
      [`${name}.${each.name}`, each] as const
    ),
  ].filter(([, { accessibility }]) => accessibility !== "private");
  const shown = members.map(([name, member]): Shown => ({
    name: member.kind === "setter" ? `${name} =` : name,
    comment: member.jsDoc,
    signature: member.functionDef ?? member as Signature,
    isAccessor: /^[gs]etter$/.test(member.kind ?? ""),
  }));
  // A setter that is not documented is what its getter says.
  return shown.filter(({ name, comment }) =>
    comment !== undefined || !name.endsWith(" =") ||
    !shown.some((other) => `${other.name} =` === name)
  );
}

/** All that can be called of what an entry exports. */
function* callables({ symbols }: Entry): Generator<Shown> {
  for (const { name, declarations } of symbols) {
    const functions = declarations.filter(({ kind }) => kind === "function");
    yield* withoutBodies(functions.map(({ jsDoc, def }) => ({
      ...{ name, comment: jsDoc, isAccessor: false },
      signature: def as Signature,
    })));
    for (const declaration of declarations) {
      const members = membersOf(declaration, name);
      const groups = Map.groupBy(members, ({ name }) => name);
      for (const group of groups.values()) yield* withoutBodies(group);
    }
  }
}

/** The name of a parameter, unless it is a pattern, which has none. */
function nameOf({ name, left, arg }: Parameter): string | undefined {
  const inner = left ?? arg;
  return inner === undefined ? name : nameOf(inner);
}

/** Whether a caller gets something. */
function hasResult({ returnType }: Signature): boolean {
  if (returnType === undefined) return false;
  return !["void", "never", "this"].includes(returnType.repr ?? "");
}

/** What the documentation of something to call leaves out. */
function* missingOf(shown: Shown): Generator<string> {
  const { name, comment, signature, isAccessor } = shown;
  if (comment?.doc === undefined && comment?.tags === undefined) {
    return yield `${name} is not documented`;
  }
  // An accessor's value is what it is, and has no further words.
  if (isAccessor) return;
  const tags = comment.tags ?? [];
  const told = new Set(
    tags.filter(({ kind }) => kind === "param").map(({ name }) => name),
  );
  for (const parameter of signature.params) {
    const parameterName = nameOf(parameter);
    if (parameterName === undefined || told.delete(parameterName)) continue;
    yield `${name} has no @param ${parameterName}`;
  }
  for (const unknown of told) yield `${name} has no parameter ${unknown}`;
  if (name.startsWith("new ") || !hasResult(signature)) return;
  if (tags.some(({ kind }) => kind === "return")) return;
  yield `${name} has no @returns`;
}

/** Says where instances come from, where that is no constructor. */
const MAKER = /\bInstances\s+are\s+made\s+by\s/;

Deno.test("what can be called is documented, each overload with its parameters and its result", () => {
  const missing = entries.flatMap((entry) =>
    [...callables(entry)].flatMap((shown) =>
      [...missingOf(shown)].map((text) => `${entry.path}: ${text}`)
    )
  );
  deepStrictEqual(missing, []);
});

Deno.test("the page of a class has a constructor, or says who makes instances", () => {
  const silent: string[] = [];
  let classes = 0;
  for (const { path, symbols } of entries) {
    for (const { name, declarations } of symbols) {
      const page = declarations.find(({ kind }) => kind === "class");
      if (page === undefined) continue;
      classes++;
      const open = page.def.constructors?.some(({ accessibility }) =>
        accessibility !== "private"
      );
      if (open || MAKER.test(page.jsDoc?.doc ?? "")) continue;
      silent.push(`${path}: ${name}`);
    }
  }
  deepStrictEqual(silent, []);
  ok(classes > 50, `${classes} classes`);
});

/** The names of the types in a part of a page that the module has defined. */
function* typesIn(part: unknown): Generator<string> {
  if (typeof part !== "object" || part === null) return;
  const { typeName, resolution } = part as {
    readonly typeName?: string;
    readonly resolution?: { readonly kind: string };
  };
  if (typeName !== undefined && resolution !== undefined) {
    if (resolution.kind !== "typeParam") yield typeName.split(".")[0]!;
  }
  for (const value of Object.values(part)) yield* typesIn(value);
}

/** What a page defines, without what nobody outside can use. */
function usable({ def }: Declaration): unknown {
  const isUsable = (member: Member) => member.accessibility !== "private";
  return {
    ...def,
    constructors: def.constructors?.filter(isUsable),
    methods: def.methods?.filter(isUsable),
  };
}

Deno.test("every type that a page of an entry names is exported there", () => {
  const hidden: string[] = [];
  for (const { path, symbols, values } of entries) {
    const names = new Set(symbols.map(({ name }) => name));
    for (const { name, declarations } of symbols) {
      const overloads = declarations.filter(({ def }) => !def.hasBody);
      for (
        const declaration of overloads.length > 0 ? overloads : declarations
      ) {
        if (declaration.kind === "class" && !values.has(name)) continue;
        for (const type of typesIn(usable(declaration))) {
          if (!names.has(type)) hidden.push(`${path}: ${name} names ${type}`);
        }
      }
    }
  }
  deepStrictEqual([...new Set(hidden)], []);
});

/** What a part of a page links to. */
function* linksIn(part: unknown): Generator<string> {
  if (typeof part === "string") {
    for (const [, name] of part.matchAll(/\{@linkcode\s+([\w$]+)/g)) {
      yield name!;
    }
  }
  if (typeof part !== "object" || part === null) return;
  for (const value of Object.values(part)) yield* linksIn(value);
}

Deno.test("what the functions and classes of an entry link to is exported there", () => {
  const broken: string[] = [];
  for (const { path, symbols, values } of entries) {
    const names = new Set(["Deno", ...symbols.map(({ name }) => name)]);
    for (const { name, declarations } of symbols) {
      if (!values.has(name)) continue;
      for (const link of linksIn(declarations)) {
        if (!names.has(link)) broken.push(`${path}: ${name} links to ${link}`);
      }
    }
  }
  deepStrictEqual([...new Set(broken)], []);
});

Deno.test("an entry has each name once, and begins with what it is for", () => {
  for (const { path, text, symbols } of entries) {
    ok(text.length > 200, `${path} says little: ${text}`);
    deepStrictEqual(
      symbols.filter(({ declarations }) =>
        declarations.some(({ kind }) => kind === "reference")
      ).map(({ name }) => `${path}: ${name}`),
      [],
    );
  }
});
