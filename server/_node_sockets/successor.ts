import process from "node:process";
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { makeTCPHandle } from "./handles.ts";
import { pidForSuccessor, READY } from "./handover.ts";

/** How long one that is told to end may take, in milliseconds. */
const END_WITHIN = 5_000;

/** A process that is to take over sockets. */
export class Successor {
  readonly #child: ChildProcess;
  /** Settles when it has ended, with what it ended with. */
  readonly #ended: Promise<string>;
  #hasEnded = false;

  /**
   * Starts it.
   *
   * @param args Of `deno`.
   * @param env Its environment.
   * @param descriptors The sockets.
   * @param names Their names.
   */
  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    descriptors: readonly number[],
    names: readonly string[],
  ) {
    const { spawn } = process.getBuiltinModule("node:child_process");
    // By its name and not by its path: node:child_process takes that for a program
    // of Node's, and would give it all permissions.
    const child = this.#child = spawn("deno", args, {
      env: {
        ...env,
        LISTEN_PID: pidForSuccessor(),
        LISTEN_FDS: String(descriptors.length),
        LISTEN_FDNAMES: names.join(":"),
        // The manager's watchdog is the successor's as well.
        ...env.WATCHDOG_PID === undefined
          ? {}
          : { WATCHDOG_PID: pidForSuccessor() },
      },
      stdio: ["inherit", "inherit", "inherit", ...descriptors, "pipe"],
    });
    this.#ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#hasEnded = true;
        resolve(how);
      };
      child.on("error", (error) => end(`it could not be started: ${error}`));
      child.on(
        "exit",
        (code, signal) => end(`it ended with ${signal ?? code}`),
      );
    });
    // It does not keep this process, whose end it outlives.
    child.unref();
    this.#pipe.on("error", () => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get #pipe(): Readable {
    return this.#child.stdio.at(-1) as Readable;
  }

  /**
   * Waits until it serves.
   *
   * @param timeout How long, in milliseconds.
   * @throws {Deno.errors.TimedOut} If it takes too long. It has been ended then.
   * @throws {Deno.errors.ConnectionAborted} If it ends before.
   */
  async ready(timeout: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), timeout);
    });
    const told = new Promise<"ready">((resolve) => {
      let said = "";
      this.#pipe.on("data", (part) => {
        said = (said + part).slice(0, READY.length);
        if (said === READY) resolve("ready");
      });
    });
    const outcome = await Promise.race([told, late, this.#ended]);
    clearTimeout(timer);
    this.#pipe.destroy();
    if (outcome === "ready") return;
    if (outcome !== "late") {
      throw new Deno.errors.ConnectionAborted(
        `Cannot restart: the successor did not get ready, ${outcome}`,
      );
    }
    await this.#end();
    throw new Deno.errors.TimedOut(
      `Cannot restart: the successor did not serve its sockets within ${timeout} ms, and was ended; it must list them by inheritedSockets(), and serve each`,
    );
  }

  async #end(): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_WITHIN);
    if (!this.#hasEnded) await this.#ended;
    clearTimeout(timer);
  }
}

/** Closes a descriptor of a socket, of which there are others. */
export function closeDescriptor(descriptor: number): void {
  const handle = makeTCPHandle(true);
  handle.open(descriptor);
  handle.close();
}
