import {
  deepStrictEqual,
  doesNotMatch,
  match,
  ok,
  strictEqual,
  throws,
} from "node:assert";
import { BaseHTTPRequestHandler, HTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import {
  type ServerWebSocket,
  upgradeWebSocket,
  type UpgradeWebSocketOptions,
  type WebSocketMessage,
} from "../../handlers/websocket/mod.ts";
import { patiently } from "../_patience.ts";
import { echo, Scene, serveOne } from "./_serving.ts";
import {
  close,
  echoed,
  frame,
  join,
  OPCODES,
  opening,
  shown,
  text,
  Wire,
} from "./_wire.ts";

const { binary, ping } = OPCODES;

/** Starts a server, and gives the socket of its first client and the client. */
async function pair(
  options: UpgradeWebSocketOptions = {},
  use: (socket: ServerWebSocket) => unknown = () => {},
): Promise<
  AsyncDisposable & { scene: Scene; socket: ServerWebSocket; wire: Wire }
> {
  const { scene, socket } = await serveOne(options, use);
  const wire = await scene.open();
  return {
    scene,
    socket: await socket,
    wire,
    [Symbol.asyncDispose]() {
      wire[Symbol.dispose]();
      return scene[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when something happens to a socket. */
function once<Type extends "open" | "message" | "error" | "close">(
  socket: ServerWebSocket,
  type: Type,
) {
  return patiently(
    new Promise<Event>((resolve) =>
      socket.addEventListener(type, resolve, { once: true })
    ),
    () => type,
  );
}

Deno.test("a socket has the events of a browser's, in their order", async () => {
  const seen: string[] = [];
  await using open = await pair({}, (socket) => {
    strictEqual(socket.readyState, socket.CONNECTING);
    for (const type of ["open", "message", "error", "close"]) {
      socket.addEventListener(type, (event) => {
        strictEqual(event.target, socket);
        strictEqual(event.currentTarget, socket);
        seen.push(`${type} ${socket.readyState}`);
      });
    }
  });
  const { socket, wire } = open;
  await wire.send(join([text("one"), frame(binary, "two")]));
  await wire.send(close(4000, "bye"));
  deepStrictEqual(await wire.rest(), ["close 4000"]);
  await socket.closed;
  deepStrictEqual(seen, ["open 1", "message 1", "message 1", "close 3"]);
});

Deno.test("the attributes for listeners have events that know their socket", async () => {
  const seen: unknown[] = [];
  await using open = await pair({}, (socket) => {
    strictEqual(socket.onmessage, null);
    socket.onopen = (event) => seen.push(event.type);
    socket.onmessage = function (event) {
      strictEqual(this, socket);
      strictEqual(event.target, socket);
      strictEqual(event.currentTarget, socket);
      ok(event instanceof MessageEvent);
      seen.push(event.data);
    };
    socket.onclose = ({ code, reason, wasClean }) =>
      seen.push([code, reason, wasClean]);
  });
  const { socket, wire } = open;
  await wire.send(text("one"));
  await once(socket, "message");
  const { onmessage } = socket;
  socket.onmessage = null;
  strictEqual(socket.onmessage, null);
  await wire.send(join([text("nobody's"), frame(ping)]));
  deepStrictEqual(shown(await wire.receive()), echoed(OPCODES.pong, ""));
  socket.onmessage = onmessage;
  await wire.send(join([text("three"), close(1001, "gone")]));
  await socket.closed;
  wire[Symbol.dispose]();
  deepStrictEqual(seen, ["open", "one", "three", [1001, "gone", true]]);
});

Deno.test("listeners are called once, in their order, and not when they were removed", async () => {
  const seen: string[] = [];
  await using open = await pair();
  const { socket, wire } = open;
  const removed = () => seen.push("removed");
  const listener = {
    handleEvent(event: Event) {
      strictEqual(this, listener);
      seen.push(`object ${(event as MessageEvent).data}`);
    },
  };
  socket.onmessage = () => seen.push("attribute");
  socket.addEventListener("message", () => seen.push("once"), { once: true });
  socket.addEventListener("message", removed);
  socket.addEventListener("message", listener);
  socket.addEventListener("message", listener);
  socket.addEventListener("message", null);
  socket.removeEventListener("message", removed);
  socket.removeEventListener("message", null);
  await wire.send(join([text("1"), text("2"), close()]));
  await socket.closed;
  wire[Symbol.dispose]();
  deepStrictEqual(seen, [
    ...["attribute", "once", "object 1"],
    ...["attribute", "object 2"],
  ]);
});

Deno.test("binary messages are what binaryType says, and bytes in a loop", async () => {
  await using open = await pair();
  const { socket, wire } = open;
  const sent = Uint8Array.of(1, 2, 3);
  const next = async () => {
    const coming = once(socket, "message") as Promise<MessageEvent>;
    await wire.send(frame(binary, sent));
    return (await coming).data;
  };
  const buffer = await next();
  ok(buffer instanceof ArrayBuffer);
  // All of it is the message's: nothing of its neighbours.
  deepStrictEqual(new Uint8Array(buffer), sent);
  socket.binaryType = "blob";
  const blob = await next();
  ok(blob instanceof Blob);
  deepStrictEqual(await blob.bytes(), sent);
  const loop = socket[Symbol.asyncIterator]();
  await wire.send(join([frame(binary, sent), frame(binary, sent)]));
  const { value: first } = await loop.next();
  deepStrictEqual(first, sent);
  (first as Uint8Array)[0] = 9;
  deepStrictEqual((await loop.next()).value, sent);
});

Deno.test("send() takes texts and bytes of every kind, which may be changed then", async () => {
  await using open = await pair();
  const { socket, wire } = open;
  const bytes = Uint8Array.of(1, 2, 3, 4);
  socket.send("text");
  socket.send("\ud800 alone");
  socket.send(bytes);
  socket.send(bytes.subarray(1, 3));
  socket.send(new DataView(bytes.buffer, 2));
  socket.send(bytes.buffer);
  bytes.fill(0);
  for (
    const expected of [
      echoed(OPCODES.text, "text"),
      echoed(OPCODES.text, "\ufffd alone"),
      ...[[1, 2, 3, 4], [2, 3], [3, 4], [1, 2, 3, 4]].map((each) =>
        echoed(binary, Uint8Array.from(each))
      ),
    ]
  ) strictEqual(shown(await wire.receive()), expected);
  for (const wrong of [1, null, undefined, {}, [1]]) {
    throws(
      () => socket.send(wrong as unknown as string),
      /^TypeError: Cannot send .*: a message is a text or bytes/,
    );
  }
  throws(
    () => socket.send(new Blob() as unknown as string),
    /Cannot send a Blob: await its bytes\(\) first/,
  );
});

Deno.test("every length of text is framed as it must be", async () => {
  await using open = await pair();
  const { socket, wire } = open;
  // Around each size of the header, in characters of one, two and three bytes.
  const texts = ["a", "ü", "€"].flatMap((letter) =>
    [0, 1, 41, 42, 62, 63, 64, 65, 124, 125, 126, 127, 5_461, 16_384, 16_385]
      .concat([21_845, 21_846, 32_767, 32_768, 65_535, 65_536])
      .map((length) => letter.repeat(length))
  );
  const sending = texts.map((each) => socket.send(each));
  for (const each of texts) {
    strictEqual(shown(await wire.receive()), echoed(OPCODES.text, each));
  }
  deepStrictEqual(await Promise.all(sending), texts.map(() => true));
  strictEqual(socket.bufferedAmount, 0);
});

Deno.test("send() before the socket is open throws, and afterwards tells that nothing was sent", async () => {
  await using open = await pair({}, (socket) => {
    throws(
      () => socket.send("early"),
      (error: unknown) =>
        error instanceof DOMException && error.name === "InvalidStateError",
    );
  });
  const { socket, wire } = open;
  strictEqual(await socket.send("in time"), true);
  socket.close();
  strictEqual(socket.readyState, socket.CLOSING);
  strictEqual(await socket.send("late"), false);
  strictEqual(socket.bufferedAmount, 0);
  await wire.send(close());
  deepStrictEqual(await wire.rest(), [
    echoed(OPCODES.text, "in time"),
    "close",
  ]);
  await socket.closed;
  strictEqual(await socket.send("later"), false);
});

Deno.test("close() sends what waits, the code and the reason, once", async () => {
  await using open = await pair();
  const { socket, wire } = open;
  socket.send("last");
  socket.close(1013, "busy");
  socket.close(1000, "again");
  await wire.send(text("not received"));
  strictEqual(shown(await wire.receive()), echoed(OPCODES.text, "last"));
  const { payload } = await wire.receive();
  deepStrictEqual(
    payload,
    Uint8Array.of(3, 0xf5, ...new TextEncoder().encode("busy")),
  );
  await wire.send(close(1013));
  deepStrictEqual(await wire.rest(), []);
  deepStrictEqual(await socket.closed, {
    ...{ code: 1013, reason: "", wasClean: true, error: undefined },
  });
});

Deno.test("close() refuses what may not be sent", async () => {
  await using open = await pair();
  const { socket, wire } = open;
  for (
    const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, NaN]
  ) {
    throws(
      () => socket.close(code),
      (error: unknown) =>
        error instanceof DOMException && error.name === "InvalidAccessError",
      String(code),
    );
  }
  throws(
    () => socket.close(1000, "ü".repeat(62)),
    (error: unknown) =>
      error instanceof DOMException && error.name === "SyntaxError",
  );
  strictEqual(socket.readyState, socket.OPEN);
  // A reason needs a code.
  socket.close(undefined, "ü".repeat(61));
  const { payload } = await wire.receive();
  deepStrictEqual([payload.length, payload[0], payload[1]], [124, 3, 0xe8]);
});

Deno.test("a socket that is closed while it connects is opened and closed", async () => {
  await using scene = await Scene.serve((socket) => socket.close(4001, "no"));
  using wire = await scene.open();
  await wire.send(close(4001));
  deepStrictEqual(await wire.rest(), ["close 4001"]);
});

Deno.test("messages wait for a loop, and pings that come before them do not", async () => {
  await using open = await pair();
  const { socket, wire } = open;
  await wire.send(join([frame(ping, "1"), text("one"), text("two")]));
  strictEqual(shown(await wire.receive()), echoed(OPCODES.pong, "1"));
  const seen: WebSocketMessage[] = [];
  for await (const message of socket) {
    seen.push(message);
    if (message === "two") break;
  }
  strictEqual(socket.readyState, socket.OPEN);
  await wire.send(join([text("three"), text(""), close()]));
  for await (const message of socket) seen.push(message);
  deepStrictEqual(seen, ["one", "two", "three", ""]);
});

Deno.test("a message that waits is given to a listener that is added late", async () => {
  await using open = await pair();
  const { socket, wire } = open;
  await wire.send(join([frame(ping), text("one"), text("two")]));
  await wire.receive();
  const seen: unknown[] = [];
  socket.onmessage = ({ data }) => seen.push(data);
  await once(socket, "message");
  await wire.send(close());
  await socket.closed;
  deepStrictEqual(seen, ["one", "two"]);
});

Deno.test("several that ask for messages get one each, and then none", async () => {
  await using open = await pair();
  const { socket, wire } = open;
  const loops = [1, 2, 3].map(() => socket[Symbol.asyncIterator]());
  const asked = loops.map((loop) => loop.next());
  const again = loops[0]!.next();
  await wire.send(join([text("1"), text("2"), text("3")]));
  deepStrictEqual(
    (await Promise.all(asked)).map(({ value }) => value),
    ["1", "2", "3"],
  );
  await wire.send(close());
  const none = { done: true, value: undefined };
  deepStrictEqual(await again, none);
  deepStrictEqual(await loops[1]!.next(), none);
  deepStrictEqual(await loops[2]!.return!(), none);
  deepStrictEqual(await loops[2]!.next(), none);
});

Deno.test("a loop can answer the message before a Close frame, however long it takes", async () => {
  const asked = Promise.withResolvers<void>();
  const may = Promise.withResolvers<void>();
  await using scene = await Scene.serve(async (socket) => {
    for await (const message of socket) {
      asked.resolve();
      await may.promise;
      await socket.send(`answer to ${message}`);
    }
  });
  using wire = await scene.open();
  await wire.send(join([text("question"), close(1000)]));
  await asked.promise;
  may.resolve();
  deepStrictEqual(await wire.rest(), [
    echoed(OPCODES.text, "answer to question"),
    "close 1000",
  ]);
});

Deno.test("a loop that was left holds no Close frame up", async () => {
  await using open = await pair({}, async (socket) => {
    for await (const _message of socket) break;
  });
  const { socket, wire } = open;
  await wire.send(join([text("one"), close(1000)]));
  deepStrictEqual(await wire.rest(), ["close 1000"]);
  strictEqual((await socket.closed).wasClean, true);
});

/** A server that counts the bytes that it has read. */
class CountingServer extends HTTPServer {
  bytes = 0;

  override async getRequest(): Promise<[Deno.TcpConn, Deno.NetAddr]> {
    const [connection, address] = await super.getRequest();
    const read = connection.read.bind(connection);
    connection.read = async (buffer) => {
      const n = await read(buffer);
      this.bytes += n ?? 0;
      return n;
    };
    return [connection, address];
  }
}

/** Waits until a number has not changed for a while. */
async function settled(number: () => number): Promise<number> {
  for (let last = -1, same = 0; same < 10;) {
    const now = number();
    same = now === last && now > 0 ? same + 1 : 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return number();
}

Deno.test("a client cannot send more than a loop takes", async () => {
  const { promise, resolve } = Promise.withResolvers<ServerWebSocket>();
  await using served = await serveForTest(
    (request) => {
      const { socket, response } = upgradeWebSocket(request);
      resolve(socket);
      return response;
    },
    { server: CountingServer },
  );
  using wire = await Wire.open(Deno.connect(served.addr));
  const socket = await promise;
  const message = text("x".repeat(256 * 1024));
  const all = 128;
  const sending = (async () => {
    for (let i = 0; i < all; i++) await wire.send(message);
    await wire.send(close());
  })();
  const loop = socket[Symbol.asyncIterator]();
  for (let taken = 0; taken < 4; taken++) {
    const read = await settled(() => served.server.bytes);
    // One message waits, and one read may have gone past it.
    ok(read <= (taken + 1) * message.length + 128 * 1024, `${read} bytes`);
    await loop.next();
  }
  let rest = 4;
  while (!(await loop.next()).done) rest++;
  await sending;
  strictEqual(rest, all);
});

Deno.test("a client cannot ask for more than it takes, and whoever awaits send() is held back", async () => {
  const big = "y".repeat(64 * 1024);
  let answered = 0;
  await using scene = await Scene.serve((socket) => {
    socket.onmessage = () => {
      answered++;
      socket.send(big);
    };
  });
  using wire = await scene.open();
  const all = 2_000;
  const sending = (async () => {
    for (let i = 0; i < all; i++) await wire.send(text("more"));
    await wire.send(close());
  })();
  const first = await settled(() => answered);
  // What the kernel takes, and 1 MiB that waits.
  ok(first < all / 4, `${first} were answered`);
  const frames = await wire.rest();
  await sending;
  strictEqual(frames.length, all + 1);
  deepStrictEqual(scene.served.errors, []);
});

Deno.test("a client that does not take what is sent holds back who awaits it", async () => {
  let sent = 0;
  await using open = await pair();
  const { socket, wire } = open;
  const all = 400;
  const sending = (async () => {
    while (sent < all && await socket.send("z".repeat(64 * 1024))) sent++;
    socket.close();
  })();
  const first = await settled(() => sent);
  ok(first < all, `${first} were sent`);
  ok(socket.bufferedAmount <= 64 * 1024, `${socket.bufferedAmount} wait`);
  for (let i = 0; i < all; i++) await wire.receive();
  await wire.send(close());
  deepStrictEqual(await wire.rest(), ["close"]);
  await sending;
  strictEqual(sent, all);
});

Deno.test("a client that takes nothing of what nobody awaits is given up", async () => {
  await using open = await pair({ maxBufferedAmount: 1_000_000 });
  const { scene, socket, wire } = open;
  const errors: ErrorEvent[] = [];
  socket.onerror = (event) => errors.push(event as ErrorEvent);
  const sending: Promise<boolean>[] = [];
  for (let i = 0; i < 1_000 && socket.readyState === socket.OPEN; i++) {
    sending.push(socket.send("w".repeat(64 * 1024)));
  }
  const { code, error } = await patiently(socket.closed, () => "the end");
  strictEqual(code, 1006);
  match(
    String(error),
    /RangeError: Cannot send a message: \d+ bytes already wait for a slow client and maxBufferedAmount is 1000000; await send\(\)/,
  );
  strictEqual(errors[0]!.error, error);
  strictEqual((await Promise.all(sending)).at(-1), false);
  strictEqual(socket.bufferedAmount, 0);
  wire[Symbol.dispose]();
  deepStrictEqual(scene.served.errors, []);
});

for (
  const [what, listener] of [
    ["throws", () => {
      throw new Error("of the listener");
    }],
    ["rejects", async () => {
      await null;
      throw new Error("of the listener");
    }],
  ] as const
) {
  Deno.test(`a listener that ${what} closes its socket with 1011, and is reported`, async () => {
    for (const attribute of [false, true]) {
      await using scene = await Scene.serve((socket) => {
        if (attribute) socket.onmessage = listener;
        else socket.addEventListener("message", listener);
        socket.onclose = listener;
      });
      using other = await scene.open();
      using wire = await scene.open();
      await wire.send(join([text("x")]));
      strictEqual(shown(await wire.receive()), "close 1011");
      await wire.send(close(1011));
      deepStrictEqual(await wire.rest(), []);
      const [error] = await scene.served.untilErrors();
      const { errors } = what === "throws"
        ? error as AggregateError
        : { errors: [error] };
      match(String(errors[0]), /of the listener/);
      // That of `close` was another.
      strictEqual(errors.length, what === "throws" ? 2 : 1);
      // Nobody else's has ended.
      await other.send(frame(ping));
      strictEqual(shown(await other.receive()), echoed(OPCODES.pong, ""));
      other[Symbol.dispose]();
      // Those of `close`: what rejects is reported by itself.
      const closes = await scene.served.untilErrors(what === "throws" ? 1 : 2);
      for (const error of closes) match(String(error), /of the listener/);
    }
  });
}

Deno.test("a listener that rejects when all is over is reported, whatever with", async () => {
  for (const thrown of [new Error("late"), "late"]) {
    const may = Promise.withResolvers<void>();
    await using open = await pair({}, (socket) => {
      socket.onmessage = async () => {
        await may.promise;
        throw thrown;
      };
    });
    const { scene, socket, wire } = open;
    await wire.send(join([text("x"), close()]));
    deepStrictEqual(await wire.rest(), ["close"]);
    await socket.closed;
    may.resolve();
    const [error] = await scene.served.untilErrors() as [Error];
    match(`${error} ${error.cause ?? ""}`, /late/);
  }
});

Deno.test("how a connection ended is told, and no error of the client's is reported", async () => {
  const ends: Record<string, readonly [Uint8Array, RegExp, number]> = {
    "without a Close frame": [
      new Uint8Array(0),
      /ended the connection without a Close frame/,
      0,
    ],
    "within a frame": [text("x").subarray(0, 3), /without a Close frame/, 0],
    "with no mask": [
      text("x", { key: null }),
      /ProtocolError: A client's frame is not masked/,
      1,
    ],
    "with too much": [
      frame(binary, "", { length: 2 ** 20 + 1 }),
      /ProtocolError: A message may have 1048576 bytes/,
      1,
    ],
  };
  for (const [how, [sent, said, count]] of Object.entries(ends)) {
    await using open = await pair();
    const { scene, socket, wire } = open;
    let errors = 0;
    socket.onerror = () => errors++;
    const loop = socket[Symbol.asyncIterator]();
    await wire.send(sent);
    if (count === 0) wire[Symbol.dispose]();
    deepStrictEqual(await loop.next(), { done: true, value: undefined }, how);
    const { code, wasClean, error } = await socket.closed;
    deepStrictEqual({ code, wasClean }, { code: 1006, wasClean: false }, how);
    match(String(error), said);
    strictEqual(errors, count, how);
    wire[Symbol.dispose]();
    deepStrictEqual(scene.served.errors, []);
  }
});

class Base extends BaseHTTPRequestHandler<Deno.NetAddr> {
  static log: string[] = [];
  async doGET(): Promise<void> {
    const socket = upgradeWebSocket(this);
    switch (this.path) {
      case "/events":
        socket.onmessage = ({ data }) => void socket.send(data as string);
        return;
      case "/throws":
        throw new Error("of the method");
      case "/stays":
        socket.onmessage = ({ data }) => void socket.send(data as string);
        await socket.closed;
        await new Promise((resolve) =>
          this.signal.addEventListener("abort", resolve)
        );
        return;
      default:
        await echo(socket);
    }
  }
  override logMessage(message: string): void {
    Base.log.push(message);
  }
}

Deno.test("a method opens a WebSocket, which stays when it has returned", async () => {
  await using served = await serveForTest(Base, { server: HTTPServer });
  Base.log = [];
  for (const path of ["/loop", "/events"]) {
    using wire = await Wire.open(
      Deno.connect(served.addr),
      {},
      `GET ${path} HTTP/1.1`,
    );
    await wire.send(text("hello"));
    strictEqual(shown(await wire.receive()), echoed(OPCODES.text, "hello"));
    await wire.send(close(1000));
    deepStrictEqual(await wire.rest(), ["close 1000"]);
  }
  deepStrictEqual(Base.log, [
    '"GET /loop HTTP/1.1" 101 -',
    '"GET /events HTTP/1.1" 101 -',
  ]);
  deepStrictEqual(served.errors, []);
});

Deno.test("a method that fails behind the upgrade closes its WebSocket with 1011", async () => {
  await using served = await serveForTest(Base, { server: HTTPServer });
  using wire = await Wire.open(
    Deno.connect(served.addr),
    {},
    "GET /throws HTTP/1.1",
  );
  await wire.send(close(1011));
  deepStrictEqual(await wire.rest(), ["close 1011"]);
  match(String(await served.untilErrors()), /of the method/);
});

Deno.test("the connection ends with the WebSocket, whatever the method still does", async () => {
  await using served = await serveForTest(Base, { server: HTTPServer });
  using wire = await Wire.open(
    Deno.connect(served.addr),
    {},
    "GET /stays HTTP/1.1",
  );
  await wire.send(close(1000));
  deepStrictEqual(await wire.rest(), ["close 1000"]);
  await served.server.shutdown({ gracePeriod: 0 });
  match(String(served.takeErrors()), /did not finish within 0 ms/);
});

Deno.test("a socket whose client leaves before the response gets no connection", async () => {
  const asked = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<unknown>();
  await using served = await serveForTest(
    async (request) => {
      const { socket, response } = upgradeWebSocket(request);
      let closes = 0;
      socket.onclose = () => closes++;
      const loop = socket[Symbol.asyncIterator]().next();
      const aborted = new Promise((resolve) =>
        request.signal.addEventListener("abort", resolve)
      );
      asked.resolve();
      await aborted;
      Promise.all([socket.closed, loop]).then(async ([{ code }, { done }]) => {
        const sent = await socket.send("late");
        ended.resolve([code, done, sent, closes, socket.readyState]);
      });
      return response;
    },
    { server: HTTPServer },
  );
  const client = await Deno.connect(served.addr);
  await client.write(new TextEncoder().encode(opening()));
  await asked.promise;
  client.close();
  deepStrictEqual(
    await patiently(ended.promise, () => "the end"),
    [1006, true, false, 1, 3],
  );
  deepStrictEqual(served.errors, []);
});

Deno.test("the bytes of a WebSocket are counted by the server, once", async () => {
  await using scene = await Scene.serve(echo);
  using wire = await scene.open();
  const sent = join([text("hello"), frame(binary, new Uint8Array(3_000))]);
  await wire.send(sent);
  await wire.receive();
  await wire.receive();
  await wire.send(close());
  await wire.rest();
  const { bytesIn, bytesOut } = scene.server.stats();
  strictEqual(bytesIn, opening().length + sent.length + close().length);
  strictEqual(bytesOut, wire.head.length + 2 + 7 + 3_004 + 2);
});

Deno.test("requestTimeout ends where a WebSocket begins", async () => {
  await using scene = await Scene.serve(echo, {}, { requestTimeout: 400 });
  using wire = await scene.open();
  await new Promise((resolve) => setTimeout(resolve, 500));
  await wire.send(join([text("later"), close(1000)]));
  deepStrictEqual(await wire.rest(), [
    echoed(OPCODES.text, "later"),
    "close 1000",
  ]);
  deepStrictEqual(scene.served.errors, []);
});

Deno.test("a ServerWebSocket can be given where a WebSocket is asked for", async () => {
  const sendTo = (socket: WebSocket) => socket.send("typed");
  await using scene = await Scene.serve((socket) => {
    socket.onopen = () => sendTo(socket);
    doesNotMatch(Deno.inspect(socket), /Error/);
    deepStrictEqual(
      [socket.url, socket.extensions, socket.protocol, socket.binaryType],
      ["", "", "", "arraybuffer"],
    );
  });
  using wire = await scene.open();
  strictEqual(shown(await wire.receive()), echoed(OPCODES.text, "typed"));
});
