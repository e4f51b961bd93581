// Every flag does what it says, or is refused by its name.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  AF_INET,
  AF_UNIX,
  DatagramBatch,
  MSG_CMSG_CLOEXEC,
  MSG_CONFIRM,
  MSG_CTRUNC,
  MSG_DONTROUTE,
  MSG_DONTWAIT,
  MSG_EOR,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  recvFds,
  recvFdsSync,
  sendFds,
  sendFdsSync,
  SHUT_WR,
  SO_LINGER,
  SOCK_DGRAM,
  Socket,
  socketpair,
  SOL_SOCKET,
} from "../../poll/mod.ts";
import { datagramSocket, decode, encode, failure, Pair } from "./_sockets.ts";

const NOWHERE = { path: `\0${crypto.randomUUID()}` };

/** Every call that takes flags and receives. */
const receiving: Record<string, (socket: Socket, flags: number) => unknown> = {
  recvSync: (socket, flags) => socket.recvSync(10, flags),
  recv: (socket, flags) => socket.recv(10, flags),
  recvIntoSync: (socket, flags) =>
    socket.recvIntoSync(new Uint8Array(10), 0, flags),
  recvInto: (socket, flags) => socket.recvInto(new Uint8Array(10), 0, flags),
  recvFromSync: (socket, flags) => socket.recvFromSync(10, flags),
  recvFrom: (socket, flags) => socket.recvFrom(10, flags),
};

const receivingMany: typeof receiving = {
  recvManySync: (socket, flags) =>
    socket.recvManySync(new DatagramBatch(), flags),
  recvMany: (socket, flags) => socket.recvMany(new DatagramBatch(), flags),
};

const receivingMessages: typeof receiving = {
  recvmsgSync: (socket, flags) => socket.recvmsgSync(10, 0, flags),
  recvmsg: (socket, flags) => socket.recvmsg(10, 0, flags),
  recvFdsSync: (socket, flags) => recvFdsSync(socket, 10, 1, flags),
  recvFds: (socket, flags) => recvFds(socket, 10, 1, flags),
};

function batch(): DatagramBatch {
  const made = new DatagramBatch();
  made.push(new Uint8Array(1));
  return made;
}

/** Every call that takes flags and sends. */
const sending: typeof receiving = {
  sendSync: (socket, flags) => socket.sendSync(new Uint8Array(1), flags),
  send: (socket, flags) => socket.send(new Uint8Array(1), flags),
  sendAllSync: (socket, flags) => socket.sendAllSync(new Uint8Array(1), flags),
  sendAll: (socket, flags) => socket.sendAll(new Uint8Array(1), flags),
  sendToSync: (socket, flags) =>
    socket.sendToSync(new Uint8Array(1), NOWHERE, flags),
  sendTo: (socket, flags) => socket.sendTo(new Uint8Array(1), NOWHERE, flags),
  sendManySync: (socket, flags) => socket.sendManySync(batch(), flags),
  sendMany: (socket, flags) => socket.sendMany(batch(), flags),
  sendmsgSync: (socket, flags) =>
    socket.sendmsgSync([new Uint8Array(1)], [], flags),
  sendmsg: (socket, flags) => socket.sendmsg([new Uint8Array(1)], [], flags),
  sendFdsSync: (socket, flags) =>
    sendFdsSync(socket, [new Uint8Array(1)], [socket], flags),
  sendFds: (socket, flags) =>
    sendFds(socket, [new Uint8Array(1)], [socket], flags),
};

for (
  const [name, call] of Object.entries({
    ...receiving,
    ...receivingMany,
    ...receivingMessages,
  })
) {
  Deno.test(`${name} with MSG_DONTWAIT does not wait, whatever the timeout`, async () => {
    for (const type of [1, SOCK_DGRAM]) {
      using pair = new Pair(socketpair(AF_UNIX, type));
      for (const timeout of [null, 3_600_000, 0]) {
        pair.ours.setTimeout(timeout);
        const error = await failure(() => call(pair.ours, MSG_DONTWAIT));
        ok(error instanceof Deno.errors.WouldBlock, String(error));
        strictEqual(error.code, "EAGAIN");
      }
      pair.theirs.sendSync(encode("x"));
      await call(pair.ours, MSG_DONTWAIT);
    }
  });
}

for (const [name, call] of Object.entries(sending)) {
  Deno.test(`${name} with MSG_DONTWAIT does not wait, whatever the timeout`, async () => {
    // A Unix datagram waits for its receiver to read.
    using receiver = new Socket(AF_UNIX, SOCK_DGRAM);
    receiver.bind(NOWHERE);
    using sender = new Socket(AF_UNIX, SOCK_DGRAM);
    if (!name.startsWith("sendTo")) sender.connectSync(NOWHERE);
    for (const timeout of [null, 3_600_000, 0]) {
      sender.setTimeout(timeout);
      const error = await failure(async () => {
        for (let i = 0; i < 100_000; i++) await call(sender, MSG_DONTWAIT);
      });
      ok(error instanceof Deno.errors.WouldBlock, String(error));
      strictEqual(error.code, "EAGAIN");
    }
  });
}

Deno.test("sendAll with MSG_DONTWAIT sends what fits, and says that it would wait", async () => {
  for (const how of ["sendAll", "sendAllSync"] as const) {
    using pair = new Pair();
    const error = await failure(() =>
      pair.ours[how](new Uint8Array(10_000_000), MSG_DONTWAIT)
    );
    ok(error instanceof Deno.errors.WouldBlock, String(error));
    ok(pair.theirs.recvSync(10).length > 0);
  }
});

/** What takes as many bytes as it is asked for, in each form. */
const takers: Record<
  string,
  (
    socket: Socket,
    size: number,
    flags: number,
    signal?: AbortSignal,
  ) => Promise<string>
> = {
  recv: async (socket, size, flags, signal) =>
    decode(await socket.recv(size, flags, signal && { signal })),
  recvFrom: async (socket, size, flags, signal) =>
    decode((await socket.recvFrom(size, flags, signal && { signal }))[0]),
  async recvInto(socket, size, flags, signal) {
    const buffer = new Uint8Array(size + 1);
    const count = await socket.recvInto(
      buffer,
      size,
      flags,
      signal && { signal },
    );
    strictEqual(buffer[size], 0);
    return decode(buffer.subarray(0, count));
  },
};

/** The same, blocking: everything has come before. */
const takersSync: typeof takers = {
  recvSync: (socket, size, flags) =>
    Promise.resolve(decode(socket.recvSync(size, flags))),
  recvFromSync: (socket, size, flags) =>
    Promise.resolve(decode(socket.recvFromSync(size, flags)[0])),
  recvIntoSync(socket, size, flags) {
    const buffer = new Uint8Array(size);
    const count = socket.recvIntoSync(buffer, 0, flags);
    return Promise.resolve(decode(buffer.subarray(0, count)));
  },
};

for (const [name, take] of Object.entries(takers)) {
  for (const tcp of [true, false]) {
    const kind = tcp ? "TCP" : "Unix";
    const make = () => tcp ? Pair.tcp() : new Pair();

    Deno.test(`${name} with MSG_WAITALL waits for all that it was asked for, ${kind}`, async () => {
      using pair = make();
      const text = "0123456789".repeat(20_000);
      const taking = take(pair.ours, text.length, MSG_WAITALL);
      for (let at = 0; at < text.length; at += 7919) {
        await pair.theirs.sendAll(encode(text.slice(at, at + 7919)));
      }
      strictEqual(await taking, text);
      await pair.theirs.sendAll(encode("abc"));
      strictEqual(await take(pair.ours, 2, MSG_WAITALL), "ab");
      strictEqual(await take(pair.ours, 1, MSG_WAITALL), "c");
    });

    Deno.test(`${name} with MSG_WAITALL and MSG_PEEK waits, and leaves all there, ${kind}`, async () => {
      using pair = make();
      await pair.theirs.sendAll(encode("ab"));
      const peeking = take(pair.ours, 5, MSG_WAITALL | MSG_PEEK);
      await pair.theirs.sendAll(encode("cdefg"));
      strictEqual(await peeking, "abcde");
      strictEqual(await take(pair.ours, 7, MSG_WAITALL), "abcdefg");
      await pair.theirs.sendAll(encode("end"));
      pair.theirs.shutdown(SHUT_WR);
      strictEqual(await take(pair.ours, 5, MSG_WAITALL | MSG_PEEK), "end");
    });
  }

  Deno.test(`${name} with MSG_WAITALL loses nothing to a timeout or a signal`, async () => {
    using pair = new Pair();
    for (const flags of [MSG_WAITALL, MSG_WAITALL | MSG_PEEK]) {
      pair.ours.setTimeout(15);
      ok(
        await failure(() => take(pair.ours, 5, flags)) instanceof
          Deno.errors.TimedOut,
      );
      pair.theirs.sendSync(encode("abc"));
      strictEqual(await take(pair.ours, 5, flags), "abc");
      if (flags !== MSG_WAITALL) await take(pair.ours, 3, 0);
      pair.ours.setTimeout(null);
      const abort = new AbortController();
      pair.theirs.sendSync(encode("de"));
      const taking = take(pair.ours, 5, flags, abort.signal);
      setTimeout(() => abort.abort(), 5);
      strictEqual(await taking, "de");
      const error = await failure(() =>
        take(pair.ours, 5, flags, abort.signal)
      );
      strictEqual(error.name, "AbortError");
      if (flags !== MSG_WAITALL) await take(pair.ours, 2, 0);
    }
  });
}

for (const [name, take] of Object.entries({ ...takers, ...takersSync })) {
  Deno.test(`${name} with MSG_WAITALL returns what there was before the end of the stream`, async () => {
    using pair = Pair.tcp();
    await pair.theirs.sendAll(encode("short"));
    pair.theirs.shutdown(SHUT_WR);
    strictEqual(await take(pair.ours, 100, MSG_WAITALL), "short");
    strictEqual(await take(pair.ours, 100, MSG_WAITALL), "");
  });

  Deno.test(`${name} with MSG_WAITALL tells of a connection that broke`, async () => {
    using pair = Pair.tcp();
    pair.theirs.setsockopt(
      SOL_SOCKET,
      SO_LINGER,
      new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]),
    );
    await pair.theirs.sendAll(encode("part"));
    strictEqual(await take(pair.ours, 2, MSG_WAITALL), "pa");
    pair.theirs.close();
    const error = await failure(() => take(pair.ours, 100, MSG_WAITALL));
    ok(error instanceof Deno.errors.ConnectionReset, String(error));
  });

  Deno.test(`${name} with MSG_WAITALL of a datagram, the urgent byte, or with MSG_DONTWAIT is one call`, async () => {
    using datagrams = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
    datagrams.theirs.sendSync(encode("one"));
    datagrams.theirs.sendSync(encode("two"));
    strictEqual(await take(datagrams.ours, 100, MSG_WAITALL), "one");
    using pair = Pair.tcp();
    await pair.theirs.sendAll(encode("abc"));
    const flags = MSG_WAITALL | MSG_DONTWAIT;
    strictEqual(await take(pair.ours, 100, flags), "abc");
    pair.theirs.sendSync(encode("!"), MSG_OOB);
    strictEqual(await take(pair.ours, 100, MSG_WAITALL | MSG_OOB), "!");
  });
}

for (const [name, take] of Object.entries(takersSync)) {
  Deno.test(`${name} with MSG_WAITALL blocks for the timeout, and then returns what came`, async () => {
    using pair = new Pair();
    for (const timeout of [0, 15]) {
      pair.ours.setTimeout(timeout);
      pair.theirs.sendSync(encode("abc"));
      strictEqual(await take(pair.ours, 5, MSG_WAITALL | MSG_PEEK), "abc");
      strictEqual(await take(pair.ours, 5, MSG_WAITALL), "abc");
      ok(await failure(async () => await take(pair.ours, 5, MSG_WAITALL)));
    }
  });
}

Deno.test("recvInto with MSG_WAITALL notices that its buffer was shortened", async () => {
  using pair = new Pair();
  const memory = new ArrayBuffer(100, { maxByteLength: 100 });
  pair.theirs.sendSync(encode("part"));
  const taking = failure(() =>
    pair.ours.recvInto(new Uint8Array(memory), 100, MSG_WAITALL)
  );
  setTimeout(() => {
    memory.resize(10);
    pair.theirs.sendSync(encode("more"));
  }, 5);
  ok(await taking instanceof RangeError);
});

Deno.test("MSG_MORE holds a segment back until more follows", async () => {
  using pair = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
  using ours = datagramSocket();
  using theirs = datagramSocket();
  theirs.connectSync(ours.getsockname());
  strictEqual(theirs.sendSync(encode("one "), MSG_MORE), 4);
  strictEqual(theirs.sendSync(encode("datagram")), 8);
  strictEqual(decode(await ours.recv(100)), "one datagram");
  // Where there is no such thing it is without effect, as in send(2).
  strictEqual(pair.ours.sendSync(encode("x"), MSG_MORE), 1);
});

Deno.test("MSG_ERRQUEUE has nothing where nothing was sent in vain", async () => {
  using socket = new Socket(AF_INET, SOCK_DGRAM);
  const error = await failure(() =>
    socket.recv(10, MSG_ERRQUEUE | MSG_DONTWAIT)
  );
  ok(error instanceof Deno.errors.WouldBlock, String(error));
});

/** Which calls take which flags; the others refuse them. */
const RECEIVE = {
  ...{ MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, MSG_WAITALL },
  ...{ MSG_NOSIGNAL, MSG_ERRQUEUE },
};
const { MSG_WAITALL: _, ...RECEIVE_MANY } = RECEIVE;
const SEND = {
  ...{ MSG_OOB, MSG_DONTROUTE, MSG_DONTWAIT, MSG_EOR, MSG_CONFIRM, MSG_MORE },
  ...{ MSG_NOSIGNAL },
};
const { MSG_TRUNC: _truncates, ...RECEIVE_MESSAGE } = {
  ...RECEIVE_MANY,
  ...{ MSG_CMSG_CLOEXEC },
};
const ALL: Record<string, number> = {
  ...RECEIVE,
  ...RECEIVE_MESSAGE,
  ...SEND,
  // What a message that was received says of itself.
  ...{ MSG_CTRUNC },
};

for (
  const [calls, taken] of [
    [receiving, RECEIVE],
    [receivingMany, RECEIVE_MANY],
    [receivingMessages, RECEIVE_MESSAGE],
    [sending, SEND],
  ] as [typeof receiving, Record<string, number>][]
) {
  for (const [name, call] of Object.entries(calls)) {
    Deno.test(`${name} refuses a flag that it cannot honour, and names it`, async () => {
      using pair = new Pair();
      for (const [flag, bit] of Object.entries(ALL)) {
        if (flag in taken) continue;
        const error = await failure(() => call(pair.ours, bit));
        ok(error instanceof TypeError, `${flag}: ${error}`);
        match(
          error.message,
          new RegExp(`^Cannot (receive|send).* with flag ${flag}: this call`),
        );
        ok(Object.keys(taken).every((known) => error.message.includes(known)));
      }
      const known = Object.values(ALL).reduce((all, flag) => all | flag, 0);
      for (let bit = 1; bit > 0; bit *= 2) {
        if (bit > 0x4000_0000) break;
        if ((known & bit) !== 0) continue;
        const error = await failure(() => call(pair.ours, bit));
        ok(error instanceof TypeError, `${bit}: ${error}`);
        ok(error.message.includes(`flag 0x${bit.toString(16)}:`));
      }
      for (
        const [flags, Class] of [
          [NaN, TypeError],
          [1.5, TypeError],
          ["1", TypeError],
          [null, TypeError],
          [-1, RangeError],
          [2 ** 31, RangeError],
        ] as const
      ) {
        const error = await failure(() => call(pair.ours, flags as number));
        ok(error instanceof Class, `${flags}: ${error}`);
        ok(error.message.includes("as flags"), error.message);
      }
      // Nothing has been sent or received.
      pair.theirs.setBlocking(false);
      ok(
        await failure(() => pair.theirs.recvSync(1)) instanceof
          Deno.errors.WouldBlock,
      );
    });
  }
}

Deno.test("every MSG_ constant is in the lists of this test", async () => {
  const exported = await import("../../poll/mod.ts");
  const names = Object.keys(exported).filter((name) => name.startsWith("MSG_"));
  deepStrictEqual(names.sort(), Object.keys(ALL).sort());
});
