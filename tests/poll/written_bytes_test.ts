// A result has what the kernel wrote during the call, and nothing of another's.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  DatagramBatch,
  epoll,
  EPOLLIN,
  MSG_DONTWAIT,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SHUT_WR,
  SO_LINGER,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  Socket,
  socketpair,
  SOL_SOCKET,
} from "../../poll/mod.ts";
import { ADDRESS_SIZE, decodeAddress } from "../../poll/_sockaddr.ts";
import { datagramSocket, decode, encode, failure, Pair } from "./_sockets.ts";

const SECRET = "secret ".repeat(20_000);

/** Linux: include/uapi/asm-generic/socket.h. */
const SO_PEEK_OFF = 42;
const SO_BINDTODEVICE = 25;
/** Linux: include/linux/socket.h. */
const AF_NETLINK = 16;
const SOCK_SEQPACKET = 5;

/** Leaves a secret in every buffer that this module keeps. */
function remember(): void {
  using pair = new Pair();
  pair.theirs.setBlocking(false);
  pair.theirs.sendSync(encode(SECRET.slice(0, 65_536)));
  pair.ours.recvSync(65_536);
  using other = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
  other.ours.bind({
    path: `\0${SECRET.slice(0, 100)}${crypto.randomUUID()}`.slice(0, 100),
  });
  other.ours.getsockname();
}

/** What takes bytes, in each form. */
const receivers: Record<
  string,
  (socket: Socket, size: number, flags: number) => unknown
> = {
  recvSync: (socket, size, flags) => socket.recvSync(size, flags),
  recv: (socket, size, flags) => socket.recv(size, flags),
  recvFromSync: (socket, size, flags) => socket.recvFromSync(size, flags)[0],
  recvFrom: async (socket, size, flags) =>
    (await socket.recvFrom(size, flags))[0],
};

for (const [name, call] of Object.entries(receivers)) {
  const receive = async (socket: Socket, size: number, flags: number) => {
    remember();
    return decode(await call(socket, size, flags) as Uint8Array);
  };

  Deno.test(`${name} with MSG_TRUNC on TCP drops the bytes, and returns none of another's`, async () => {
    for (const size of [1000, 100_000]) {
      using pair = Pair.tcp();
      await pair.theirs.sendAll(encode("dropped"));
      strictEqual(await receive(pair.ours, size, MSG_TRUNC), "");
      await pair.theirs.sendAll(encode("kept"));
      strictEqual(await receive(pair.ours, size, MSG_TRUNC | MSG_PEEK), "");
      strictEqual(await receive(pair.ours, size, 0), "kept");
      await pair.theirs.sendAll(encode("abcdef"));
      strictEqual(await receive(pair.ours, 4, MSG_TRUNC | MSG_WAITALL), "");
      strictEqual(await receive(pair.ours, size, 0), "ef");
      pair.theirs.sendSync(encode("!"), MSG_OOB);
      strictEqual(await receive(pair.ours, 1, MSG_OOB | MSG_TRUNC), "");
    }
  });

  Deno.test(`${name} with MSG_TRUNC on a Unix stream returns the bytes, as without`, async () => {
    using pair = new Pair();
    pair.theirs.sendSync(encode("bytes"));
    strictEqual(await receive(pair.ours, 1000, MSG_TRUNC), "bytes");
  });

  Deno.test(`${name} of a datagram returns what was written of it, whatever its length`, async () => {
    for (const type of [SOCK_DGRAM, SOCK_SEQPACKET]) {
      for (const flags of [0, MSG_TRUNC, MSG_TRUNC | MSG_DONTWAIT]) {
        for (const size of [0, 3, 8, 1000, 100_000]) {
          using pair = new Pair(socketpair(AF_UNIX, type));
          pair.theirs.sendSync(encode("datagram"));
          const peek = await receive(pair.ours, size, flags | MSG_PEEK);
          strictEqual(peek, "datagram".slice(0, size));
          strictEqual(await receive(pair.ours, size, flags), peek);
        }
      }
    }
  });

  Deno.test(`${name} peeks behind SO_PEEK_OFF, and returns what is there`, async () => {
    using ours = datagramSocket();
    using theirs = datagramSocket();
    theirs.sendToSync(encode("x".repeat(500) + "rest"), ours.getsockname());
    for (const flags of [MSG_PEEK, MSG_PEEK | MSG_TRUNC]) {
      ours.setsockopt(SOL_SOCKET, SO_PEEK_OFF, 500);
      strictEqual(await receive(ours, 1000, flags), "rest");
    }
  });
}

Deno.test("recvInto with MSG_TRUNC counts what it does not write", async () => {
  using pair = Pair.tcp();
  for (
    const into of [
      (buffer: Uint8Array) => pair.ours.recvIntoSync(buffer, 0, MSG_TRUNC),
      (buffer: Uint8Array) => pair.ours.recvInto(buffer, 0, MSG_TRUNC),
    ]
  ) {
    await pair.theirs.sendAll(encode("dropped"));
    const buffer = new Uint8Array(100);
    strictEqual(await into(buffer), 7);
    deepStrictEqual(buffer, new Uint8Array(100));
  }
});

Deno.test("a batch has what was written to it, not what it had before", async () => {
  const batch = new DatagramBatch({ count: 4, size: 600 });
  const fill = () => {
    using pair = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
    for (let i = 0; i < 4; i++) {
      pair.theirs.sendSync(encode(SECRET.slice(0, 600)));
    }
    strictEqual(pair.ours.recvManySync(batch), 4);
  };
  const texts = () =>
    Array.from({ length: batch.length }, (_, i) => decode(batch.data(i)));

  using tcp = Pair.tcp();
  fill();
  await tcp.theirs.sendAll(encode("dropped"));
  strictEqual(tcp.ours.recvManySync(batch, MSG_TRUNC), 1);
  deepStrictEqual(texts(), [""]);
  deepStrictEqual(batch.address(0), { transport: "unix", path: "" });

  using ours = datagramSocket();
  using theirs = datagramSocket();
  theirs.sendToSync(encode("x".repeat(500) + "rest"), ours.getsockname());
  fill();
  ours.setsockopt(SOL_SOCKET, SO_PEEK_OFF, 500);
  strictEqual(ours.recvManySync(batch, MSG_PEEK | MSG_TRUNC), 1);
  deepStrictEqual(texts(), ["rest"]);

  ours.recvManySync(batch);
  fill();
  await failure(() => ours.recvManySync(batch, MSG_DONTWAIT));
  strictEqual(batch.length, 0);
});

Deno.test("recvMany with MSG_PEEK tells the first datagram, and once", () => {
  using pair = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
  const batch = new DatagramBatch({ count: 4, size: 10 });
  pair.theirs.sendSync(encode("one"));
  pair.theirs.sendSync(encode("two"));
  strictEqual(pair.ours.recvManySync(batch, MSG_PEEK), 1);
  strictEqual(decode(batch.data(0)), "one");
  strictEqual(pair.ours.recvManySync(batch), 2);
});

Deno.test("an address ends where the kernel says", () => {
  for (const [family, whole] of [[AF_INET, 8], [AF_INET6, 24]] as const) {
    const bytes = new Uint8Array(ADDRESS_SIZE).fill(0x73);
    new DataView(bytes.buffer).setUint16(0, family, true);
    for (let length = 0; length < whole; length++) {
      deepStrictEqual(decodeAddress(bytes, length, SOCK_DGRAM), {
        transport: "unixpacket",
        path: "",
      });
    }
    const address = decodeAddress(bytes, whole, SOCK_DGRAM) as Deno.NetAddr;
    strictEqual(address.transport, "udp");
    // No scope was written behind it.
    ok(!address.hostname.includes("%"), address.hostname);
  }
  const bytes = new Uint8Array(ADDRESS_SIZE).fill(0x73);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  for (const length of [0, 1, 2, 3, 10, 128, 1000]) {
    deepStrictEqual(decodeAddress(bytes, length, SOCK_STREAM), {
      transport: "unix",
      path: "s".repeat(Math.max(0, Math.min(length, 128) - 2)),
    });
  }
});

Deno.test("an address of a family that has no place here is an empty path", () => {
  remember();
  using netlink = new Socket(AF_NETLINK, SOCK_DGRAM);
  const none = { transport: "unixpacket", path: "" };
  deepStrictEqual(netlink.getsockname(), none);
  using unnamed = new Socket(AF_UNIX, SOCK_DGRAM);
  remember();
  deepStrictEqual(unnamed.getsockname(), none);
});

Deno.test("accept and recvFrom of a peer without a name tell an empty path", async () => {
  const path = `\0${crypto.randomUUID()}`;
  using listener = new Socket(AF_UNIX);
  listener.bind({ path });
  listener.listen();
  using client = new Socket(AF_UNIX);
  client.connectSync({ path });
  remember();
  const [connection, peer] = await listener.accept();
  using _connection = connection;
  deepStrictEqual(peer, { transport: "unix", path: "" });
  client.sendSync(encode("x"));
  client.shutdown(SHUT_WR);
  remember();
  deepStrictEqual(connection.recvFromSync(10)[1], peer);
});

Deno.test("getsockopt returns as many bytes as the kernel wrote, and zeros behind them", () => {
  using socket = new Socket();
  // Leaves something in the buffer of options.
  socket.setsockopt(
    SOL_SOCKET,
    SO_LINGER,
    new Uint8Array([1, 0, 0, 0, 99, 0, 0, 0]),
  );
  strictEqual(socket.getsockopt(SOL_SOCKET, SO_LINGER, 256).length, 8);
  deepStrictEqual([...socket.getsockopt(SOL_SOCKET, SO_TYPE, 256)], [
    SOCK_STREAM,
    0,
    0,
    0,
  ]);
  strictEqual(socket.getsockopt(SOL_SOCKET, SO_LINGER, 3).length, 3);
  strictEqual(socket.getsockopt(SOL_SOCKET, SO_TYPE, 1).length, 1);
  // It is bound to no device: there is nothing to write.
  strictEqual(socket.getsockopt(SOL_SOCKET, SO_BINDTODEVICE, 16).length, 0);
  strictEqual(socket.getsockopt(SOL_SOCKET, SO_BINDTODEVICE), 0);
});

Deno.test("an epoll tells of what the last wait found, and of nothing behind it", () => {
  using pair = new Pair();
  using other = new Pair();
  using set = epoll();
  set.register(pair.ours, EPOLLIN);
  set.register(other.ours, EPOLLIN);
  pair.theirs.sendSync(encode("x"));
  other.theirs.sendSync(encode("x"));
  strictEqual(set.waitSync(), 2);
  pair.ours.recvSync(1);
  strictEqual(set.waitSync(), 1);
  deepStrictEqual([set.fdAt(0), set.eventsAt(0)], [
    other.ours.fileno(),
    EPOLLIN,
  ]);
  for (const index of [1, 2, -1, 0.5, NaN, 1e9]) {
    deepStrictEqual([set.fdAt(index), set.eventsAt(index)], [-1, 0]);
  }
});
