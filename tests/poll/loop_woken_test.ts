import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import {
  AsyncChat,
  closeAll,
  createServer,
  Dispatcher,
  type DispatcherMap,
  DispatcherWithSend,
  loop,
  type Socket,
  socketpair,
} from "../../poll/mod.ts";
import { PATIENCE } from "../_patience.ts";
import "./_open_libc.ts";

/** Longer than a test may take: whoever waits so long was not woken. */
const NEVER = 10 * PATIENCE;
const MEBIBYTE = 2 ** 20;

/** Waits for what comes, and has nothing to write. */
class Quiet extends Dispatcher {
  override writable(): boolean {
    return false;
  }
}

/** Reads to the end. */
async function readToEnd(socket: Socket): Promise<number> {
  let size = 0;
  for (let n; (n = (await socket.recv(MEBIBYTE)).length) > 0;) size += n;
  return size;
}

/**
 * Runs a loop over what is in a map, and calls `meanwhile` when it waits. It is to
 * end by itself.
 */
async function whileWaiting(
  map: DispatcherMap,
  meanwhile: () => void | Promise<void>,
): Promise<void> {
  const signal = AbortSignal.timeout(PATIENCE);
  const looped = loop({ map, timeout: NEVER, signal });
  // Those who wait are called once the event loop has had a few turns.
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await meanwhile();
  await looped;
}

function pair(map: DispatcherMap): [Quiet, Socket] {
  const [ours, theirs] = socketpair();
  return [new Quiet(ours, map), theirs];
}

Deno.test("a loop that waits ends when the last dispatcher is closed", async () => {
  const map: DispatcherMap = new Map();
  const [dispatcher, peer] = pair(map);
  await whileWaiting(map, () => dispatcher.close());
  peer.close();
});

Deno.test("a loop that waits ends when all are closed, whatever their close does", async () => {
  const map: DispatcherMap = new Map();
  const [ours, theirs] = socketpair();
  class Stubborn extends Quiet {
    override close(): void {}
  }
  new Stubborn(ours, map);
  await whileWaiting(map, () => closeAll(map));
  ours.close();
  theirs.close();
});

Deno.test("a loop that waits serves who comes meanwhile", async () => {
  const map: DispatcherMap = new Map();
  const [idle, peer] = pair(map);
  const received: number[] = [];
  class Reader extends Quiet {
    override handleRead(): void {
      received.push(...this.recv(10));
    }
    override handleClose(): void {
      closeAll(map);
    }
  }
  await whileWaiting(map, async () => {
    const [ours, theirs] = socketpair();
    new Reader(ours, map);
    await theirs.sendAll(new Uint8Array([1, 2, 3]));
    theirs.close();
  });
  deepStrictEqual(received, [1, 2, 3]);
  strictEqual(idle.socket?.closed, true);
  peer.close();
});

Deno.test("a loop that waits connects and accepts for who asks for that meanwhile", async () => {
  const map: DispatcherMap = new Map();
  const [, peer] = pair(map);
  const told: string[] = [];
  class Accepting extends Quiet {
    override handleAccepted(socket: Socket): void {
      told.push("accepted");
      socket.close();
    }
  }
  class Client extends Dispatcher {
    override writable(): boolean {
      return this.connecting;
    }
    override handleConnect(): void {
      told.push("connected");
    }
    override handleRead(): void {
      this.recv(1);
    }
    override handleClose(): void {
      closeAll(map);
    }
  }
  await whileWaiting(map, async () => {
    const server = new Accepting(undefined, map);
    server.createSocket();
    server.bind({ hostname: "127.0.0.1", port: 0 });
    server.listen();
    await new Promise((resolve) => setTimeout(resolve, 0));
    const client = new Client(undefined, map);
    client.createSocket();
    client.connect(server.socket!.getsockname());
  });
  deepStrictEqual(told.toSorted(), ["accepted", "connected"]);
  peer.close();
});

for (
  const [what, send] of [
    ["DispatcherWithSend.send()", (socket, map) => {
      const sender = new DispatcherWithSend(socket, map);
      return () => {
        sender.send(new Uint8Array(MEBIBYTE));
        return () => sender.buffered === 0;
      };
    }],
    ["AsyncChat.push()", (socket, map) => {
      const chat = new AsyncChat(socket, map);
      return () => {
        chat.push(new Uint8Array(MEBIBYTE));
        return () => !chat.writable();
      };
    }],
    ["AsyncChat.pushWithProducer()", (socket, map) => {
      const chat = new AsyncChat(socket, map);
      return () => {
        let left = 16;
        chat.pushWithProducer({
          more: () => new Uint8Array(left-- > 0 ? MEBIBYTE / 16 : 0),
        });
        return () => !chat.writable();
      };
    }],
  ] satisfies [
    string,
    (socket: Socket, map: DispatcherMap) => () => () => boolean,
  ][]
) {
  Deno.test(`a loop that waits sends all that ${what} is given meanwhile`, async () => {
    const map: DispatcherMap = new Map();
    const [ours, theirs] = socketpair();
    const begin = send(ours, map);
    let read = 0;
    await whileWaiting(map, async () => {
      const isSent = begin();
      // More than the kernel takes at once.
      strictEqual(isSent(), false);
      while (read < MEBIBYTE) read += (await theirs.recv(MEBIBYTE)).length;
      closeAll(map);
    });
    strictEqual(read, MEBIBYTE);
    theirs.close();
  });
}

Deno.test("a loop that waits closes a chat that is done", async () => {
  const map: DispatcherMap = new Map();
  const [ours, theirs] = socketpair();
  const chat = new AsyncChat(ours, map);
  const size = readToEnd(theirs);
  await whileWaiting(map, () => {
    chat.push("bye");
    chat.closeWhenDone();
  });
  strictEqual(await size, 3);
  theirs.close();
});

Deno.test("wakeLoop() has a loop ask again what a dispatcher waits for", async () => {
  const map: DispatcherMap = new Map();
  const [ours, theirs] = socketpair();
  class Sender extends Dispatcher {
    wants = false;
    override writable(): boolean {
      return this.wants;
    }
    override handleWrite(): void {
      this.send(new Uint8Array([7]));
      this.close();
    }
  }
  const sender = new Sender(ours, map);
  await whileWaiting(map, () => {
    sender.wants = true;
    sender.wakeLoop();
  });
  deepStrictEqual(await theirs.recv(10), new Uint8Array([7]));
  theirs.close();
});

Deno.test("a loop is woken by its own dispatchers, and its signal ends it still", async () => {
  const [mine, others]: DispatcherMap[] = [new Map(), new Map()];
  let asked = 0;
  class Asked extends Quiet {
    override readable(): boolean {
      asked++;
      return true;
    }
  }
  const [ours, theirs] = socketpair();
  new Asked(ours, mine);
  const other = createServer({ hostname: "127.0.0.1", port: 0 });
  const stop = new AbortController();
  const ended = rejects(
    whileWaiting(others!, () => {}).then(() =>
      loop({ map: mine!, timeout: NEVER, signal: stop.signal })
    ),
    /enough/,
  );
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const before = asked;
  new Quiet(other, others).close();
  await new Promise((resolve) => setTimeout(resolve, 0));
  strictEqual(asked, before);
  mine!.get(ours.fileno())!.wakeLoop();
  // The thread that waits in the kernel is woken, too, which takes as long as it does.
  const latest = performance.now() + PATIENCE;
  while (asked === before && performance.now() < latest) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  strictEqual(asked, before + 1);
  stop.abort(new Error("enough"));
  await ended;
  closeAll(mine);
  theirs.close();
});
