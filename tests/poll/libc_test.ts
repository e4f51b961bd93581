import { match, ok, strictEqual } from "node:assert";
import {
  createConnectionSync,
  getaddrinfoSync,
  Socket,
} from "../../poll/mod.ts";
import { Child } from "../_program.ts";
import { datagramSocket, failure, MODULE, run } from "./_sockets.ts";

/** Where libc is on this machine, as `--allow-ffi` needs it. */
function libcPath(): string {
  const maps = Deno.readTextFileSync("/proc/self/maps");
  const path = /\/\S*\/libc\.so\.6$/m.exec(maps)?.[0];
  ok(path, "this process has no libc.so.6");
  // The same file has two names where /lib is a link to /usr/lib.
  return path.replace(/^\/usr\/lib\//, "/lib/");
}

const ECHO = `import { socketpair } from ${MODULE};
  const [one, other] = socketpair();
  one.sendSync(new Uint8Array(3));
  console.log((await other.recv(10)).length);
  const waiting = one.recv(10);
  other.sendSync(new Uint8Array(4));
  console.log((await waiting).length);`;

Deno.test("importing the module needs no permission", async () => {
  const { code, stderr } = await run(
    [],
    `import * as all from ${MODULE}; all;`,
  );
  strictEqual(code, 0, stderr);
});

Deno.test("libc opens with --allow-ffi", async () => {
  const { stdout, stderr } = await run(["--allow-ffi"], ECHO);
  strictEqual(stdout, "3\n4\n", stderr);
});

Deno.test("libc opens with --allow-ffi of its path alone", async () => {
  const { stdout, stderr } = await run([`--allow-ffi=${libcPath()}`], ECHO);
  strictEqual(stdout, "3\n4\n", stderr);
});

Deno.test("libc opens with --allow-ffi of its folder", async () => {
  const folder = libcPath().replace(/\/[^/]*$/, "");
  const { stdout, stderr } = await run([`--allow-ffi=${folder}`], ECHO);
  strictEqual(stdout, "3\n4\n", stderr);
});

for (const flags of [[], ["--allow-ffi=/nowhere/libc.so.6"], ["--deny-ffi"]]) {
  Deno.test(`libc with ${flags[0] ?? "no flag"} says which flag it needs`, async () => {
    const { code, stderr } = await run(flags, ECHO);
    strictEqual(code, 1);
    match(
      stderr,
      /NotCapable: Cannot open libc: requires ffi access, run again with --allow-ffi=\/\S*libc/,
    );
  });
}

Deno.test("libc needs no other permission than ffi, name resolution included", async () => {
  const { stdout, stderr } = await run(
    ["--allow-ffi"],
    `import { createConnection, createServer } from ${MODULE};
    using server = createServer({ hostname: "localhost", port: 0 });
    const { port } = server.getsockname();
    using client = await createConnection({ hostname: "localhost", port });
    console.log(client.getpeername().port === port);`,
  );
  strictEqual(stdout, "true\n", stderr);
});

Deno.test("an error is of Deno's class, with errno's name, the call and the address", async () => {
  const error = await failure(() => createConnectionSync({ port: 1 }));
  ok(error instanceof Deno.errors.ConnectionRefused);
  strictEqual(error.code, "ECONNREFUSED");
  strictEqual(
    error.message,
    "Cannot connect to 127.0.0.1:1: connect failed with ECONNREFUSED, connection refused",
  );
});

Deno.test("classes of errors are Deno's, side by side, with no other above them than Error", async () => {
  const { NotFound, TimedOut, ConnectionRefused } = Deno.errors;
  using waiting = datagramSocket();
  waiting.setTimeout(1);
  for (
    const [Class, call] of [
      [ConnectionRefused, () => createConnectionSync({ port: 1 })],
      [NotFound, () => getaddrinfoSync("127.0.0.1", "no such")],
      [TimedOut, () => waiting.recvSync(1)],
    ] as const
  ) {
    const { constructor } = await failure(call);
    strictEqual(constructor, Class);
    strictEqual(Object.getPrototypeOf(constructor), Error);
  }
});

Deno.test("an error without a class of Deno's is an Error with errno's name", async () => {
  using socket = new Socket();
  socket.bind({ hostname: "127.0.0.1", port: 0 });
  const again = await failure(() => socket.bind({ port: 0 }));
  strictEqual(again.constructor, Error);
  strictEqual(again.code, "EINVAL");
  match(again.message, /^Cannot bind to :0: bind failed with EINVAL/);
});

Deno.test("the process ends when nobody waits any more, and not before", async () => {
  const { code, stdout, stderr } = await run(
    ["--allow-ffi"],
    `import { select, socketpair } from ${MODULE};
    const [one, other] = socketpair();
    const abort = new AbortController();
    const gone = one.recv(1, 0, { signal: abort.signal }).catch((e) => e.name);
    setTimeout(() => abort.abort(), 20);
    console.log(await gone);
    console.log((await select([one], [], [], 20))[0].length);
    setTimeout(() => other.sendSync(new Uint8Array(5)), 20);
    console.log((await one.recv(10)).length);`,
  );
  strictEqual(code, 0, stderr);
  strictEqual(stdout, "AbortError\n0\n5\n");
});

Deno.test("signals neither end nor shorten a wait that blocks", async () => {
  await using child = new Child(Deno.execPath(), [
    ...["run", "--no-prompt", "--no-config", "--allow-ffi"],
    new URL("_blocking.ts", import.meta.url).pathname,
  ]);
  await child.until("waiting\n");
  // It never gets to its listener: its thread is in the kernel.
  const signals = setInterval(() => child.kill("SIGUSR1"), 2);
  try {
    await child.until("waited\n");
  } finally {
    clearInterval(signals);
  }
  const { code, stderr } = await child.output();
  strictEqual(code, 0, stderr);
});

Deno.test("a Worker that is terminated while it waits harms nobody", async () => {
  const { code, stdout, stderr } = await run(
    ["--allow-ffi", "--allow-read"],
    `import { socketpair } from ${MODULE};
    const code = ${
      JSON.stringify(
        `import { select, Socket } from ${MODULE};
        onmessage = ({ data }) => {
          const socket = Socket.fromFd(data);
          socket.recv(1);
          select([socket], [], []);
          postMessage("waits");
        };`,
      )
    };
    const kept = [];
    for (let i = 0; i < 5; i++) {
      const [one, other] = socketpair();
      kept.push(other);
      const worker = new Worker("data:text/javascript," + encodeURIComponent(code), { type: "module" });
      worker.postMessage(one.detach());
      await new Promise((resolve) => worker.onmessage = resolve);
      worker.terminate();
    }
    const [one, other] = socketpair();
    for (let i = 0; i < 100; i++) {
      for (const socket of kept) socket.sendSync(new Uint8Array(1));
      const waiting = one.recv(10);
      other.sendSync(new Uint8Array(7));
      await waiting;
    }
    console.log("well");`,
  );
  strictEqual(code, 0, stderr);
  strictEqual(stdout, "well\n");
});

Deno.test("on Windows the first use is NotSupported, and importing is not", async () => {
  const { code, stdout, stderr } = await run(
    ["--allow-ffi", "--allow-read"],
    `Object.defineProperty(Deno, "build", { value: { ...Deno.build, os: "windows" } });
    const all = await import(${MODULE});
    for (const use of [
      () => new all.Socket(),
      () => all.createConnectionSync({ port: 1 }),
      () => all.selectSync([1], [], [], 0),
      () => all.poll().pollSync(0),
      () => all.epoll(),
      () => new all.DefaultSelector(),
      () => all.socketpair(),
    ]) {
      try {
        use();
      } catch (error) {
        console.log(error.name + ": " + error.message);
      }
    }`,
  );
  strictEqual(code, 0, stderr);
  strictEqual(
    stdout,
    "NotSupported: Cannot open libc: sockets and readiness need Linux or macOS, not windows\n"
      .repeat(7),
  );
});
