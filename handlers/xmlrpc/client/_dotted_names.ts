/** What the object is beside its members. */
export interface DottedRoot {
  /** How it is printed. */
  readonly description: string;
  /** What calling the object itself does. */
  readonly apply: (params: unknown[]) => unknown;
  /** What it has by symbols. */
  readonly symbols?: Readonly<Record<symbol, unknown>>;
}

/** Calls a method by its name. */
export type CallByName = (name: string, params: unknown[]) => unknown;

/**
 * Names that the language looks up by itself, and calls if there is something:
 * whatever is awaited, returned from an async function, or made JSON of.
 */
const LANGUAGE_NAMES: readonly string[] = ["then", "toJSON"];

/**
 * An object that has methods of all names, and those have members in turn: what
 * is called at `object.a.b` is the method `a.b`.
 */
export function dottedNames(root: DottedRoot, call: CallByName): object {
  return member("", root, call);
}

function member(path: string, root: DottedRoot, call: CallByName): object {
  const description = path === "" ? root.description : `${path}()`;
  const target = Object.assign(() => {}, {
    // Deno looks at the target of a proxy, and asks nothing else.
    [Symbol.for("Deno.customInspect")]: () => description,
  });
  return new Proxy(target, {
    apply: (_target, _self, params) =>
      path === "" ? root.apply(params) : call(path, params),
    get: (_target, key) => {
      if (key === Symbol.toPrimitive) return () => description;
      if (typeof key === "symbol") {
        return path === "" ? root.symbols?.[key] : undefined;
      }
      if (LANGUAGE_NAMES.includes(key)) return undefined;
      return member(path === "" ? key : `${path}.${key}`, root, call);
    },
    // What is set would never be called.
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
}
