import { isWantOfDescriptors } from "../_core/accept_errors.ts";

/**
 * How many descriptors a thread needs to start, and how many are kept for it: it
 * takes six, many at a time to import its modules, and one connection may still
 * be accepted meanwhile.
 */
export const NEEDED = 24;

/**
 * How long to wait, where too few descriptors are left to start a thread, before
 * it is tried again, in milliseconds. A server that cannot accept waits as long.
 */
export const DESCRIPTOR_PAUSE = 100;

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
    return this.#files.length === 0 || this.#kept.length === NEEDED;
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

  /** Whether so many more could be opened. They are closed again at once. */
  hasBeyond(count: number): boolean {
    const opened: Disposable[] = [];
    try {
      while (this.#files.length > 0 && opened.length < count) {
        opened.push(Deno.openSync(this.#files[0]!));
      }
      return true;
    } catch (error) {
      return !isWantOfDescriptors(error);
    } finally {
      for (const file of opened) file[Symbol.dispose]();
    }
  }

  /** Gives them back. */
  [Symbol.dispose](): void {
    for (const file of this.#kept.splice(0)) file[Symbol.dispose]();
  }
}

/** Whether a module is a file that may be read without asking anybody. */
function isReadable(url: URL): boolean {
  if (url.protocol !== "file:") return false;
  const { state } = Deno.permissions.querySync({ name: "read", path: url });
  return state === "granted";
}

/** Says that a thread cannot be started for want of them. */
export function tooFewError(): Error {
  return new Deno.errors.Busy(
    "Cannot start a thread: too few descriptors are left; raise the limit (ulimit -n)",
  );
}
