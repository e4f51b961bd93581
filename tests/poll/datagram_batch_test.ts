import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import {
  AF_UNIX,
  DatagramBatch,
  MSG_TRUNC,
  SOCK_DGRAM,
  socketpair,
} from "../../poll/mod.ts";
import { datagramSocket, decode, encode, failure, Pair } from "./_sockets.ts";

for (const how of ["Sync", "promised"] as const) {
  const sync = how === "Sync";

  Deno.test(`recvMany takes what has come, sendMany sends it back, ${how}`, async () => {
    using server = datagramSocket();
    using one = datagramSocket();
    using two = datagramSocket();
    for (const text of ["a", "bb", ""]) {
      one.sendToSync(encode(`one ${text}`), server.getsockname());
    }
    two.sendToSync(new Uint8Array(0), server.getsockname());
    const batch = new DatagramBatch({ count: 8, size: 100 });
    deepStrictEqual([batch.capacity, batch.size, batch.length], [8, 100, 0]);
    const count = sync
      ? server.recvManySync(batch)
      : await server.recvMany(batch);
    deepStrictEqual([count, batch.length], [4, 4]);
    deepStrictEqual(
      [0, 1, 2, 3].map((i) => decode(batch.data(i))),
      ["one a", "one bb", "one ", ""],
    );
    deepStrictEqual(batch.address(0), one.getsockname());
    deepStrictEqual(batch.address(3), two.getsockname());
    if (sync) server.sendManySync(batch);
    else await server.sendMany(batch);
    strictEqual(decode(one.recvSync(100)), "one a");
    strictEqual(decode(one.recvSync(100)), "one bb");
    deepStrictEqual(two.recvFromSync(100), [
      new Uint8Array(0),
      server.getsockname(),
    ]);
  });

  Deno.test(`push and sendMany send to each address, more than the kernel takes at once, ${how}`, async () => {
    using pair = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
    const batch = new DatagramBatch({ count: 1000, size: 4 });
    for (let i = 0; i < 1000; i++) batch.push(new Uint8Array([i, i >> 8]));
    const received = new DatagramBatch({ count: 300 });
    if (sync) {
      // The receiver's queue has room for less than these.
      pair.ours.setTimeout(20);
      const error = await failure(() => pair.ours.sendManySync(batch));
      ok(error instanceof Deno.errors.TimedOut, String(error));
      ok(pair.theirs.recvManySync(received) > 5);
      strictEqual(received.data(3)[0], 3);
      return;
    }
    const sending = pair.ours.sendMany(batch);
    for (let next = 0; next < 1000;) {
      const count = await pair.theirs.recvMany(received);
      for (let i = 0; i < count; i++, next++) {
        deepStrictEqual([...received.data(i)], [next & 0xff, next >> 8]);
      }
    }
    await sending;
  });

  Deno.test(`recvMany waits for the first, no longer than the timeout, ${how}`, async () => {
    using socket = datagramSocket();
    const batch = new DatagramBatch();
    socket.setTimeout(10);
    const error = await failure(() =>
      sync ? socket.recvManySync(batch) : socket.recvMany(batch)
    );
    ok(error instanceof Deno.errors.TimedOut);
    socket.close();
    ok(
      await failure(() =>
        sync ? socket.recvManySync(batch) : socket.recvMany(batch)
      ) instanceof Deno.errors.BadResource,
    );
  });
}

Deno.test("a datagram that is longer than the batch's size is cut off", () => {
  using pair = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
  const batch = new DatagramBatch({ count: 2, size: 4 });
  for (const flags of [0, MSG_TRUNC]) {
    pair.theirs.sendSync(encode("longer"));
    pair.theirs.sendSync(encode("x"));
    strictEqual(pair.ours.recvManySync(batch, flags), 2);
    strictEqual(decode(batch.data(0)), "long");
    strictEqual(decode(batch.data(1)), "x");
    deepStrictEqual(batch.address(0), { transport: "unixpacket", path: "" });
  }
});

Deno.test("a batch whose buffer was transferred is refused", () => {
  using pair = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
  const batch = new DatagramBatch();
  pair.theirs.sendSync(encode("x"));
  pair.ours.recvManySync(batch);
  const { buffer } = batch.data(0);
  structuredClone(buffer, { transfer: [buffer] });
  throws(() => pair.ours.recvManySync(batch), TypeError);
  throws(() => pair.ours.sendManySync(batch), TypeError);
  throws(() => batch.push(new Uint8Array(1)), TypeError);
});

Deno.test("a batch that is cleared while it is sent is noticed", async () => {
  using pair = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
  const batch = new DatagramBatch({ count: 1000, size: 4 });
  for (let i = 0; i < 1000; i++) batch.push(new Uint8Array(1));
  const sending = failure(() => pair.ours.sendMany(batch));
  setTimeout(() => {
    batch.clear();
    // The sender may go on once most of what waits has been taken.
    pair.theirs.setBlocking(false);
    throws(() => {
      while (true) pair.theirs.recvSync(10);
    }, Deno.errors.WouldBlock);
  }, 1);
  ok(await sending instanceof TypeError);
});

Deno.test("what does not fit in a batch throws", () => {
  const batch = new DatagramBatch({ count: 1, size: 2 });
  throws(() => batch.push(new Uint8Array(3)), RangeError);
  throws(() => batch.push("x" as unknown as Uint8Array), TypeError);
  throws(() => batch.data(0), RangeError);
  batch.push(new Uint8Array([7, 8]), { hostname: "127.0.0.1", port: 9 });
  deepStrictEqual([...batch.data(0)], [7, 8]);
  deepStrictEqual((batch.address(0) as Deno.NetAddr).port, 9);
  throws(() => batch.push(new Uint8Array(1)), RangeError);
  for (const index of [-1, 1, 0.5, NaN]) {
    throws(() => batch.data(index), RangeError);
  }
  batch.clear();
  strictEqual(batch.length, 0);
  for (
    const options of [{ count: 0 }, { count: 1025 }, { size: 0 }, {
      size: 2 ** 30,
    }]
  ) throws(() => new DatagramBatch(options), RangeError);
});

Deno.test("a name and IPv6 are addresses to push, too", async () => {
  using server = datagramSocket();
  const { port } = server.getsockname() as Deno.NetAddr;
  const batch = new DatagramBatch();
  batch.push(encode("ip"), { hostname: "127.0.0.1", port });
  using client = datagramSocket();
  await client.sendMany(batch);
  strictEqual(decode(await server.recv(10)), "ip");
  batch.clear();
  batch.push(encode("x"), { hostname: "::1", port: 1 });
  strictEqual((batch.address(0) as Deno.NetAddr).hostname, "::1");
});
