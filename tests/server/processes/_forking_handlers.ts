/** Handlers of the tests of `ForkingMixIn`: each process imports this module. */
import {
  DatagramRequestHandler,
  StreamRequestHandler,
} from "../../../handlers/mod.ts";

/** Not in the text of the import: Deno would fetch it ahead. */
const ELSEWHERE = "https://deno.land/not_in_the_cache.ts";
const encoder = new TextEncoder();
/** What became of a shutdown that was asked for behind its request. */
let later: Promise<string> | undefined;

/** Sends back what it reads. */
export class Echo extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    const buffer = new Uint8Array(16 * 1024);
    for (let n; (n = await this.rfile.readInto(buffer)) !== null;) {
      await this.wfile.write(buffer.subarray(0, n));
    }
  }
}

/** Answers the number of its process. */
export class Pid extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    await this.rfile.readLine();
    await this.wfile.write(`${Deno.pid}`);
  }
}

export class DatagramEcho extends DatagramRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override handle() {
    this.wfile.write(this.packet);
  }
}

/** Tells its process, then does what its client asks for. */
export class Command extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    await this.wfile.write(`${Deno.pid}\n`);
    const command = await this.rfile.readLine();
    const answer = await commands[command ?? ""]?.(this);
    await this.wfile.write(answer ?? "done");
  }
}

type Answer = string | void;

const commands: Record<
  string,
  (handler: Command) => Answer | Promise<Answer>
> = {
  read: () => denied(() => Deno.readTextFileSync("/etc/hostname")),
  "read shadow": () => denied(() => Deno.readTextFileSync("/etc/shadow")),
  "read uncaught": () => Deno.readTextFileSync("/etc/hostname"),
  "connect uncaught": async ({ server }) => {
    await Deno.connect(server.addr as Deno.ConnectOptions);
  },
  "spawn uncaught": () => void new Deno.Command(Deno.execPath()).outputSync(),
  "env uncaught": () => Deno.env.get("HOME") ?? "",
  connect: ({ server }) =>
    denied(() => Deno.connect(server.addr as Deno.ConnectOptions)),
  spawn: () => denied(() => new Deno.Command(Deno.execPath()).outputSync()),
  env: () => denied(() => Deno.env.get("HOME")),
  import: () => denied(() => import(ELSEWHERE)),
  "start programs": async () => {
    const cat = new Deno.Command("/bin/cat", {
      stdin: "inherit",
      stdout: "inherit",
    });
    const echo = new Deno.Command("/bin/echo", {
      args: ["not a frame, but text"],
    });
    const codes = [
      (await echo.spawn().status).code,
      (await cat.output()).code,
      cat.outputSync().code,
    ];
    return codes.join(" ");
  },
  kept: () => eval(STORES),
  "kept by a worker": () => fromWorker(`postMessage(${STORES})`),
  "kept by a worker of a worker": () => {
    const inner = JSON.stringify(moduleOf(`postMessage(${STORES})`));
    return fromWorker(
      `new Worker(${inner}, { type: "module" }).onmessage =
        ({ data }) => postMessage(data);`,
    );
  },
  "kept by a worker that is had another way": () => {
    const { constructor } = Object.getPrototypeOf(
      new Worker(moduleOf(""), { type: "module" }),
    );
    return fromWorker(`postMessage(${STORES})`, constructor);
  },
  "kept by what is marked as a store": async () => {
    const { webidlBrand } = Reflect.get(Deno, Reflect.get(Deno, "internal"));
    const { constructor } = Object.getPrototypeOf(sessionStorage);
    const outcomes = [
      await denied(() => {
        const marked = Object.create(CacheStorage.prototype);
        marked[webidlBrand] = webidlBrand;
        return CacheStorage.prototype.open.call(marked, "kept");
      }),
      await denied(() => Reflect.construct(Storage, [true]).getItem("kept")),
      await denied(() => new constructor(true).getItem("kept")),
    ];
    return `${typeof webidlBrand} ${outcomes.join(" ")}`;
  },
  "kept for a session": () => {
    sessionStorage.setItem("key", "value");
    return sessionStorage.getItem("key") ?? "nothing";
  },
  "work in a worker": () =>
    fromWorker(
      "onmessage = ({ data }) => postMessage(`${self.name} ${data * 2}`)",
    ),
  "kept by a worker of Node's": () =>
    denied(async () => {
      const { Worker } = await import("node:worker_threads");
      new Worker("", { eval: true });
    }),
  "close stdout": async () => {
    // Here, since it takes a process as long as all else that it imports.
    const { closeSync } = await import("node:fs");
    closeSync(1);
  },
  stay: () => {
    Object.defineProperty(Deno, "exit", { value() {} });
    return new Promise<never>(() => setInterval(() => {}, 1_000));
  },
  throw: () => {
    throw new RangeError("Thrown far away");
  },
  exit: () => Deno.exit(0),
  "exit with controls": () => {
    console.error("\x1b]0;title\x07");
    Deno.exit(1);
  },
  "exit 3": () => Deno.exit(3),
  reject: ({ signal }) => {
    void Promise.reject(new Error("Nobody awaits this"));
    return aborted(signal);
  },
  shutdown: ({ server }) => server.shutdown(),
  "shutdown unawaited": ({ server }) => void server.shutdown(),
  "shutdown later": ({ server }) => {
    setTimeout(() => {
      later = server.shutdown().then(String, String);
    });
    return "done";
  },
  "how shutdown later went": () => later,
  wait: ({ signal }) => aborted(signal),
  "ignore signals": () => {
    Deno.addSignalListener("SIGTERM", () => {});
    return "ignoring";
  },
  loop: () => {
    for (;;);
  },
  "ignore the abort": () => new Promise<never>(() => setInterval(() => {}, 9)),
  memory: () => {
    const kept: unknown[] = [];
    for (;;) kept.push(new Array(1000).fill(kept.length));
  },
  print: printEverywhere,
  "print controls": () => console.error("\x1b[31mred\x07 \u009b\r\x7f €"),
  garbage: async () => {
    const { writeSync } = await import("node:fs");
    const garbage = crypto.getRandomValues(new Uint8Array(64 * 1024));
    garbage[3] = 255;
    for (let i = 0; i < 16; i++) writeSync(1, garbage);
  },
  flood: async () => {
    const { writeSync } = await import("node:fs");
    const garbage = new Uint8Array(64 * 1024).fill(255);
    for (;;) writeSync(1, garbage);
  },
  args: () => JSON.stringify(Deno.args),
  stdin: async () => `${await Deno.stdin.read(new Uint8Array(1))}`,
};

/**
 * Says which stores there are, and whether there is a graphics card: what is had
 * by a name, and by what has the same class.
 */
const STORES = `[
  typeof localStorage,
  typeof caches,
  typeof Deno.openKv,
  typeof navigator.gpu,
  typeof Cache,
  typeof CacheStorage,
  typeof Storage,
  typeof globalThis.sessionStorage?.constructor,
  typeof (globalThis.sessionStorage &&
    Object.getPrototypeOf(sessionStorage).constructor),
].filter((type) => type !== "undefined").join(" ") || "nothing"`;

function moduleOf(source: string): string {
  return `data:application/javascript,${encodeURIComponent(source)}`;
}

/** The answer of a worker that runs `source` and is sent 21. */
async function fromWorker(
  source: string,
  Class: typeof Worker = Worker,
): Promise<string> {
  const worker = new Class(moduleOf(source), { type: "module", name: "one" });
  worker.postMessage(21);
  const { data } = await new Promise<MessageEvent<string>>((resolve) =>
    worker.onmessage = resolve
  );
  worker.terminate();
  return data;
}

async function denied(action: () => unknown): Promise<string> {
  try {
    await action();
    return "allowed";
  } catch (error) {
    return (error as Error).name;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve())
  );
}

async function printEverywhere() {
  console.log("log");
  console.info("info");
  console.table([{ table: 1 }]);
  console.count("count");
  console.dir({ dir: 1 });
  console.time("time");
  console.timeEnd("time");
  console.group("group");
  console.groupEnd();
  Deno.stdout.writeSync(encoder.encode("Deno.stdout.writeSync\n"));
  await Deno.stdout.write(encoder.encode("Deno.stdout.write\n"));
  const { default: process } = await import("node:process");
  process.stdout.write("process.stdout\n");
}

/** Not the one of this name that is exported elsewhere: it is not exported. */
class Hidden extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
}

export const hidden = { Hidden };
