import { isWantOfDescriptors } from "../_core/accept_errors.ts";
import { isGranted } from "../../handlers/_granted.ts";

/**
 * How many descriptors a thread needs to start, and how many are kept for it: it
 * takes six, many at a time to import its modules, and one connection may still
 * be accepted meanwhile.
 */
const NEEDED = 24;

/**
 * How long to wait, where too few descriptors are left to start a thread, before
 * it is tried again, in milliseconds. A server that cannot accept waits as long.
 */
export const DESCRIPTOR_PAUSE = 100;

/** A thread that can be waited for without a turn of the event loop. */
interface StartedSync {
  /** Waits until it is ready. */
  readySync(): void;
  /** Ends it now. */
  terminate(cause: Error): void;
}

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

  /**
   * Starts the first thread of a server, and waits for it.
   *
   * @param make Makes the thread.
   * @throws What kept it from starting.
   * @throws {Deno.errors.Busy} If too few descriptors are left for it, or to
   * replace it and accept a client: such a server is none.
   */
  startFirst<Thread extends StartedSync>(make: () => Thread): Thread {
    const enough = this.full;
    this[Symbol.dispose]();
    if (!enough) throw tooFewError();
    const first = make();
    first.readySync();
    if (this.fill() && this.#hasBeyond(1)) return first;
    this[Symbol.dispose]();
    first.terminate(tooFewError());
    throw tooFewError();
  }

  /**
   * Whether there are enough to start another thread. One beside others must leave
   * as many as are needed to replace them.
   *
   * @param alone Whether there is no other.
   * @param starting Whether another starts: what is left is for its imports.
   */
  suffice(alone: boolean, starting: boolean): boolean {
    if (starting && !this.full) return false;
    return this.fill() && (alone || this.#hasBeyond(NEEDED));
  }

  /** Whether so many more could be opened. They are closed again at once. */
  #hasBeyond(count: number): boolean {
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
  return isGranted({ name: "read", path: url });
}

/** Says that a thread cannot be started for want of them. */
export function tooFewError(): Error {
  return new Deno.errors.Busy(
    "Cannot start a thread: too few descriptors are left; raise the limit (ulimit -n)",
  );
}
