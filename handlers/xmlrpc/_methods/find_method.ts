/** A method, and the object to call it on. */
export interface FoundMethod {
  readonly method: Method;
  readonly owner: object;
}

export type Method = (...params: never[]) => unknown;

/**
 * The public method of that name, if the object has it.
 *
 * @param instance The object.
 * @param name Its name, with dots where the method is that of a member.
 * @param allowDottedNames Whether a dot leads to a member's members.
 */
export function findMethod(
  instance: object,
  name: string,
  allowDottedNames: boolean,
): FoundMethod | undefined {
  const path = allowDottedNames ? name.split(".") : [name];
  const last = path.pop()!;
  let owner: unknown = instance;
  for (const step of path) {
    if (!isPublicName(step)) return undefined;
    owner = publicMember(owner as object, step);
    // A function's members, such as "call", are nobody's to use.
    if (typeof owner !== "object" || owner === null) return undefined;
  }
  if (!isPublicName(last)) return undefined;
  const method = publicMember(owner as object, last);
  if (typeof method !== "function" || isClass(method)) return undefined;
  return { method: method as Method, owner: owner as object };
}

/** The names of all methods that `findMethod` finds without dots, sorted. */
export function publicMethodNames(instance: object): string[] {
  const names = new Set<string>();
  for (let object = instance; isOwn(object); object = prototypeOf(object)) {
    for (const name of Object.getOwnPropertyNames(object)) {
      if (findMethod(instance, name, false) !== undefined) names.add(name);
    }
  }
  return [...names].sort();
}

function isPublicName(name: string): boolean {
  return name !== "" && name !== "constructor" && !/^[_#]/.test(name);
}

/**
 * The value of a member that the object or its classes have. Not what
 * JavaScript's own classes give to every object, nor what an accessor would
 * return: to call one is to run code.
 */
function publicMember(object: object, name: string): unknown {
  for (let holder = object; isOwn(holder); holder = prototypeOf(holder)) {
    const property = Object.getOwnPropertyDescriptor(holder, name);
    if (property === undefined) continue;
    const inherited = holder !== object;
    return inherited && isBuiltIn(property.value) ? undefined : property.value;
  }
  return undefined;
}

function isOwn(object: object | null): object is object {
  return object !== null && object !== Object.prototype;
}

function prototypeOf(object: object): object {
  return Object.getPrototypeOf(object);
}

/** Whether it is a function of JavaScript's own, such as `Map.prototype.set`. */
function isBuiltIn(value: unknown): boolean {
  return typeof value === "function" &&
    /\{\s*\[native code\]\s*\}$/.test(sourceOf(value));
}

/** Whether it is a class, which can only be called with `new`. */
function isClass(value: object): boolean {
  return /^class\b/.test(sourceOf(value));
}

function sourceOf(value: object): string {
  return Function.prototype.toString.call(value);
}
