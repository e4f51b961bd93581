import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import {
  AF_INET,
  AF_UNIX,
  DatagramBatch,
  POLLIN,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_STREAM,
  Socket,
  socketpair,
  SOL_SOCKET,
} from "../../poll/mod.ts";
import { EpollSource } from "../../poll/_epoll_source.ts";
import { libc } from "../../poll/_libc.ts";
import type { Source } from "../../poll/_source.ts";
import { Waiter } from "../../poll/_waiter.ts";
import { within } from "../../poll/_resolve.ts";
import { decodeAddress, encodePath } from "../../poll/_sockaddr.ts";
import { Deadline } from "../../poll/_timeout.ts";
import { decode, encode, failure, MODULE, Pair, run } from "./_sockets.ts";

/** Linux: include/uapi/asm-generic/socket.h. */
const SO_ATTACH_FILTER = 26;
const SO_GET_FILTER = SO_ATTACH_FILTER;

Deno.test("a batch's capacity and size cannot be changed, whatever C is told", () => {
  using pair = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
  const batch = new DatagramBatch({ count: 1, size: 64 });
  for (const name of ["size", "capacity"]) {
    throws(() => Object.assign(batch, { [name]: 4096 }), TypeError);
    // What shadows it decides nothing.
    Object.defineProperty(batch, name, { value: 4096 });
  }
  pair.theirs.sendSync(new Uint8Array(4096).fill(0x41));
  strictEqual(pair.ours.recvManySync(batch), 1);
  strictEqual(batch.data(0).length, 64);
  batch.clear();
  batch.push(new Uint8Array(64));
  throws(() => batch.push(new Uint8Array(1)), RangeError);
  batch.clear();
  throws(() => batch.push(new Uint8Array(65)), RangeError);
});

Deno.test("an option whose length counts units of 8 bytes stays in its buffer", () => {
  using socket = new Socket(AF_INET, SOCK_DGRAM);
  const filter = attachFilter(socket, 256);
  const neighbours: Uint8Array[] = [];
  for (let i = 0; i < 100; i++) {
    neighbours.push(socket.getsockopt(SOL_SOCKET, SO_GET_FILTER, 256));
    neighbours.push(new Uint8Array(new ArrayBuffer(256)));
  }
  for (let i = 0; i < neighbours.length; i += 2) {
    deepStrictEqual(neighbours[i], filter.slice(0, 256));
    ok(neighbours[i + 1]!.every((byte) => byte === 0));
  }
  using short = new Socket(AF_INET, SOCK_DGRAM);
  const view = new DataView(attachFilter(short, 4).buffer);
  // 4 bytes were asked for, and 32 come.
  strictEqual(
    short.getsockopt(SOL_SOCKET, SO_GET_FILTER),
    view.getInt32(0, true),
  );
});

/** A listener that nobody can connect to, since its backlog is full. */
const FULL_LISTENER = `
  const listener = createServer({ hostname: "127.0.0.1", port: 0 }, { backlog: 0 });
  const address = listener.getsockname();
  for (let i = 0; i < 4; i++) {
    const filling = new Socket();
    filling.setBlocking(false);
    try { filling.connectSync(address); } catch { /* under way */ }
  }
`;

Deno.test("connectSync: a signal is no connection", async () => {
  const { stdout, stderr } = await run(
    ["-A"],
    `import { createServer, Socket } from ${MODULE};
    ${FULL_LISTENER}
    Deno.addSignalListener("SIGUSR1", () => {});
    const child = new Deno.Command("sh", { args: ["-c",
      "i=0; while [ $i -lt 100000 ] && kill -USR1 $0; do i=$((i+1)); done",
      String(Deno.pid),
    ] }).spawn();
    const socket = new Socket();
    socket.setTimeout(200);
    try { socket.connectSync(address); console.log("connected"); }
    catch (error) { console.log(error.code); }
    child.kill("SIGKILL");
    await child.status;
    Deno.exit();`,
  );
  deepStrictEqual([stdout, stderr], ["ETIMEDOUT\n", ""]);
});

Deno.test("connect: what came for the number's old owner is no connection", async () => {
  const { stdout, stderr } = await run(
    ["-A"],
    `import { createServer, Socket, socketpair } from ${MODULE};
    ${FULL_LISTENER}
    const [ours, theirs] = socketpair();
    const number = ours.fileno();
    const received = ours.recv(1).catch(() => {});
    // The thread is in the kernel when a later wait has been served.
    const [other, peer] = socketpair();
    const later = other.recv(1);
    peer.sendSync(new Uint8Array(1));
    await later;
    await new Promise((resolve) => setTimeout(resolve));
    theirs.close();
    // The thread comes back meanwhile, and its answer waits for the event loop.
    const end = performance.now() + 50;
    while (performance.now() < end);
    ours.close();
    const socket = new Socket();
    console.log(socket.fileno() === number);
    socket.setTimeout(200);
    try { await socket.connect(address); console.log("connected"); }
    catch (error) { console.log(error.code); }
    await received;`,
  );
  deepStrictEqual([stdout, stderr], ["true\nETIMEDOUT\n", ""]);
});

/** A source whose answers a test gives. */
class Answers implements Source {
  readonly armed: number[] = [];
  #answer: PromiseWithResolvers<number> = Promise.withResolvers();
  #asked: PromiseWithResolvers<void> = Promise.withResolvers();
  #fd = -1;

  arm(fd: number): "armed" {
    this.armed.push(fd);
    return "armed";
  }

  forget(): void {}

  wait(): Promise<number> {
    this.#answer = Promise.withResolvers();
    this.#asked.resolve();
    return this.#answer.promise;
  }

  /** Reports a descriptor once the waiter asks. */
  async report(fd: number): Promise<void> {
    await this.#asked.promise;
    this.#asked = Promise.withResolvers();
    this.#fd = fd;
    this.#answer.resolve(1);
  }

  /** Until the waiter asks. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  fdAt(): number {
    return this.#fd;
  }

  eventsAt(): number {
    return POLLIN;
  }

  interrupt(): void {
    this.#answer.resolve(0);
  }

  close(): void {}
}

Deno.test("what came for a number's old owner asks anew for the new one", async () => {
  const source = new Answers();
  const waiter = new Waiter(source);
  const forever = { timeout: -1, signal: undefined };
  const other = waiter.wait([{ fd: 1, events: POLLIN }], forever);
  const old = waiter.wait([{ fd: 5, events: POLLIN }], forever);
  await source.asked;
  waiter.forget(5);
  strictEqual(await old, "closed");
  let woken = false;
  const wait = waiter.wait([{ fd: 5, events: POLLIN }], forever);
  const waiting = wait.then(() => woken = true);
  await source.report(5);
  await source.asked;
  strictEqual(woken, false);
  deepStrictEqual(source.armed, [1, 5, 5, 5]);
  await source.report(5);
  await waiting;
  await source.report(1);
  strictEqual(await other, "ready");
});

const F_DUPFD_CLOEXEC = 1030;

Deno.test("a number that is a stranger's now ends the old waits, not the new one", async () => {
  using old = new Pair();
  using stranger = new Pair();
  const { fcntl, close } = libc();
  // A high one: the kernel gives the lowest, so no test that runs beside gets it.
  const fd = fcntl(old.ours.fileno(), F_DUPFD_CLOEXEC, 3500);
  ok(fd >= 3500);
  const waiter = new Waiter(new EpollSource());
  const forever = { timeout: -1, signal: undefined };
  const interests = [{ fd, events: POLLIN }];
  try {
    const first = waiter.wait(interests, forever);
    close(fd);
    strictEqual(fcntl(stranger.ours.fileno(), F_DUPFD_CLOEXEC, fd), fd);
    const second = waiter.wait(interests, forever);
    strictEqual(await first, "closed");
    stranger.theirs.sendSync(new Uint8Array(1));
    strictEqual(await second, "ready");
  } finally {
    close(fd);
    waiter.close();
  }
});

Deno.test("the heartbeat does not watch a stranger", () => {
  using old = new Pair();
  using stranger = new Pair();
  const { fcntl, close } = libc();
  const fd = fcntl(old.ours.fileno(), F_DUPFD_CLOEXEC, 3600);
  ok(fd >= 3600);
  const source = new EpollSource();
  try {
    strictEqual(source.arm(fd, POLLIN, true), "armed");
    strictEqual(source.arm(fd, POLLIN, false), "armed");
    close(fd);
    strictEqual(fcntl(stranger.ours.fileno(), F_DUPFD_CLOEXEC, fd), fd);
    strictEqual(source.arm(fd, POLLIN, false), "gone");
    strictEqual(source.arm(fd, POLLIN, true), "armed");
  } finally {
    close(fd);
    source.close();
  }
});

Deno.test("a Worker that waits for nothing holds no descriptors for waiting", async () => {
  const worker = `
    import { socketpair } from ${MODULE};
    const open = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const [ours, theirs] = socketpair();
    const before = open();
    setTimeout(() => theirs.sendSync(new Uint8Array(1)));
    await ours.recv(1);
    await new Promise((resolve) => setTimeout(resolve));
    const idle = open();
    await ours.recv(1, 0, { signal: AbortSignal.abort() }).catch(() => {});
    const waiting = ours.recv(1);
    const during = open();
    theirs.sendSync(new Uint8Array(1));
    await waiting;
    postMessage([idle - before, during - before]);
    self.close();`;
  const { stdout, stderr } = await run(
    ["-A", "--no-check"],
    `const worker = new Worker(
      "data:text/javascript," + ${JSON.stringify(encodeURIComponent(worker))},
      { type: "module" },
    );
    console.log(await new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data.join());
    }));`,
  );
  deepStrictEqual([stdout, stderr], ["0,2\n", ""]);
});

Deno.test("a lookup that never ends ends with the signal or the timeout", async () => {
  const never = new Promise<never>(() => {});
  const expired = () => new Error("time is up");
  const { signal } = new AbortController();
  strictEqual(
    (await failure(() => within(never, new Deadline(1), signal, expired)))
      .message,
    "time is up",
  );
  const abort = new AbortController();
  const waiting = within(never, new Deadline(-1), abort.signal, expired);
  abort.abort("stop");
  strictEqual(await failure(() => waiting), "stop");
  const found = Promise.resolve("found");
  strictEqual(
    await within(found, new Deadline(1000), signal, expired),
    "found",
  );
});

Deno.test("sendMany of an empty batch on a closed socket throws", async () => {
  const socket = new Socket(AF_INET, SOCK_DGRAM);
  socket.close();
  const batch = new DatagramBatch();
  throws(() => socket.sendManySync(batch), Deno.errors.BadResource);
  ok(
    await failure(() => socket.sendMany(batch)) instanceof
      Deno.errors.BadResource,
  );
});

Deno.test("recvFrom of TCP tells the peer, and any address once it has gone", async () => {
  using pair = Pair.tcp();
  pair.theirs.sendSync(encode("hello"));
  for (const [size, part] of [[2, "he"], [100, "llo"]] as const) {
    const [data, sender] = await pair.ours.recvFrom(size);
    strictEqual(decode(data), part);
    deepStrictEqual(sender, pair.ours.getpeername());
  }
  pair.theirs.close();
  pair.ours.shutdown(SHUT_WR);
  const [data, gone] = pair.ours.recvFromSync(1);
  strictEqual(data.length, 0);
  strictEqual(gone.transport, "tcp");
});

Deno.test("a Unix path that begins with U+FEFF keeps it", () => {
  using socket = new Socket(AF_UNIX);
  const path = `\0\uFEFF${crypto.randomUUID()}`;
  socket.bind({ path });
  deepStrictEqual(socket.getsockname(), { transport: "unix", path });
  deepStrictEqual(
    decodeAddress(encodePath("\uFEFFname"), 2 + 7, SOCK_STREAM),
    { transport: "unix", path: "\uFEFFname" },
  );
});

/** Attaches a filter of so many instructions; returns them, 8 bytes each. */
function attachFilter(socket: Socket, count: number): Uint8Array<ArrayBuffer> {
  const program = new Uint8Array(new ArrayBuffer(count * 8));
  const code = new DataView(program.buffer);
  for (let i = 0; i < count; i++) {
    // BPF_LD | BPF_IMM, and BPF_RET at the end, each with an operand.
    code.setUint16(i * 8, i === count - 1 ? 0x06 : 0x00, true);
    code.setUint32(i * 8 + 4, 0x41414141, true);
  }
  const header = new Uint8Array(16);
  const fields = new DataView(header.buffer);
  fields.setUint16(0, count, true);
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(program));
  fields.setBigUint64(8, BigInt(address), true);
  socket.setsockopt(SOL_SOCKET, SO_ATTACH_FILTER, header);
  return program;
}
