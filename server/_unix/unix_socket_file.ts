import { isGranted, missingOf, needsOfPath } from "../../handlers/_granted.ts";
import { resolve } from "node:path";
import { checkAddress } from "../../handlers/_check_address.ts";
import { isDeadUnixSocket } from "./probe_unix_socket.ts";

/** Where a Unix server listens. */
export interface UnixServerAddress {
  /**
   * The path of the socket file, at most 107 bytes on Linux and 103 on macOS;
   * see unix(7).
   */
  readonly path: string;
}

/** Options of the socket file of a Unix server. */
export interface UnixSocketFileOptions {
  /**
   * Takes over a path whose socket file a dead server left behind. One where a
   * server answers, and whatever is not a socket, is never touched.
   *
   * @default {false}
   */
  readonly reclaim?: boolean;
  /**
   * The permissions of the socket file, `0o000` to `0o777`. They are set right
   * after binding; until then the process's umask applies.
   */
  readonly mode?: number;
}

/** The names of those options. */
export const UNIX_OPTION_NAMES: readonly string[] = Object.keys(
  {
    reclaim: true,
    mode: true,
  } satisfies Record<keyof UnixSocketFileOptions, true>,
);

/** The socket file a server made. */
export class UnixSocketFile {
  readonly #path: string;
  readonly #dev: number;
  readonly #ino: number | null;

  private constructor(path: string) {
    const { dev, ino } = Deno.lstatSync(path);
    this.#path = path;
    this.#dev = dev;
    this.#ino = ino;
  }

  /**
   * Binds a socket to a path and sets the file's permissions.
   *
   * @param address Has the path. One that is relative is the same file whatever
   * the current directory is later.
   * @param options The file's.
   * @param listen Binds the socket to the path it is given.
   * @param more The keys that the address may have beside its own.
   * @throws {Deno.errors.AddrInUse} If the path exists and is not to be
   * reclaimed, or a server answers there, or it is not a socket.
   * @throws {RangeError} If `mode` is out of range.
   * @throws {TypeError} If the path is empty, too long, or not a string.
   */
  static bind<Socket extends { close(): void }>(
    address: UnixServerAddress,
    { reclaim = false, mode }: UnixSocketFileOptions,
    listen: (path: string) => Socket,
    more: readonly string[] = [],
  ): { readonly socket: Socket; readonly file: UnixSocketFile } {
    const known = ["path", "transport", ...more];
    checkAddress("path", address, known, "create server", [
      { keys: UNIX_OPTION_NAMES, where: "options, the third argument" },
    ]);
    const { path: given } = address;
    // Refuse an empty path: Linux would bind it to a name of its own choice.
    if (typeof given !== "string" || given === "") {
      throw new TypeError(
        `Cannot create server: path must be a string that is not empty, received ${
          Deno.inspect(given)
        }`,
      );
    }
    const path = resolve(given);
    if (
      mode !== undefined &&
      !(Number.isInteger(mode) && mode >= 0 && mode <= 0o777)
    ) {
      throw new RangeError(
        `Cannot create server: mode must be an integer from 0 to 0o777, received ${mode}`,
      );
    }
    const socket = UnixSocketFile.#listen(path, reclaim, listen);
    try {
      const file = new UnixSocketFile(path);
      if (mode !== undefined) Deno.chmodSync(path, mode);
      return { socket, file };
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  static #listen<Socket>(
    path: string,
    reclaim: boolean,
    listen: (path: string) => Socket,
  ): Socket {
    try {
      return listen(path);
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) {
        UnixSocketFile.#removeDead(path, reclaim, error);
        return listen(path);
      }
      // Deno names the first of three.
      if (error instanceof Deno.errors.NotCapable) {
        throw missingOf(needsOfPath(path), "listen on", error) ?? error;
      }
      if (error instanceof Deno.errors.NotFound) {
        throw new Deno.errors.NotFound(
          `Cannot listen on "${path}": its folder does not exist`,
          { cause: error },
        );
      }
      if (error instanceof TypeError && /SUN_LEN/.test(error.message)) {
        throw new TypeError(
          `Cannot listen on "${path}": the path is ${
            new TextEncoder().encode(path).length
          } bytes, too long for a Unix socket; use a shorter one`,
          { cause: error },
        );
      }
      throw error;
    }
  }

  static #removeDead(path: string, reclaim: boolean, cause: Error): void {
    const refuse = (why: string) =>
      new Deno.errors.AddrInUse(`Cannot listen on "${path}": ${why}`, {
        cause,
      });
    const { isSocket, dev, ino } = Deno.lstatSync(path);
    if (!isSocket) throw refuse("it exists and is not a socket");
    if (!reclaim) {
      throw refuse(
        "a socket is already there; if its server is dead, set the option reclaim: true to take it over",
      );
    }
    if (!isDeadUnixSocket(path)) throw refuse("a live server answers there");
    const again = Deno.lstatSync(path);
    if (again.dev !== dev || again.ino !== ino) {
      throw refuse("another process has just taken it");
    }
    Deno.removeSync(path);
  }

  /**
   * Whether the path still leads to the socket that was bound. The answer holds
   * only while that is open: after that its inode may be used again.
   */
  isOurs(): boolean {
    const found = this.#lstat();
    return found?.dev === this.#dev && found.ino === this.#ino;
  }

  /** Removes the file, if it is still the one that was bound. */
  remove(): void {
    if (this.isOurs()) Deno.removeSync(this.#path);
  }

  /**
   * Closes a `Deno.Listener`, which removes whatever is at its path by then,
   * and brings back what belongs to somebody else.
   *
   * Bringing it back takes a second name in the same folder. Where that is not
   * permitted, nobody is asked for the permission, and the file is lost.
   *
   * @param close Closes the listener and waits until it is gone.
   */
  async closeKeepingOthers(close: () => Promise<void>): Promise<void> {
    const kept = `${this.#path}.${crypto.randomUUID()}`;
    const keep = this.#lstat() !== undefined && !this.isOurs() &&
      isPermitted(kept);
    if (keep) Deno.linkSync(this.#path, kept);
    await close();
    if (keep) Deno.renameSync(kept, this.#path);
  }

  #lstat(): Deno.FileInfo | undefined {
    try {
      return Deno.lstatSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }
}

function isPermitted(path: string): boolean {
  return (["read", "write"] as const).every((name) =>
    isGranted({ name, path })
  );
}
