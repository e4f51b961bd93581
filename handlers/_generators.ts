const PROTOTYPES: readonly unknown[] = [
  Object.getPrototypeOf(function* () {}),
  Object.getPrototypeOf(async function* () {}),
];

/**
 * Checks that a function runs when it is called: a generator function only makes
 * a generator then, which nobody asks for its values.
 *
 * @param what What the function is: "the handler".
 * @param action What fails otherwise.
 * @throws {TypeError} If it is a generator function, or an asynchronous one.
 */
export function refuseGenerator(
  what: string,
  fn: unknown,
  action = "create server",
): void {
  if (typeof fn !== "function") return;
  if (!PROTOTYPES.includes(Object.getPrototypeOf(fn))) return;
  throw new TypeError(
    `Cannot ${action}: ${what} is a generator function, which does not run when it is called; make it a function or an async function`,
  );
}

/**
 * Checks that what is to be called is a function, and runs then.
 *
 * @throws {TypeError} If it is none, or a generator function.
 */
export function checkRuns(what: string, fn: unknown, action: string): void {
  refuseGenerator(what, fn, action);
  if (typeof fn === "function") return;
  throw new TypeError(
    `Cannot ${action}: ${what} must be a function, received ${
      Deno.inspect(fn)
    }`,
  );
}

/**
 * Checks the methods of a handler class that are called for a request.
 *
 * @param Handler The class.
 * @param isCalled Whether a method of such a name is.
 * @throws {TypeError} If one of them is a generator function.
 */
export function refuseGeneratorMethods(
  Handler: { readonly name: string; readonly prototype: object },
  isCalled: (name: string) => boolean,
): void {
  const seen = new Set<string>();
  for (
    let level = Handler.prototype;
    level !== null && level !== Object.prototype;
    level = Object.getPrototypeOf(level)
  ) {
    const properties = Object.getOwnPropertyDescriptors(level);
    for (const [name, { value }] of Object.entries(properties)) {
      // What a class overrides is not called.
      if (!isCalled(name) || seen.has(name)) continue;
      seen.add(name);
      refuseGenerator(`${name}() of the class "${Handler.name}"`, value);
    }
  }
}
