import { ok, strictEqual } from "node:assert";
import { Folder, Program, testWith } from "../_program.ts";

const strace = new Program("strace", "strace");

const ROUNDS = 200;
const CONNECTIONS = 20;

testWith(
  [strace],
  "one echo is one recvfrom, one sendto and a shared epoll_wait",
  async () => {
    await using folder = new Folder();
    const trace = folder.at("trace");
    const path = folder.at("socket");
    await using server = strace.start(
      ...["-f", "-o", trace, Deno.execPath(), "run", "-A", "--no-check"],
      // Deno writes this cache from the thread that serves, while it serves.
      "--no-code-cache",
      new URL("_strace_echo.ts", import.meta.url).pathname,
      ...[path, String(CONNECTIONS)],
    );
    await server.until("listening");
    const clients = [];
    for (let i = 0; i < CONNECTIONS; i++) {
      clients.push(await Deno.connect({ transport: "unix", path }));
    }
    const buffer = new Uint8Array(100);
    for (let round = 0; round < ROUNDS; round++) {
      for (const client of clients) await client.write(buffer.subarray(0, 64));
      for (const client of clients) strictEqual(await client.read(buffer), 64);
    }
    for (const client of clients) client.close();
    strictEqual((await server.output()).code, 0);

    const lines = (await Deno.readTextFile(trace)).split("\n");
    const count = (call: string) =>
      lines.filter((line) => line.includes(` ${call}(`)).length;
    // The thread that serves is the one that sends.
    const thread = lines.find((line) => line.includes(" sendto("))!
      .split(" ")[0]!;
    const first = lines.findIndex((line) => line.includes(" accept4("));
    const served = lines.slice(first).filter((line) =>
      line.startsWith(`${thread} `) && /^\d+ +\w+\(/.test(line)
    );
    const own = (call: string) =>
      served.filter((line) => line.includes(` ${call}(`)).length;
    const echoes = ROUNDS * CONNECTIONS;
    strictEqual(count("sendto"), echoes);
    // One more for each connection, its end. Deno has received some before, from
    // the sockets by which it learns of signals.
    strictEqual(own("recvfrom"), echoes + CONNECTIONS);
    ok(own("epoll_wait") <= echoes + CONNECTIONS, `${own("epoll_wait")} waits`);
    // Accepting, registering and closing; memory and futexes are the engine's,
    // and so are the locks and pages of its caches' database.
    const others = served.filter((line) =>
      !/ (sendto|recvfrom|epoll_wait|accept4|epoll_ctl|close|poll)\(/.test(
        line,
      ) &&
      !/ (futex|madvise|munmap|mmap|mprotect|brk|sched_yield|exit_group|write)\(/
        .test(line) &&
      !/ (pread64|pwrite64|fcntl\(\d+, F_SETLK)/.test(line)
    );
    ok(others.length <= CONNECTIONS, others.slice(0, 20).join("\n"));
  },
);
