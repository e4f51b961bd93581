// dup, connectEx, and sockets that keep messages apart.

import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import { constants } from "node:os";
import {
  type AddressLike,
  AF_INET,
  AF_UNIX,
  createConnection,
  createServer,
  MSG_EOR,
  SHUT_WR,
  SO_ERROR,
  SO_TYPE,
  SOCK_SEQPACKET,
  Socket,
  socketpair,
  SOL_SOCKET,
} from "../../poll/mod.ts";
import { libc } from "../../poll/_libc.ts";
import { patiently } from "../_patience.ts";
import { refuses } from "../_loopback.ts";
import { decode, encode, failure, LOOPBACK, Pair } from "./_sockets.ts";

const { ECONNREFUSED, EINPROGRESS, EISCONN, ENOENT, ETIMEDOUT } =
  constants.errno;

Deno.test("dup is another descriptor of the same connection, which ends with the last", async () => {
  using pair = Pair.tcp();
  pair.ours.setTimeout(1234);
  const copy = pair.ours.dup();
  using _copy = copy;
  ok(copy.fileno() !== pair.ours.fileno());
  deepStrictEqual(
    [copy.family, copy.type, copy.protocol, copy.getTimeout()],
    [pair.ours.family, pair.ours.type, pair.ours.protocol, 1234],
  );
  deepStrictEqual(copy.getsockname(), pair.ours.getsockname());
  // FD_CLOEXEC and O_NONBLOCK, as of every Socket.
  strictEqual(libc().fcntl(copy.fileno(), 1, 0), 1);
  ok((libc().fcntl(copy.fileno(), 3, 0) & 0o4000) !== 0);
  pair.ours.close();
  await copy.sendAll(encode("by the copy"));
  strictEqual(decode(await pair.theirs.recv(100)), "by the copy");
  await pair.theirs.sendAll(encode("back"));
  strictEqual(decode(copy.recvSync(100)), "back");
  copy.close();
  const end = await patiently(pair.theirs.recv(1), () => "the end");
  strictEqual(end.length, 0);
  throws(() => copy.dup(), {
    name: "BadResource",
    message: "Cannot duplicate: the socket is closed",
  });
});

Deno.test("shutdown by one of two ends the connection for both", async () => {
  using pair = new Pair();
  using copy = pair.ours.dup();
  copy.shutdown(SHUT_WR);
  throws(() => pair.ours.sendSync(encode("x")), Deno.errors.BrokenPipe);
  strictEqual((await pair.theirs.recv(1)).length, 0);
});

for (const how of ["Sync", "promised"] as const) {
  const connectEx = (
    socket: Socket,
    ...args: Parameters<Socket["connectExSync"]>
  ) =>
    how === "Sync" ? socket.connectExSync(...args) : socket.connectEx(...args);

  Deno.test(`connectEx returns 0, or the error's number, ${how}`, async () => {
    using listener = createServer(LOOPBACK);
    using client = new Socket();
    strictEqual(await connectEx(client, listener.getsockname()), 0);
    deepStrictEqual(client.getpeername(), listener.getsockname());
    // The kernel answers once more to a call that it said was in progress.
    ok([0, EISCONN].includes(await connectEx(client, listener.getsockname())));
    strictEqual(await connectEx(client, listener.getsockname()), EISCONN);
    const closed = createServer(LOOPBACK);
    const nowhere = closed.getsockname();
    closed.close();
    await refuses(nowhere as Deno.NetAddr);
    using refused = new Socket();
    strictEqual(await connectEx(refused, nowhere), ECONNREFUSED);
    using unix = new Socket(AF_UNIX);
    strictEqual(
      await connectEx(unix, { path: `\0${crypto.randomUUID()}` }),
      ECONNREFUSED,
    );
    strictEqual(await connectEx(unix, { path: "/nowhere/at/all" }), ENOENT);
  });

  Deno.test(`connectEx returns ETIMEDOUT at the socket's timeout, ${how}`, async () => {
    // A Unix socket's backlog that is full makes connecting wait.
    const path = `\0${crypto.randomUUID()}`;
    using listener = createServer({ path }, { backlog: 0 });
    using _first = await createConnection({ path });
    using second = new Socket(AF_UNIX);
    second.setTimeout(15);
    strictEqual(await connectEx(second, { path }), ETIMEDOUT);
    listener.close();
  });

  Deno.test(`connectEx throws what is no failure to connect, ${how}`, async () => {
    using socket = new Socket();
    for (
      const [address, Class] of [
        [{ hostname: "nowhere.invalid", port: 1 }, Deno.errors.NotFound],
        [{ hostname: "", port: 1 }, TypeError],
        [{ port: 65_536 }, RangeError],
        [{ path: "/x" }, TypeError],
        [undefined, TypeError],
      ] as [AddressLike, new () => Error][]
    ) {
      const error = await failure(() => connectEx(socket, address));
      ok(error instanceof Class, String(error));
    }
    socket.close();
    const error = await failure(() => connectEx(socket, { port: 1 }));
    ok(error instanceof Deno.errors.BadResource, String(error));
  });
}

Deno.test("connectEx throws an abort, also where the reason looks like an error of libc's", async () => {
  const path = `\0${crypto.randomUUID()}`;
  using _listener = createServer({ path }, { backlog: 0 });
  using _first = await createConnection({ path });
  using second = new Socket(AF_UNIX);
  for (const reason of [new Error("enough"), { code: "ECONNREFUSED" }]) {
    const abort = new AbortController();
    const { signal } = abort;
    const waiting = second.connectEx({ path }, { signal });
    setTimeout(() => abort.abort(reason), 1);
    strictEqual(await failure(() => waiting), reason);
  }
});

Deno.test("connectExSync of a socket that does not block is under way", async () => {
  using listener = createServer(LOOPBACK);
  using client = new Socket();
  client.setBlocking(false);
  const number = client.connectExSync(listener.getsockname());
  ok(number === EINPROGRESS || number === 0, String(number));
  const [connection] = await listener.accept();
  connection.close();
  strictEqual(client.getsockopt(SOL_SOCKET, SO_ERROR), 0);
});

Deno.test("SOCK_SEQPACKET connects, keeps messages apart and in order, and ends", async () => {
  const path = `\0${crypto.randomUUID()}`;
  using listener = new Socket(AF_UNIX, SOCK_SEQPACKET);
  listener.bind({ path });
  listener.listen();
  using client = new Socket(AF_UNIX, SOCK_SEQPACKET);
  await client.connect({ path });
  const [server, address] = await listener.accept();
  using _server = server;
  deepStrictEqual(address, { transport: "unixpacket", path: "" });
  strictEqual(server.type, SOCK_SEQPACKET);
  strictEqual(server.getsockopt(SOL_SOCKET, SO_TYPE), SOCK_SEQPACKET);
  for (const text of ["one", "", "three"]) {
    await client.send(encode(text), MSG_EOR);
  }
  await client.sendAll(encode("four"));
  for (const text of ["one", "", "three", "fo"]) {
    strictEqual(decode(await server.recv(text === "fo" ? 2 : 100)), text);
  }
  // What did not fit of the last is gone, as with datagrams.
  client.close();
  strictEqual((await server.recv(100)).length, 0);
  using stream = new Socket(AF_UNIX);
  match(
    (await failure(() => stream.connect({ path }))).message,
    /EPROTOTYPE|ECONNREFUSED/,
  );
  const [one, other] = socketpair(AF_UNIX, SOCK_SEQPACKET);
  using _one = one, _other = other;
  one.sendSync(encode("pair"));
  strictEqual(decode(other.recvSync(100)), "pair");
  strictEqual(
    (await failure(() => new Socket(AF_INET, SOCK_SEQPACKET))).code,
    "ESOCKTNOSUPPORT",
  );
});
