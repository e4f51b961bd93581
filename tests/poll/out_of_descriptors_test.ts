// With no descriptor left, whoever waits still waits, and servers serve on.

import { strictEqual } from "node:assert";
import { Folder } from "../_program.ts";
import { runWithFewDescriptors } from "./_few_descriptors.ts";
import { MODULE } from "./_sockets.ts";

/** What each program begins with. */
const PRELUDE = `import * as p from ${MODULE};
  const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
  const held = [];
  /** Takes every descriptor there is. */
  const fill = () => {
    try {
      while (true) held.push(new p.Socket(p.AF_UNIX));
    } catch (error) {
      if (error.code !== "EMFILE") throw error;
    }
  };
  const encode = (text) => new TextEncoder().encode(text);
  const decode = (bytes) => new TextDecoder().decode(bytes);
`;

/** Runs it with 128 descriptors, and compares what it prints. */
async function prints(
  program: string,
  expected: string,
  ...grants: readonly string[]
): Promise<void> {
  await using folder = new Folder();
  const file = folder.at("program.ts");
  await Deno.writeTextFile(file, PRELUDE + program);
  strictEqual(await runWithFewDescriptors(file, ...grants), expected);
}

Deno.test("the stack of an error can be read while there is no descriptor", async () => {
  await using folder = new Folder();
  const file = folder.at("program.ts");
  await Deno.writeTextFile(
    file,
    PRELUDE + `import { far } from "./far.ts";
    fill();
    const { stack } = far();
    for (const socket of held) socket.close();
    console.log(stack.split("\\n")[0]);`,
  );
  await Deno.writeTextFile(
    folder.at("far.ts"),
    'export function far(): Error { if (true) { return new Error("far"); } }\n',
  );
  strictEqual(await runWithFewDescriptors(file), "Error: far\n");
});

Deno.test("ReadinessServer: a burst before its first wait takes nothing that it needs", async () => {
  await prints(
    `
    const server = new p.ReadinessServer(LOOPBACK, {
      data: (connection, bytes) => void connection.send(bytes),
    });
    const clients = [];
    try {
      while (true) clients.push(p.createConnectionSync(server.addr));
    } catch (error) {
      console.log(error.code);
    }
    const ended = server.serveForever();
    // It comes to its turn, and finds no descriptor for any of them.
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve));
    for (const client of clients.splice(5)) client.close();
    for (const client of clients) {
      await client.sendAll(encode("served "));
      console.log(decode(await client.recv(10)));
      client.close();
    }
    server.shutdown();
    await ended;
    console.log("ended");`,
    "EMFILE\n" + "served \n".repeat(5) + "ended\n",
  );
});

Deno.test("ReadinessServer: connections that it has go on while there is no descriptor", async () => {
  await prints(
    `
    const server = new p.ReadinessServer(LOOPBACK, {
      data: (connection, bytes) => void connection.send(bytes),
    });
    const ended = server.serveForever();
    const client = await p.createConnection(server.addr);
    fill();
    for (let i = 0; i < 5; i++) {
      await client.sendAll(encode("still"));
      console.log(decode(await client.recv(10)));
    }
    server.shutdown();
    await ended;`,
    "still\n".repeat(5),
  );
});

for (
  const [what, make] of [
    ["recv", "const wait = () => theirs.recv(10).then(decode);"],
    [
      "select",
      "const wait = async () => (await p.select([theirs], [], []))[0].length;",
    ],
    [
      "poll",
      "const set = p.poll(); set.register(theirs, p.POLLIN);" +
      "const wait = async () => (await set.poll()).length;",
    ],
    [
      "epoll",
      "const set = p.epoll(); set.register(theirs, p.EPOLLIN);" +
      "const wait = async () => (await set.poll()).length;",
    ],
    ...["DefaultSelector", "PollSelector", "SelectSelector"].map((name) =>
      [
        name,
        `const set = new p.${name}(); set.register(theirs, p.EVENT_READ);` +
        "const wait = async () => (await set.select()).length;",
      ] as const
    ),
  ] as const
) {
  Deno.test(`${what}: a first wait needs no descriptor`, async () => {
    await prints(
      `
      const [ours, theirs] = p.socketpair();
      ${make}
      fill();
      const waiting = wait();
      ours.sendSync(encode("woken"));
      await waiting;
      theirs.setBlocking(false);
      try {
        theirs.recvSync(10);
      } catch {
        // It has been read.
      }
      // One that waits while there is none, with a timeout and a signal too.
      theirs.setTimeout(20);
      console.log((await theirs.recv(1).catch((error) => error)).name);
      const abort = new AbortController();
      theirs.setTimeout(null);
      setTimeout(() => abort.abort(), 20);
      console.log(
        (await theirs.recv(1, 0, { signal: abort.signal }).catch((error) => error)).name,
      );
      const later = theirs.recv(10);
      setTimeout(() => ours.sendSync(encode("later")), 20);
      console.log(decode(await later));
      // And as before once there are some.
      for (const socket of held) socket.close();
      const again = theirs.recv(10);
      setTimeout(() => ours.sendSync(encode("again")), 20);
      console.log(decode(await again));
      const closing = theirs.recv(10);
      setTimeout(() => theirs.close(), 20);
      console.log((await closing.catch((error) => error)).name);`,
      "TimedOut\nAbortError\nlater\nagain\nBadResource\n",
    );
  });
}

Deno.test("loop: a burst before its first wait, and the listener accepts again later", async () => {
  await prints(
    `
    const map = new Map();
    let served = 0;
    class Echo extends p.DispatcherWithSend {
      handleRead() {
        this.send(this.recv(100));
      }
    }
    class Server extends p.Dispatcher {
      handleAccepted(socket) {
        new Echo(socket, map);
        if (++served === 5) this.close();
      }
    }
    const server = new Server(undefined, map);
    server.createSocket();
    server.bind(LOOPBACK);
    server.listen();
    const address = server.socket.getsockname();
    const clients = [];
    for (let i = 0; i < 5; i++) clients.push(p.createConnectionSync(address));
    const looping = p.loop({ map });
    fill();
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve));
    for (const socket of held) socket.close();
    for (const client of clients) {
      await client.sendAll(encode("served "));
      console.log(decode(await client.recv(10)));
      client.close();
    }
    await looping;
    console.log("ended");`,
    "served \n".repeat(5) + "ended\n",
  );
});

Deno.test("a Worker's ReadinessServer keeps what it needs between its waits", async () => {
  await prints(
    `
    const code = \`import { ReadinessServer } from ${MODULE};
      const server = new ReadinessServer({ hostname: "127.0.0.1", port: 0 }, {
        data(connection, bytes) {
          connection.send(bytes);
          if (bytes[0] === 33) server.shutdown();
        },
      });
      postMessage(server.addr);
      await server.serveForever();
      postMessage("ended");
    \`;
    const worker = new Worker("data:text/javascript," + encodeURIComponent(code), {
      type: "module",
    });
    const told = () => new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
    const client = p.createConnectionSync(await told());
    for (const text of ["one", "two", "!"]) {
      const ended = text === "!" ? told() : undefined;
      client.sendSync(encode(text));
      console.log(decode(client.recvSync(10)));
      if (held.length === 0) fill();
      if (ended) console.log(await ended);
    }
    worker.terminate();`,
    "one\ntwo\n!\nended\n",
    "--allow-read",
  );
});

Deno.test("a message's descriptors that there is no number for are dropped, and MSG_CTRUNC says so", async () => {
  await prints(
    `
    const [ours, theirs] = p.socketpair();
    const [gift, far] = p.socketpair();
    fill();
    for (const socket of held.splice(3)) socket.close();
    const receive = (form) =>
      form === "Sync"
        ? p.recvFdsSync(ours, 1, 200)
        : p.recvFds(ours, 1, 200);
    for (const form of ["Sync", "promised"]) {
      const room = [];
      for (let i = 0; i < 3; i++) {
        // Sending takes none: the kernel holds them.
        p.sendFdsSync(theirs, [encode("x")], Array(200).fill(far));
        using message = await receive(form);
        room.push(message.fds.length);
        console.log(
          message.fds.length > 10 && message.fds.length < 128,
          message.flags === p.MSG_CTRUNC,
        );
      }
      // None was kept: each time there was as much room.
      console.log(new Set(room).size);
    }
    far.close();
    console.log((await gift.recv(1)).length);
    const copy = gift.dup();
    fill();
    try {
      copy.dup();
    } catch (error) {
      console.log(error.code);
    }
    Deno.exit();
  `,
    [
      ...["true true", "true true", "true true", "1"],
      ...["true true", "true true", "true true", "1"],
      ...["0", "EMFILE", ""],
    ].join("\n"),
  );
});
