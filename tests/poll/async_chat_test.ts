import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert";
import {
  AsyncChat,
  type DispatcherMap,
  loop,
  loopSync,
  type Producer,
  SHUT_WR,
  type Socket,
  type Terminator,
} from "../../poll/mod.ts";
import { decode, encode, Pair } from "./_sockets.ts";

/** Collects messages. */
class Messages extends AsyncChat {
  readonly messages: string[] = [];
  part = "";

  constructor(socket: Socket, map: DispatcherMap, terminator: Terminator) {
    super(socket, map);
    this.setTerminator(terminator);
  }
  override collectIncomingData(data: Uint8Array): void {
    this.part += decode(data);
  }
  override foundTerminator(): void {
    this.messages.push(this.part);
    this.part = "";
  }
}

/** What becomes of `chunks`, each of which is one read. */
function receive(terminator: Terminator, ...chunks: string[]): Messages {
  using pair = new Pair();
  const map: DispatcherMap = new Map();
  const chat = new Messages(pair.ours, map, terminator);
  for (const chunk of chunks.filter((chunk) => chunk !== "")) {
    pair.theirs.sendSync(encode(chunk));
    loopSync({ map, count: 1 });
  }
  pair.theirs.close();
  loopSync({ map });
  return chat;
}

for (const terminator of ["\n", "\r\n", "qqq"]) {
  Deno.test(`lines that end with ${JSON.stringify(terminator)}, however they are cut`, () => {
    const text = `hello world${terminator}I'm not dead yet!${terminator}`;
    const messages = ["hello world", "I'm not dead yet!"];
    for (let cut = 0; cut < text.length; cut++) {
      const chat = receive(terminator, text.slice(0, cut), text.slice(cut));
      deepStrictEqual(chat.messages, messages);
    }
    deepStrictEqual(receive(terminator, ...text).messages, messages);
  });
}

Deno.test("what looks like a terminator's beginning and is none stays", () => {
  deepStrictEqual(receive("qqq", "aqq", "bqqqq", "qq", "qqc").messages, [
    "aqqb",
    "",
  ]);
  const chat = receive("aab", "aa", "aab");
  deepStrictEqual([chat.messages, chat.part], [["aa"], ""]);
});

Deno.test("a number of bytes as terminator counts each message anew", () => {
  const chat = receive(6, "hello world, I'm ", "not dead yet!");
  // After the first it is 0, and nothing ends the rest.
  deepStrictEqual([chat.messages, chat.part], [
    ["hello "],
    "world, I'm not dead yet!",
  ]);
  const one = receive(1, "hello");
  deepStrictEqual([one.messages, one.part], [["h"], "ello"]);
  strictEqual(receive(6, "hel").getTerminator(), 3);
});

for (const none of [null, "", 0, new Uint8Array(0)]) {
  Deno.test(`${Deno.inspect(none)} as terminator collects everything`, () => {
    const chat = receive(none, "hello\n", "world\n");
    deepStrictEqual([chat.messages, chat.part], [[], "hello\nworld\n"]);
  });
}

Deno.test("empty lines are messages, too", () => {
  deepStrictEqual(receive("\n", "hello\n\nworld\n\n\n").messages, [
    "hello",
    "",
    "world",
    "",
    "",
  ]);
});

Deno.test("the terminator may change from message to message", () => {
  using pair = new Pair();
  const map: DispatcherMap = new Map();
  const chat = new class extends Messages {
    override foundTerminator(): void {
      super.foundTerminator();
      this.setTerminator(this.messages.length % 2 === 1 ? 4 : "\n");
    }
  }(pair.ours, map, "\n");
  pair.theirs.sendSync(encode("len 4\nbodylen 4\nmore"));
  pair.theirs.close();
  loopSync({ map });
  deepStrictEqual(chat.messages, ["len 4", "body", "len 4", "more"]);
});

Deno.test("terminators that are none throw; getTerminator tells", () => {
  using pair = new Pair();
  const chat = new AsyncChat(pair.ours, new Map());
  throws(() => chat.setTerminator(-1), RangeError);
  throws(() => chat.setTerminator(NaN), TypeError);
  throws(() => chat.setTerminator({} as unknown as string), TypeError);
  throws(() => chat.setTerminator(undefined as unknown as null), TypeError);
  chat.setTerminator("\r\n");
  deepStrictEqual(chat.getTerminator(), encode("\r\n"));
  const bytes = encode("\n");
  chat.setTerminator(bytes);
  bytes[0] = 0;
  deepStrictEqual(chat.getTerminator(), encode("\n"));
  chat.close();
});

Deno.test("push, producers and closeWhenDone keep their order", async () => {
  using pair = new Pair();
  const map: DispatcherMap = new Map();
  const chat = new AsyncChat(pair.ours, map);
  const pieces: (Uint8Array | string)[] = ["b", encode("c"), "", "never asked"];
  const producer: Producer = { more: () => pieces.shift()! };
  chat.push("a");
  chat.pushWithProducer(producer);
  chat.push(encode("d"));
  chat.pushWithProducer({ more: () => "" });
  chat.push("é");
  chat.closeWhenDone();
  await loop({ map });
  strictEqual(pair.ours.closed, true);
  strictEqual(decode(pair.theirs.recvSync(100)), "abcdé");
  deepStrictEqual(pieces, ["never asked"]);
});

Deno.test("what is large is sent in turns, and then closed", async () => {
  using pair = new Pair();
  const map: DispatcherMap = new Map();
  const chat = new AsyncChat(pair.ours, map);
  const bytes = new Uint8Array(3_000_000).map((_, i) => i * 31);
  let made = 0;
  chat.push(bytes.subarray(0, 1_000_000));
  chat.pushWithProducer({
    more: () => {
      const piece = bytes.subarray(1_000_000 + made, 1_000_000 + made + 10_000);
      made += piece.length;
      return piece;
    },
  });
  chat.closeWhenDone();
  // It asks for more only when there is room.
  ok(made < 1_000_000, `${made}`);
  ok(chat.writable());
  const looping = loop({ map });
  const received = new Uint8Array(bytes.length + 1);
  let at = 0;
  for (
    let count;
    (count = await pair.theirs.recvInto(received.subarray(at))) > 0;
  ) {
    at += count;
  }
  await looping;
  strictEqual(at, bytes.length);
  deepStrictEqual(received.subarray(0, at), bytes);
});

Deno.test("push of neither text nor bytes throws", () => {
  using pair = new Pair();
  const chat = new AsyncChat(pair.ours, new Map());
  for (const bad of [1, null, undefined, {}]) {
    throws(() => chat.push(bad as unknown as string), TypeError);
    throws(() => chat.pushWithProducer(bad as unknown as Producer), TypeError);
  }
  chat.close();
});

Deno.test("pushWithProducer takes bytes and text, too, as push does", async () => {
  using pair = new Pair();
  const map: DispatcherMap = new Map();
  const chat = new AsyncChat(pair.ours, map);
  const bytes = encode("bytes ");
  chat.pushWithProducer(bytes);
  bytes.fill(0);
  chat.pushWithProducer("text ");
  chat.pushWithProducer(new Uint8Array(0));
  let made = 0;
  chat.pushWithProducer({ more: () => made++ === 0 ? "producer" : "" });
  chat.closeWhenDone();
  await loop({ map });
  strictEqual(decode(pair.theirs.recvSync(100)), "bytes text producer");
});

/** Notes everything that it is told. */
class Told extends AsyncChat {
  readonly told: string[] = [];
  /** What is done when one of these is told. */
  readonly does = new Map<string, () => void>();

  tell(what: string): void {
    this.told.push(what);
    this.does.get(what)?.();
  }
  override collectIncomingData(data: Uint8Array): void {
    this.tell(decode(data));
  }
  override foundTerminator(): void {
    this.tell("found");
  }
  override handleError(error: unknown): void {
    this.tell(`error ${(error as Error).message}`);
  }
  override handleClose(): void {
    this.tell("close");
    super.handleClose();
  }
}

for (
  const [where, terminator, told] of [
    ["one", "\n", ["one"]],
    ["found", "\n", ["one", "found"]],
    ["two", "\n", ["one", "found", "two"]],
    ["one", 3, ["one"]],
    ["found", 3, ["one", "found"]],
  ] as const
) {
  Deno.test(`close in ${where === "found" ? "foundTerminator" : `collectIncomingData of "${where}"`} is the last that is told, terminator ${Deno.inspect(terminator)}`, async () => {
    for (const half of [false, true]) {
      using pair = new Pair();
      const map: DispatcherMap = new Map();
      const chat = new Told(pair.ours, map);
      chat.setTerminator(terminator);
      chat.does.set(where, () => chat.close());
      chat.push("unsent, and not sent later");
      pair.theirs.sendSync(encode("one\ntwo\nthree\npart"));
      if (half) pair.theirs.shutdown(SHUT_WR);
      await loop({ map });
      deepStrictEqual(chat.told, told);
      strictEqual(chat.writable(), true);
      deepStrictEqual([chat.connected, map.size], [false, 0]);
    }
  });
}

Deno.test("close in handleRead, before or after it reads, is the last that is told", async () => {
  for (const first of [true, false]) {
    using pair = new Pair();
    const map: DispatcherMap = new Map();
    const chat = new class extends Told {
      override handleRead(): void {
        if (first) this.close();
        else {
          super.handleRead();
          this.close();
        }
      }
    }(pair.ours, map);
    chat.setTerminator("\n");
    pair.theirs.sendSync(encode("one\npart"));
    pair.theirs.close();
    await loop({ map });
    deepStrictEqual(chat.told, first ? [] : ["one", "found", "part"]);
  }
});

Deno.test("what is left of a message at the end is told to nobody, whatever handleClose sets", async () => {
  using pair = new Pair();
  const map: DispatcherMap = new Map();
  const chat = new Told(pair.ours, map);
  chat.setTerminator("\r\n");
  chat.does.set("close", () => chat.setTerminator(null));
  pair.theirs.sendSync(encode("one\r\n\r"));
  pair.theirs.close();
  await loop({ map });
  deepStrictEqual(chat.told, ["one", "found", "close"]);
});

Deno.test("one that closes and dials anew gets nothing of the connection before", async () => {
  for (const where of ["one", "found"]) {
    using before = new Pair();
    using after = new Pair();
    const map: DispatcherMap = new Map();
    const chat = new Told(before.ours, map);
    chat.setTerminator("\n");
    chat.does.set(where, () => {
      chat.does.clear();
      chat.close();
      chat.setSocket(after.ours);
      chat.connected = true;
    });
    chat.push("sent before");
    before.theirs.sendSync(encode("one\ntwo\npart"));
    await loop({ map, count: 1 });
    after.theirs.sendSync(encode("new\n"));
    after.theirs.close();
    await loop({ map });
    deepStrictEqual(chat.told, [
      ...where === "one" ? ["one"] : ["one", "found"],
      ...["new", "found", "close"],
    ]);
  }
});

Deno.test("a terminator that collectIncomingData sets is for what follows", async () => {
  for (const [first, text] of [["\n", "one\nabcd"], [3, "oneabcd"]] as const) {
    for (
      const [next, told] of [
        [4, ["one", "found", "abcd", "found"]],
        ["d", ["one", "found", "abc", "found"]],
        [0, ["one", "found", "abcd"]],
        [null, ["one", "found", "abcd"]],
      ] as const
    ) {
      using pair = new Pair();
      const map: DispatcherMap = new Map();
      const chat = new Told(pair.ours, map);
      chat.setTerminator(first);
      chat.does.set("one", () => chat.setTerminator(next));
      pair.theirs.sendSync(encode(text));
      await loop({ map, count: 1 });
      deepStrictEqual(chat.told, told);
      chat.close();
    }
  }
});

Deno.test("a part of a number of bytes is no message, whatever collectIncomingData sets", async () => {
  using pair = new Pair();
  const map: DispatcherMap = new Map();
  const chat = new Told(pair.ours, map);
  chat.setTerminator(10);
  chat.does.set("part", () => chat.setTerminator(0));
  pair.theirs.sendSync(encode("part"));
  await loop({ map, count: 1 });
  deepStrictEqual(chat.told, ["part"]);
  chat.close();
});

Deno.test("what a message's handler throws is told, and the messages behind it, too", async () => {
  for (const where of ["one", "found"]) {
    using pair = new Pair();
    const map: DispatcherMap = new Map();
    const chat = new Told(pair.ours, map);
    chat.setTerminator("\n");
    chat.does.set(where, () => {
      chat.does.clear();
      throw new Error("a bug");
    });
    pair.theirs.sendSync(encode("one\ntwo\n"));
    await loop({ map, count: 1 });
    deepStrictEqual(chat.told, [
      ...where === "one" ? ["one"] : ["one", "found"],
      ...["error a bug", "two", "found"],
    ]);
    chat.close();
  }
});

Deno.test("an error that handleError closes for is the last that is told", async () => {
  using pair = new Pair();
  const map: DispatcherMap = new Map();
  const chat = new Told(pair.ours, map);
  chat.setTerminator("\n");
  chat.does.set("found", () => {
    throw new Error("a bug");
  });
  chat.does.set("error a bug", () => chat.close());
  pair.theirs.sendSync(encode("one\ntwo\n"));
  await loop({ map });
  deepStrictEqual(chat.told, ["one", "found", "error a bug"]);
});

Deno.test("what handleError throws ends the loop, and is told once", async () => {
  using pair = new Pair();
  const map: DispatcherMap = new Map();
  const chat = new Told(pair.ours, map);
  chat.setTerminator("\n");
  for (const where of ["found", "error a bug"]) {
    chat.does.set(where, () => {
      throw new Error("a bug");
    });
  }
  pair.theirs.sendSync(encode("one\ntwo\n"));
  await rejects(loop({ map }), { message: "a bug" });
  deepStrictEqual(chat.told, ["one", "found", "error a bug"]);
  chat.close();
});

Deno.test("a producer that throws or closes costs nobody else's bytes", async () => {
  using pair = new Pair();
  const map: DispatcherMap = new Map();
  const chat = new Told(pair.ours, map);
  chat.push("before ");
  throws(() =>
    chat.pushWithProducer({
      more() {
        throw new Error("a bug");
      },
    }), { message: "a bug" });
  chat.push("after");
  strictEqual(decode(pair.theirs.recvSync(100)), "before after");
  chat.pushWithProducer({
    more() {
      chat.close();
      return "of a connection that is closed";
    },
  });
  await loop({ map });
  strictEqual(pair.theirs.recvSync(100).length, 0);
});

Deno.test("discardBuffers forgets what was not sent", () => {
  using pair = new Pair();
  const chat = new AsyncChat(pair.ours, new Map());
  chat.push(new Uint8Array(5_000_000));
  ok(chat.writable());
  chat.discardBuffers();
  strictEqual(chat.writable(), false);
  chat.close();
});

Deno.test("a message that is answered while the peer has ended its side gets out", async () => {
  using pair = Pair.tcp();
  const map: DispatcherMap = new Map();
  const chat = new class extends Messages {
    override foundTerminator(): void {
      this.push(`<${this.part}>`);
      this.part = "";
      this.closeWhenDone();
    }
  }(pair.ours, map, "\n");
  pair.theirs.sendSync(encode("question\n"));
  pair.theirs.shutdown(SHUT_WR);
  await loop({ map });
  strictEqual(decode(pair.theirs.recvSync(100)), "<question>");
  strictEqual(chat.part, "");
});

Deno.test("a false alarm in handleRead is nothing", () => {
  using pair = new Pair();
  const chat = new Messages(pair.ours, new Map(), "\n");
  chat.handleRead();
  strictEqual(pair.ours.closed, false);
  deepStrictEqual([chat.messages, chat.part], [[], ""]);
  chat.close();
});
