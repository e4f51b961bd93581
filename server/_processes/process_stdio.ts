/**
 * Runs first in a process of `ForkingMixIn`, before the handler's module: takes
 * stdin and stdout for the frames, so that whatever else is printed there goes
 * to stderr, and whatever else is read there has ended. Takes away what Deno
 * lets every program keep on disk.
 *
 * @module
 */

import { commandWithoutStdio } from "./command_without_stdio.ts";
import { hideStores } from "./hide_stores.ts";
import { beginImport } from "../_bridge/handler_location.ts";
import type { Pipes } from "./pipe_carrier.ts";
import { writeAllSync } from "./write_all_sync.ts";

/** The capacity of a pipe on Linux, in bytes: pipe(7). */
const BUFFER_SIZE = 64 * 1024;

const { stdin, stdout, stderr } = Deno;
const readFrames = stdin.read.bind(stdin);
const frames = { writeSync: stdout.writeSync.bind(stdout) };
const buffer = new Uint8Array(BUFFER_SIZE);

/** Ends this process. What a handler puts in place of Deno's is for its own. */
export const exit = Deno.exit.bind(Deno);

beginImport();
/**
 * The first read. Nothing comes before the handler has been imported, but the
 * end may: the process that started this one is gone.
 */
let reading: Promise<number | null> | undefined = readFrames(buffer);
void reading.then((n) => {
  if (n === null) exit();
});

/** The pipes between this process and the one that started it. */
export const pipes: Pipes = {
  async read() {
    reading ??= readFrames(buffer);
    const n = await reading;
    reading = undefined;
    return n === null ? null : buffer.subarray(0, n);
  },
  write(bytes) {
    try {
      // The other side always reads, so this never waits for long.
      writeAllSync(frames, bytes);
    } catch (error) {
      // A handler has closed the descriptor, or the other side is gone.
      console.error(`Cannot answer: ${error}`);
      exit(1);
    }
  },
};

/** What this process was started with, in JSON. */
export const start: string = Deno.args[0] ?? "";

// As in the process that started it.
Object.defineProperty(Deno, "args", { value: Deno.args.slice(1) });

// The objects themselves are changed: node:process has them too.
Object.defineProperties(stdout, {
  write: { value: stderr.write.bind(stderr) },
  writeSync: { value: stderr.writeSync.bind(stderr) },
  writable: { get: () => stderr.writable },
  close: { value() {} },
});
Object.defineProperties(stdin, {
  read: { value: () => Promise.resolve(null) },
  readSync: { value: () => null },
  readable: { get: () => ReadableStream.from([]) },
  close: { value() {} },
});

Object.defineProperty(Deno, "Command", {
  value: commandWithoutStdio(Deno.Command, stderr),
});

hideStores();

const { error } = console;
Object.assign(console, {
  log: error,
  info: error,
  debug: error,
  dirxml: error,
  dir: (value: unknown, options?: Deno.InspectOptions) =>
    error(Deno.inspect(value, options)),
});
// Deno's own print to the descriptor. Node's are loaded by the first call.
let nodeConsole: Console | undefined;
for (
  const name of [
    "clear",
    "count",
    "countReset",
    "table",
    "time",
    "timeEnd",
    "timeLog",
  ] as const
) {
  console[name] = (...args: unknown[]) => {
    nodeConsole ??= makeNodeConsole();
    (nodeConsole[name] as (...args: unknown[]) => void)(...args);
  };
}

interface NodeProcess {
  readonly stderr: unknown;
  getBuiltinModule(id: "node:console"): {
    readonly Console: new (stdout: unknown, stderr: unknown) => Console;
  };
}

function makeNodeConsole(): Console {
  const { process } = globalThis as unknown as {
    readonly process: NodeProcess;
  };
  const { Console } = process.getBuiltinModule("node:console");
  return new Console(process.stderr, process.stderr);
}
