/**
 * Takes away what Deno lets every program use without a permission, and what
 * reaches beyond its process: what it keeps on disk, where others find it, and
 * the graphics card. A `Worker` has its own of each, and so do its workers.
 *
 * This function is sent to workers as text: it uses nothing but its own.
 */
export function hideStores(): void {
  const hide = (target: object, name: string) =>
    Object.defineProperty(target, name, {
      value: undefined,
      writable: false,
      configurable: false,
    });
  hide(globalThis, "localStorage");
  hide(globalThis, "caches");
  // The classes too: any object can be marked as one of theirs, by what Deno has
  // internally, and a Storage can be made that keeps. Deno loads each only when
  // its name is looked up, so that without them there is nothing to be had.
  for (const name of ["Cache", "CacheStorage", "Storage"]) {
    hide(globalThis, name);
  }
  const session = Object.getOwnPropertyDescriptor(globalThis, "sessionStorage");
  if (session?.get !== undefined) {
    const { get } = session;
    Object.defineProperty(globalThis, "sessionStorage", {
      get() {
        // It is kept in memory, but has the class of the one that is not.
        const storage: object = get.call(globalThis);
        hide(Object.getPrototypeOf(storage), "constructor");
        return storage;
      },
      configurable: true,
      enumerable: true,
    });
  }
  hide(Object.getPrototypeOf(navigator), "gpu");
  // There where the handler's deno.json has it.
  hide(Deno, "openKv");

  const Original = globalThis.Worker;
  const guard = `data:application/javascript,${
    encodeURIComponent(`(${hideStores})();`)
  }`;
  const Guarded = function (
    specifier: string | URL,
    options?: WorkerOptions,
  ): Worker {
    if (new.target === undefined) {
      throw new TypeError(
        "Class constructor Worker cannot be invoked without 'new'",
      );
    }
    let url: string;
    try {
      url = new URL(specifier, globalThis.location?.href).href;
    } catch {
      // It says what is wrong with that.
      return Reflect.construct(Original, [specifier, options], new.target);
    }
    const source = `import ${JSON.stringify(guard)};import ${
      JSON.stringify(url)
    };`;
    const main = `data:application/javascript,${encodeURIComponent(source)}`;
    return Reflect.construct(Original, [main, options], new.target);
  };
  Object.defineProperty(Guarded, "name", { value: "Worker" });
  Guarded.prototype = Original.prototype;
  // Else the one that is not guarded could be had from it.
  Object.defineProperty(Original.prototype, "constructor", { value: Guarded });
  Object.defineProperty(globalThis, "Worker", {
    value: Guarded,
    writable: true,
    configurable: true,
    enumerable: false,
  });

  // What may write everywhere needs no store to do so.
  if (Deno.permissions.querySync({ name: "write" }).state === "granted") return;
  // Node's creates workers past that one, and nothing can be put before what
  // they run. Its constructor calls that of the class that it extends.
  const { process } = globalThis as unknown as {
    readonly process: {
      getBuiltinModule(id: string): {
        readonly Worker: new (...args: never[]) => unknown;
      };
    };
  };
  const { Worker: NodeWorker } = process.getBuiltinModule(
    "node:worker_threads",
  );
  Object.setPrototypeOf(NodeWorker, function (): never {
    throw new Deno.errors.NotSupported(
      "Cannot start a Worker of node:worker_threads: it could write to disk without a permission; use the global Worker, or permissions: { write: true }",
    );
  });
  Object.preventExtensions(NodeWorker);
}
