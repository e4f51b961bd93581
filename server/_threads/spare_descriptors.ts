/**
 * How many descriptors are kept: a thread takes six when it starts, many at a
 * time to import its modules, and one connection may still be accepted meanwhile.
 */
const SPARE = 24;

/** Errors that say that no descriptor is left, to this process or to the system. */
const NONE_LEFT: ReadonlySet<string> = new Set(["EMFILE", "ENFILE"]);

/**
 * Descriptors that are kept open, and given back when a thread is to be started:
 * where none is left to start with, Deno 2.9.6 ends the process, and asking for
 * more than one at a time cannot be tried. They are of a file that the threads
 * import, which must be readable anyway; where none is, as for modules from the
 * network, nothing is kept.
 */
export class SpareDescriptors implements Disposable {
  #files: URL[];
  readonly #kept: Disposable[] = [];

  /** @param modules The URLs of modules that threads import. */
  constructor(modules: readonly string[]) {
    this.#files = modules.map((url) => new URL(url)).filter(isReadable);
    this.fill();
  }

  /** Whether as many are kept as a thread needs, or none can be. */
  get full(): boolean {
    return this.#files.length === 0 || this.#kept.length === SPARE;
  }

  /**
   * Opens those that are missing, unless too few are left: then all are given
   * back.
   *
   * @returns Whether there were enough.
   */
  fill(): boolean {
    while (!this.full) {
      try {
        this.#kept.push(Deno.openSync(this.#files[0]!));
      } catch (error) {
        if (isWantOfDescriptors(error)) {
          // Some are of no use to a thread, and may be all that clients get.
          this[Symbol.dispose]();
          return false;
        }
        // The file is there no more.
        this.#files = this.#files.slice(1);
      }
    }
    return true;
  }

  /** Gives them back. */
  [Symbol.dispose](): void {
    for (const file of this.#kept.splice(0)) file[Symbol.dispose]();
  }
}

/** Whether it failed for want of descriptors, or what an import says that it did. */
export function isWantOfDescriptors(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return NONE_LEFT.has(String(code)) ||
    /Too many open files/.test(String(message));
}

/** Whether a module is a file that may be read without asking anybody. */
function isReadable(url: URL): boolean {
  if (url.protocol !== "file:") return false;
  const { state } = Deno.permissions.querySync({ name: "read", path: url });
  return state === "granted";
}
