import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { Folder, Program, testWith } from "../_program.ts";
import { end, portOf, startExample } from "./_example.ts";

const python = new Program("python3", "python3");
const PATH = "/tmp/hand_over.sock";

function start(role: string, path: string, ...args: (string | number)[]) {
  return startExample("hand_over", { [PATH]: path }, [role, path, ...args]);
}

/** A client, and what it has been answered. */
class Client implements Disposable {
  readonly #conn: Deno.TcpConn;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  async ask(text: string): Promise<string> {
    await this.#conn.write(new TextEncoder().encode(text));
    const buffer = new Uint8Array(100);
    const count = await this.#conn.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

Deno.test("hand_over.ts serves connections in another process, past the front's end", async () => {
  await using folder = new Folder();
  const path = folder.at("worker");
  await using worker = start("work", path);
  await worker.until("Working on");
  await using front = start("front", path, 0);
  const port = await portOf(front);
  const [, pid] = await worker.until(/Front (\d+) of user \d+/);
  strictEqual(Number(pid), front.pid);
  const clients: Client[] = [];
  for (let i = 0; i < 3; i++) {
    const client = new Client(await Deno.connect({ port }));
    clients.push(client);
    strictEqual(
      await client.ask(`hello ${i}\n`),
      `${worker.pid}: HELLO ${i}\n`,
    );
  }
  // One that says nothing harms nobody.
  const silent = await Deno.connect({ port });
  silent.close();
  deepStrictEqual((await end(front)).code, 0);
  for (const [i, client] of clients.entries()) {
    strictEqual(
      await client.ask(`still ${i}\n`),
      `${worker.pid}: STILL ${i}\n`,
    );
    client[Symbol.dispose]();
  }
  // The next front finds the same worker.
  await using second = start("front", path, 0);
  using client = new Client(await Deno.connect({ port: await portOf(second) }));
  strictEqual(await client.ask("again\n"), `${worker.pid}: AGAIN\n`);
  const { code, stderr } = await end(worker, "SIGTERM");
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
  await Deno.stat(path).then(
    () => ok(false, "The path is still there"),
    (error) => ok(error instanceof Deno.errors.NotFound),
  );
});

testWith(
  [python],
  "hand_over.ts takes connections from CPython, and nothing that is none",
  async () => {
    await using folder = new Folder();
    const path = folder.at("worker");
    await using worker = start("work", path);
    await worker.until("Working on");
    const printed = await python.run([
      "-c",
      `
import os, socket, sys
def front():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(20)
    s.connect(sys.argv[1])
    return s
bad = front()
r, w = os.pipe()
socket.send_fds(bad, [b"a pipe"], [r])
none = front()
none.send(b"no descriptor")
good = front()
ours, theirs = socket.socketpair()
ours.settimeout(20)
socket.send_fds(good, [b"from CPython"], [theirs.fileno()])
theirs.close()
print(ours.recv(100).decode())
`,
      path,
    ]);
    strictEqual(printed, `${worker.pid}: FROM CPYTHON\n`);
    await worker.untilStderr("ENOTSOCK");
    deepStrictEqual((await end(worker)).code, 0);
  },
);

Deno.test("hand_over.ts says what it takes, and that no worker is there", async () => {
  await using folder = new Folder();
  await using none = startExample("hand_over", {}, ["help"]);
  const { code, stderr } = await none.output();
  strictEqual(code, 1);
  match(stderr, /^Give: work \[path\], or: front \[path \[port\]\]\n$/);
  await using front = start("front", folder.at("nobody"), 0);
  const failed = await front.output();
  strictEqual(failed.code, 1);
  match(failed.stderr, /NotFound: Cannot connect to ".*nobody"/);
});
