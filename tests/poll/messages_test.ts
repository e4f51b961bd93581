// sendmsg and recvmsg: buffers, control messages, descriptors, and what is cut
// off. That a descriptor was closed shows at the other end of its connection,
// which ends when no copy is open any more.

import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import {
  AF_INET6,
  AF_UNIX,
  cmsgLen,
  cmsgSpace,
  type ControlMessageLike,
  Descriptor,
  IP_PKTINFO,
  IP_RECVTTL,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_TCLASS,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  type ReceivedMessage,
  recvFds,
  recvFdsSync,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  sendFds,
  sendFdsSync,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  Socket,
  socketpair,
  SOL_SOCKET,
} from "../../poll/mod.ts";
import { libc, linuxLibc } from "../../poll/_libc.ts";
import { patiently } from "../_patience.ts";
import {
  closedDescriptor,
  datagramSocket,
  decode,
  encode,
  failure,
  Pair,
} from "./_sockets.ts";

/** Both forms of the calls. */
const FORMS = {
  Sync: {
    send: (socket: Socket, ...args: Parameters<Socket["sendmsgSync"]>) =>
      Promise.resolve(socket.sendmsgSync(...args)),
    receive: (socket: Socket, ...args: Parameters<Socket["recvmsgSync"]>) =>
      Promise.resolve(socket.recvmsgSync(...args)),
    sendFds: (...args: Parameters<typeof sendFdsSync>) =>
      Promise.resolve(sendFdsSync(...args)),
    recvFds: (...args: Parameters<typeof recvFdsSync>) =>
      Promise.resolve(recvFdsSync(...args)),
  },
  promised: {
    send: (socket: Socket, ...args: Parameters<Socket["sendmsgSync"]>) =>
      socket.sendmsg(...args),
    receive: (socket: Socket, ...args: Parameters<Socket["recvmsgSync"]>) =>
      socket.recvmsg(...args),
    sendFds,
    recvFds,
  },
};

/** Sockets to receive, each with something to say at its other end. */
class Gifts implements Disposable {
  readonly pairs: readonly Pair[];

  constructor(count: number) {
    this.pairs = Array.from({ length: count }, () => new Pair());
  }

  /** What is given away. */
  get fds(): Socket[] {
    return this.pairs.map(({ theirs }) => theirs);
  }

  /** As C's array of int. */
  get bytes(): Uint8Array {
    return new Uint8Array(
      Int32Array.from(this.fds, (fd) => fd.fileno()).buffer,
    );
  }

  /** From now on only who has received them has them. */
  give(): void {
    for (const fd of this.fds) fd.close();
  }

  /** Whether nobody has a copy, or else that somebody has. */
  async closed(index: number): Promise<void> {
    const { ours } = this.pairs[index]!;
    const end = await patiently(
      ours.recv(1),
      () => `the end of gift ${index}: a copy of it is open`,
    );
    strictEqual(end.length, 0);
  }

  [Symbol.dispose](): void {
    for (const pair of this.pairs) pair[Symbol.dispose]();
  }
}

/** What was received works: what is sent through it comes out at the other end. */
function works(fd: Descriptor, { ours }: Pair, type = SOCK_STREAM): void {
  using socket = Socket.fromFd(fd);
  strictEqual(fd.closed, true);
  strictEqual(socket.type, type);
  socket.sendSync(encode("through"));
  strictEqual(decode(ours.recvSync(100)), "through");
}

/** The control messages as plain values. */
function shown({ control }: ReceivedMessage) {
  return control.map(({ level, type, data }) => [level, type, [...data]]);
}

/** The flags of descriptors: 1 is FD_CLOEXEC. */
const closesOnExec = (fd: number) => libc().fcntl(fd, 1, 0) === 1;

for (
  const [form, { send, receive, sendFds, recvFds }] of Object.entries(FORMS)
) {
  Deno.test(`sendmsg gathers buffers and recvmsg receives them, ${form}`, async () => {
    for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) {
      using pair = new Pair(socketpair(AF_UNIX, type));
      strictEqual(await send(pair.theirs, parts()), 10);
      using message = await receive(pair.ours, 100);
      strictEqual(decode(message.data), "a message\0");
      strictEqual(message.flags, 0);
      deepStrictEqual([message.control, message.fds], [[], []]);
      strictEqual("path" in message.address && message.address.path, "");
      // Where there are none, any room for control messages will do.
      for (const room of [0, 1, 10_240]) {
        pair.theirs.sendSync(encode("x"));
        const { data, control, flags } = await receive(pair.ours, 1, room);
        deepStrictEqual([decode(data), control, flags], ["x", [], 0]);
      }
    }
    using pair = Pair.tcp();
    strictEqual(await send(pair.theirs, [encode("tcp")]), 3);
    const { data, address } = await receive(pair.ours, 100);
    strictEqual(decode(data), "tcp");
    deepStrictEqual(address, pair.ours.getpeername());
  });

  Deno.test(`sendmsg to an address, and recvmsg tells whose it was, ${form}`, async () => {
    using ours = datagramSocket();
    using theirs = datagramSocket();
    strictEqual(
      await send(theirs, [encode("to")], [], 0, ours.getsockname()),
      2,
    );
    const { data, address } = await receive(ours, 100);
    strictEqual(decode(data), "to");
    deepStrictEqual(address, theirs.getsockname());
    const error = await failure(() => send(theirs, [encode("nobody")]));
    strictEqual(error.code, "EDESTADDRREQ");
    using pair = new Pair();
    // A connection takes no other address.
    match(
      (await failure(() =>
        send(pair.ours, [encode("x")], [], 0, { path: "/nowhere" })
      )).message,
      /^Cannot send to "\/nowhere": sendmsg failed with E(ISCONN|OPNOTSUPP)/,
    );
  });

  Deno.test(`sendmsg takes what fits of a stream, ${form}`, async () => {
    using pair = new Pair();
    const part = new Uint8Array(512 * 1024);
    const sent = await send(pair.theirs, [part, part, part, part]);
    ok(sent > 0 && sent < 4 * part.length, String(sent));
  });

  Deno.test(`recvmsg takes part of a stream, and cuts off a datagram and says so, ${form}`, async () => {
    using stream = new Pair();
    stream.theirs.sendSync(encode("abcdef"));
    const first = await receive(stream.ours, 2);
    deepStrictEqual([decode(first.data), first.flags], ["ab", 0]);
    strictEqual(decode((await receive(stream.ours, 100)).data), "cdef");
    stream.theirs.shutdown();
    strictEqual((await receive(stream.ours, 100)).data.length, 0);
    for (const type of [SOCK_DGRAM, SOCK_SEQPACKET]) {
      using pair = new Pair(socketpair(AF_UNIX, type));
      for (const size of [0, 3]) {
        pair.theirs.sendSync(encode("abcdef"));
        const cut = await receive(pair.ours, size);
        strictEqual(decode(cut.data), "abcdef".slice(0, size));
        strictEqual(cut.flags & MSG_TRUNC, MSG_TRUNC);
      }
      pair.theirs.sendSync(encode("whole"));
      strictEqual((await receive(pair.ours, 5)).flags & MSG_TRUNC, 0);
    }
  });

  Deno.test(`recvmsg peeks, and leaves descriptors where they are, ${form}`, async () => {
    using pair = new Pair();
    pair.theirs.sendSync(encode("a message"));
    for (const [size, flags] of [[5, MSG_PEEK], [100, MSG_PEEK], [100, 0]]) {
      const { data } = await receive(pair.ours, size!, 0, flags);
      strictEqual(decode(data), "a message".slice(0, size));
    }
    using gifts = new Gifts(1);
    await sendFds(pair.theirs, [encode("x")], gifts.fds);
    gifts.give();
    for (let i = 0; i < 3; i++) {
      using message = await recvFds(pair.ours, 1, 1, MSG_PEEK);
      strictEqual(decode(message.data), "x");
      works(message.fds[0]!, gifts.pairs[0]!);
    }
    using message = await recvFds(pair.ours, 1, 1);
    works(message.fds[0]!, gifts.pairs[0]!);
    await gifts.closed(0);
  });

  Deno.test(`descriptors arrive as new ones that are closed on exec, ${form}`, async () => {
    for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) {
      for (const count of [1, 2, 3, 253]) {
        using pair = new Pair(socketpair(AF_UNIX, type));
        using gifts = new Gifts(count < 100 ? count : 1);
        const fds = Array.from(
          { length: count },
          (_, i) => gifts.fds[i % gifts.fds.length]!,
        );
        await sendFds(pair.theirs, [encode("fds")], fds);
        // There may be room for more.
        const room = Math.min(2 * count, 253);
        using message = await recvFds(pair.ours, 100, room);
        strictEqual(decode(message.data), "fds");
        strictEqual(message.flags & MSG_CTRUNC, 0);
        strictEqual(message.fds.length, count);
        strictEqual(
          new Set([...message.fds, ...fds].map((fd) => fd.fileno())).size,
          count + gifts.fds.length,
        );
        for (const fd of message.fds) ok(closesOnExec(fd.fileno()));
        gifts.give();
        works(message.fds.at(-1)!, gifts.pairs.at(-1)!);
        message[Symbol.dispose]();
        await gifts.closed(0);
      }
    }
  });

  Deno.test(`a message that is disposed of closes what has not been taken, ${form}`, async () => {
    using pair = new Pair();
    using gifts = new Gifts(2);
    await sendFds(pair.theirs, [encode("x")], gifts.fds);
    gifts.give();
    let taken;
    {
      using message = await recvFds(pair.ours, 1, 2);
      taken = Socket.fromFd(message.fds[0]!);
      ok(message.fds[0]!.closed);
      throws(() => message.fds[0]!.fileno(), Deno.errors.BadResource);
    }
    await gifts.closed(1);
    taken.sendSync(encode("still here"));
    strictEqual(decode(gifts.pairs[0]!.ours.recvSync(100)), "still here");
    taken.close();
    await gifts.closed(0);
  });

  Deno.test(`descriptors beyond the room are closed, and MSG_CTRUNC says so, ${form}`, async () => {
    for (const type of [SOCK_STREAM, SOCK_DGRAM]) {
      for (const room of [0, 1, 2]) {
        for (const how of ["recvFds", "recvmsg"]) {
          using pair = new Pair(socketpair(AF_UNIX, type));
          using gifts = new Gifts(3);
          await sendFds(pair.theirs, [encode("x")], gifts.fds);
          gifts.give();
          using message = how === "recvFds"
            ? await recvFds(pair.ours, 1, room)
            : await receive(pair.ours, 1, room === 0 ? 0 : cmsgLen(4 * room));
          strictEqual(message.fds.length, room, how);
          strictEqual(message.flags & MSG_CTRUNC, MSG_CTRUNC);
          for (let i = 0; i < 3; i++) {
            if (i < room) works(message.fds[i]!, gifts.pairs[i]!);
            await gifts.closed(i);
          }
        }
      }
    }
  });

  Deno.test(`a room of any size leaks no descriptor, ${form}`, async () => {
    for (let room = 0; room <= cmsgSpace(8) + 1; room++) {
      using pair = new Pair();
      using gifts = new Gifts(2);
      await sendFds(pair.theirs, [encode("x")], gifts.fds);
      gifts.give();
      using message = await receive(pair.ours, 1, room);
      // So many whole integers fit behind a whole header.
      const fit = Math.max(0, Math.min(2, Math.floor((room - 16) / 4)));
      strictEqual(message.fds.length, fit, `${room} bytes`);
      strictEqual(message.flags & MSG_CTRUNC, fit < 2 ? MSG_CTRUNC : 0);
      deepStrictEqual(message.control, []);
      message[Symbol.dispose]();
      for (let i = 0; i < 2; i++) await gifts.closed(i);
    }
  });

  Deno.test(`a message that nobody receives leaks nothing, ${form}`, async () => {
    const pair = new Pair();
    using gifts = new Gifts(1);
    await sendFds(pair.theirs, [encode("x")], gifts.fds);
    gifts.give();
    pair[Symbol.dispose]();
    await gifts.closed(0);
  });

  Deno.test(`descriptors of several control messages arrive together, in order, ${form}`, async () => {
    using pair = new Pair();
    using gifts = new Gifts(3);
    const [one, two, three] = gifts.fds;
    const control = new Set<ControlMessageLike>([
      { fds: [one!] },
      { fds: new Set([two!.fileno(), three!]).values() },
    ]);
    await send(pair.theirs, [encode("x")], control);
    gifts.give();
    using message = await receive(pair.ours, 1, cmsgSpace(4) + cmsgSpace(8));
    strictEqual(message.fds.length, 3);
    const none: ControlMessageLike[] = [];
    strictEqual(await send(pair.theirs, [encode("none")], none.values()), 4);
    deepStrictEqual((await receive(pair.ours, 4, cmsgSpace(4))).fds, []);
    for (const [i, fd] of message.fds.entries()) works(fd, gifts.pairs[i]!);
  });

  Deno.test(`SCM_RIGHTS as bytes: whole integers count, ${form}`, async () => {
    for (const more of [0, 1, 3]) {
      using pair = new Pair();
      using gifts = new Gifts(2);
      const data = new Uint8Array([...gifts.bytes, ...new Uint8Array(more)]);
      await send(pair.theirs, [encode("x")], [
        { level: SOL_SOCKET, type: SCM_RIGHTS, data },
      ]);
      gifts.give();
      using message = await receive(pair.ours, 1, cmsgSpace(data.length));
      for (const [i, fd] of message.fds.entries()) works(fd, gifts.pairs[i]!);
      strictEqual(message.fds.length, 2);
    }
    using pair = new Pair();
    for (const count of [0, 1, 3]) {
      await send(pair.theirs, [encode("x")], [
        { level: SOL_SOCKET, type: SCM_RIGHTS, data: new Uint8Array(count) },
      ]);
      const { data, fds, control } = await receive(pair.ours, 1, cmsgSpace(4));
      deepStrictEqual([decode(data), fds, control], ["x", [], []]);
    }
    // The rest of one is not the beginning of the next.
    using gifts = new Gifts(2);
    const [first, second] = [gifts.bytes.slice(0, 4), gifts.bytes.slice(4)];
    await send(
      pair.theirs,
      [encode("x")],
      [Uint8Array.of(...first, 0, 0, 0), second].map((data) => ({
        ...{ level: SOL_SOCKET, type: SCM_RIGHTS },
        data,
      })),
    );
    gifts.give();
    using message = await receive(pair.ours, 1, 2 * cmsgSpace(8));
    strictEqual(message.fds.length, 2);
    for (const [i, fd] of message.fds.entries()) works(fd, gifts.pairs[i]!);
  });

  Deno.test(`credentials come with a message, and beside descriptors, ${form}`, async () => {
    using pair = new Pair();
    using gifts = new Gifts(1);
    pair.ours.setsockopt(SOL_SOCKET, SO_PASSCRED, true);
    await sendFds(pair.theirs, [encode("x")], gifts.fds);
    gifts.give();
    using message = await recvFds(pair.ours, 1, 1);
    strictEqual(message.flags & MSG_CTRUNC, 0);
    const [credentials, ...others] = message.control;
    deepStrictEqual(others, []);
    deepStrictEqual(
      [credentials!.level, credentials!.type],
      [SOL_SOCKET, SCM_CREDENTIALS],
    );
    deepStrictEqual(
      [...new Int32Array(credentials!.data.slice().buffer)],
      [Deno.pid, Deno.uid(), Deno.gid()],
    );
    works(message.fds[0]!, gifts.pairs[0]!);
    // Ours may be sent, and nobody else's without rights of the system.
    const own = credentials!.data;
    await send(pair.theirs, [encode("x")], [
      { level: SOL_SOCKET, type: SCM_CREDENTIALS, data: own },
    ]);
    deepStrictEqual(
      shown(await receive(pair.ours, 1, cmsgSpace(12))),
      [[SOL_SOCKET, SCM_CREDENTIALS, [...own]]],
    );
  });

  Deno.test(`hop limits, traffic classes and addresses come with datagrams, ${form}`, async () => {
    using ours = new Socket(AF_INET6, SOCK_DGRAM);
    ours.bind({ hostname: "::1", port: 0 });
    using theirs = new Socket(AF_INET6, SOCK_DGRAM);
    theirs.connectSync(ours.getsockname());
    const int = (value: number) =>
      new Uint8Array(new Int32Array([value]).buffer);
    ours.setsockopt(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, true);
    const hops = { level: IPPROTO_IPV6, type: IPV6_HOPLIMIT, data: int(7) };
    await send(theirs, [encode("x")], [hops]);
    deepStrictEqual(
      shown(await receive(ours, 1, cmsgLen(4))),
      [[IPPROTO_IPV6, IPV6_HOPLIMIT, [7, 0, 0, 0]]],
    );
    ours.setsockopt(IPPROTO_IPV6, IPV6_RECVTCLASS, true);
    const tclass = { level: IPPROTO_IPV6, type: IPV6_TCLASS, data: int(0x40) };
    await send(theirs, [encode("x")], [tclass, hops]);
    const both = await receive(ours, 1, 2 * cmsgSpace(4));
    strictEqual(both.flags, 0);
    deepStrictEqual(
      shown(both).sort(),
      [
        [IPPROTO_IPV6, IPV6_HOPLIMIT, [7, 0, 0, 0]],
        [IPPROTO_IPV6, IPV6_TCLASS, [0x40, 0, 0, 0]],
      ],
    );
    const long = { ...tclass, data: new Uint8Array(5) };
    strictEqual(
      (await failure(() => send(theirs, [encode("x")], [long, hops]))).code,
      "EINVAL",
    );
    // However little room there is, what does not fit is told of and cut off.
    for (let room = 0; room < 2 * cmsgSpace(4); room++) {
      await send(theirs, [encode("x")], [tclass, hops]);
      const cut = await receive(ours, 1, room);
      strictEqual(decode(cut.data), "x");
      const whole = cut.control.filter(({ data }) => data.length === 4).length;
      strictEqual(
        cut.flags & MSG_CTRUNC,
        room < cmsgSpace(4) + cmsgLen(4) ? MSG_CTRUNC : 0,
        `${room} bytes`,
      );
      strictEqual(
        whole,
        room < cmsgLen(4) ? 0 : room < cmsgSpace(4) + cmsgLen(4) ? 1 : 2,
      );
      ok(cut.control.length <= 2);
    }
    ours.setsockopt(IPPROTO_IPV6, IPV6_RECVTCLASS, false);
    ours.setsockopt(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, false);
    ours.setsockopt(IPPROTO_IPV6, IPV6_RECVPKTINFO, true);
    await send(theirs, [encode("x")]);
    const [info] = (await receive(ours, 1, cmsgSpace(20))).control;
    strictEqual(info!.type, IPV6_PKTINFO);
    deepStrictEqual([...info!.data.subarray(0, 16)], [
      ...new Uint8Array(15),
      1,
    ]);
    using ipv4 = datagramSocket();
    ipv4.setsockopt(IPPROTO_IP, IP_PKTINFO, true);
    ipv4.setsockopt(IPPROTO_IP, IP_RECVTTL, true);
    using from = datagramSocket();
    await send(
      from,
      [encode("x")],
      [{ level: IPPROTO_IP, type: IP_TTL, data: int(9) }],
      0,
      ipv4.getsockname(),
    );
    const told = await receive(ipv4, 1, cmsgSpace(12) + cmsgSpace(4));
    const found = (type: number) =>
      told.control.find((message) => message.type === type)!.data;
    deepStrictEqual([...found(IP_TTL)], [9, 0, 0, 0]);
    deepStrictEqual([...found(IP_PKTINFO).subarray(8)], [127, 0, 0, 1]);
  });

  Deno.test(`what C must not see is refused, and sends nothing, ${form}`, async () => {
    using pair = new Pair();
    using udp = datagramSocket();
    const none = { data: new Uint8Array(0) };
    const big = new Uint8Array(65_521);
    const x = [encode("x")];
    for (
      const [call, Class, message] of [
        [() => send(pair.theirs, 1 as never), TypeError, /in an array/],
        [() => send(pair.theirs, encode("x") as never), TypeError, /array/],
        [() => send(pair.theirs, ["x"] as never), TypeError, /Uint8Array/],
        [
          () => send(pair.theirs, [...x, {}] as never),
          TypeError,
          /Uint8Array/,
        ],
        [() => send(pair.theirs, x, [], {} as never), TypeError, /as flags/],
        [
          () => send(pair.theirs, x, [], 0, 5 as never),
          TypeError,
          /as an address/,
        ],
        [() => receive(pair.ours, 1, 0, {} as never), TypeError, /as flags/],
        [() => send(pair.theirs, [transferred()]), TypeError, /detached/],
        [
          () => send(pair.theirs, Array(1025).fill(x[0])),
          RangeError,
          /1025 buffers/,
        ],
        [() => send(pair.theirs, x, 5 as never), TypeError, /in an array/],
        [() => send(pair.theirs, x, [5] as never), TypeError, /level, type/],
        [() => send(pair.theirs, x, [null] as never), TypeError, /level, type/],
        [
          () => send(pair.theirs, x, [{ ...none, level: 1 }] as never),
          TypeError,
          /control message's type/,
        ],
        [
          () => send(pair.theirs, x, [{ ...none, type: 1, level: -1 }]),
          RangeError,
          /control message's level/,
        ],
        [
          () => send(pair.theirs, x, [{ level: 1, type: 1 }] as never),
          TypeError,
          /Uint8Array/,
        ],
        [
          () => send(pair.theirs, x, [{ level: 1, type: 1, dta: 1 }] as never),
          TypeError,
          /did you mean "data"/,
        ],
        [
          () => send(pair.theirs, x, [{ level: 1, type: 1, data: big }]),
          RangeError,
          /65536 bytes/,
        ],
        [() => sendFds(pair.theirs, x, 3 as never), TypeError, /in an array/],
        [() => sendFds(pair.theirs, x, []), RangeError, /0 descriptors/],
        [
          () => sendFds(pair.theirs, x, Array(254).fill(pair.ours)),
          RangeError,
          /254 descriptors.*253/,
        ],
        [() => sendFds(pair.theirs, x, [-1]), RangeError, /-1 as a/],
        [() => sendFds(pair.theirs, x, [NaN]), TypeError, /NaN as a/],
        [() => sendFds(pair.theirs, x, ["0"] as never), TypeError, /"0" as a/],
        [
          () => sendFds(pair.theirs, [], [pair.ours]),
          TypeError,
          /without a byte/,
        ],
        [
          () => sendFds(udp, x, [pair.ours], 0, udp.getsockname()),
          TypeError,
          /only a Unix socket/,
        ],
        [() => receive(pair.ours, -1), RangeError, /as a size/],
        [() => receive(pair.ours, 2 ** 31), RangeError, /as a size/],
        [() => receive(pair.ours, NaN), TypeError, /as a size/],
        [() => receive(pair.ours, 1, -1), RangeError, /for control messages/],
        [() => receive(pair.ours, 1, 65_537), RangeError, /for control/],
        [() => receive(pair.ours, 1, 1.5), TypeError, /for control/],
        [() => recvFds(pair.ours, 1, 254), RangeError, /of descriptors/],
        [() => recvFds(pair.ours, 1, -1), RangeError, /of descriptors/],
        [
          () => sendFds(pair.theirs, x, [closedDescriptor()]),
          Deno.errors.BadResource,
          /EBADF/,
        ],
      ] as [() => Promise<unknown>, new () => Error, RegExp][]
    ) {
      const error = await failure(call);
      ok(error instanceof Class, `${call}: ${error}`);
      match(error.message, message);
    }
    pair.ours.setBlocking(false);
    throws(() => pair.ours.recvSync(1), Deno.errors.WouldBlock);
    const closed = new Socket(AF_UNIX);
    closed.close();
    for (
      const call of [
        () => send(closed, x),
        () => receive(closed, 1),
        () => sendFds(closed, x, [pair.ours]),
        () => sendFds(pair.theirs, x, [closed]),
        () => recvFds(closed, 1, 1),
      ]
    ) ok(await failure(call) instanceof Deno.errors.BadResource);
  });

  Deno.test(`messages end at the timeout, and do not wait with MSG_DONTWAIT, ${form}`, async () => {
    using pair = new Pair();
    pair.fill();
    for (const timeout of [10, null]) {
      const flags = timeout === null ? MSG_DONTWAIT : 0;
      const Class = timeout === null
        ? Deno.errors.WouldBlock
        : Deno.errors.TimedOut;
      pair.ours.setTimeout(timeout);
      for (
        const call of [
          () => send(pair.ours, [encode("x")], [], flags),
          () => sendFds(pair.ours, [encode("x")], [0], flags),
          () => receive(pair.ours, 1, 0, flags),
          () => recvFds(pair.ours, 1, 1, flags),
        ]
      ) {
        const error = await failure(call);
        ok(error instanceof Class, `${call}: ${error}`);
      }
    }
  });
}

function* parts(): Generator<Uint8Array> {
  yield encode("a ");
  yield new Uint8Array(0);
  yield encode("message");
  yield new Uint8Array(new SharedArrayBuffer(1));
}

function transferred(): Uint8Array {
  const buffer = new Uint8Array(10);
  structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
  return buffer;
}

Deno.test("small buffers, which V8 may move, arrive as they are while it collects garbage", async () => {
  using pair = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
  using ours = new Socket(AF_INET6, SOCK_DGRAM);
  ours.bind({ hostname: "::1", port: 0 });
  const remote = ours.getsockname();
  using theirs = new Socket(AF_INET6, SOCK_DGRAM);
  for (let round = 0; round < 2000; round++) {
    const parts = Array.from({ length: 8 }, (_, i) => {
      const part = new Uint8Array(8);
      part.fill(round + i);
      return part;
    });
    // Garbage, so that it is collected now and then.
    void Array.from({ length: 100 }, () => new Uint8Array(16));
    await pair.theirs.sendmsg(parts);
    const { data } = await pair.ours.recvmsg(100);
    deepStrictEqual([...data], parts.flatMap((part) => [...part]));
    // An address is small, too.
    await theirs.sendmsg(parts, [], 0, remote);
    deepStrictEqual((await ours.recvmsg(100)).data, data);
  }
});

Deno.test("a fileno() that changes everything meanwhile does no harm", async () => {
  using pair = new Pair();
  using other = new Pair();
  for (
    const [change, message] of [
      [(memory) => memory.resize(0), /without a byte/],
      [
        (memory) => structuredClone(memory, { transfer: [memory] }),
        /the buffer is detached/,
      ],
      [
        () => {
          throw new Error("not today");
        },
        /not today/,
      ],
      [() => pair.theirs.close(), /the socket is closed/],
    ] as [(memory: ArrayBuffer) => void, RegExp][]
  ) {
    const memory = new ArrayBuffer(10, { maxByteLength: 10 });
    const buffer = new Uint8Array(memory);
    let asked = 0;
    const fileno = () => {
      if (++asked > 1) change(memory);
      return other.ours.fileno();
    };
    const error = await failure(() =>
      pair.theirs.sendmsgSync([buffer], [{ fds: [{ fileno }] }])
    );
    match(error.message, message);
  }
});

Deno.test("too many descriptors under way are an error with its code", async () => {
  using pair = new Pair(socketpair(AF_UNIX, SOCK_DGRAM));
  pair.theirs.setBlocking(false);
  const error = await failure(() => {
    for (let i = 0; i < 100_000; i++) {
      sendFdsSync(pair.theirs, [encode("x")], Array(253).fill(pair.ours));
    }
  });
  // Root may have any number of them, until the queue is full.
  match(error.message, /ETOOMANYREFS|EAGAIN|ENOBUFS/);
});

Deno.test("waiting messages come through, and notice what was closed meanwhile", async () => {
  using pair = new Pair();
  const receiving = pair.ours.recvmsg(100, cmsgSpace(4));
  using gifts = new Gifts(3);
  await pair.theirs.sendmsg([encode("late")], [{ fds: [gifts.fds[0]!] }]);
  using message = await receiving;
  strictEqual(decode(message.data), "late");
  works(message.fds[0]!, gifts.pairs[0]!);
  pair.fill();
  const [, , number] = gifts.fds;
  for (const fd of [gifts.fds[1]!, number!.fileno()]) {
    const sending = pair.ours.sendmsg([encode("x")], [{ fds: [fd] }]);
    const failing = failure(() => sending);
    gifts.fds[typeof fd === "number" ? 2 : 1]!.close();
    // Its number may be another's now, which must not be sent.
    using _other = new Pair();
    await pair.theirs.recv(1 << 20);
    while (await hasMore(pair.theirs)) await pair.theirs.recv(1 << 20);
    const error = await failing;
    ok(error instanceof Deno.errors.BadResource, String(error));
    pair.fill();
  }
  const abort = new AbortController();
  const aborted = failure(() =>
    pair.ours.sendmsg([encode("x")], [], 0, undefined, {
      signal: abort.signal,
    })
  );
  abort.abort();
  strictEqual((await aborted).name, "AbortError");
});

async function hasMore(socket: Socket): Promise<boolean> {
  const error = await failure(() =>
    socket.recv(1, MSG_PEEK | MSG_DONTWAIT).then(() => {
      throw new Error("more");
    })
  );
  return error.message === "more";
}

Deno.test("a descriptor of a pidfd that was asked for elsewhere is closed", async () => {
  using pair = new Pair();
  // SO_PASSPIDFD, past this module, which refuses it; asm-generic/socket.h.
  const one = new Int32Array([1]);
  const set = libc().setsockopt(
    pair.ours.fileno(),
    SOL_SOCKET,
    76,
    one as unknown as Uint8Array<ArrayBuffer>,
    4,
  );
  throws(() => pair.ours.setsockopt(SOL_SOCKET, 76, true), {
    name: "NotSupported",
    message: /SO_PASSPIDFD: .* set SO_PASSCRED instead/,
  });
  // Before Linux 6.5 there is no such option.
  if (set !== 0) return;
  pair.theirs.sendSync(encode("x"));
  using message = await pair.ours.recvmsg(1, 100);
  deepStrictEqual([message.control, message.fds], [[], []]);
  strictEqual(message.flags & MSG_CTRUNC, 0);
});

Deno.test("cmsgLen and cmsgSpace are C's macros", () => {
  deepStrictEqual([0, 1, 4, 8, 9].map(cmsgLen), [16, 17, 20, 24, 25]);
  deepStrictEqual([0, 1, 4, 8, 9].map(cmsgSpace), [16, 24, 24, 24, 32]);
  for (const call of [cmsgLen, cmsgSpace]) {
    throws(() => call(-1), RangeError);
    throws(() => call(65_521), RangeError);
    throws(() => call(0.5), TypeError);
  }
});

Deno.test("Socket.fromFd takes a Descriptor over, and leaves one that is no socket", () => {
  using pair = new Pair();
  const number = pair.ours.detach();
  const descriptor = new Descriptor(number);
  using socket = Socket.fromFd(descriptor);
  strictEqual(socket.fileno(), number);
  strictEqual(descriptor.closed, true);
  throws(() => Socket.fromFd(descriptor), Deno.errors.BadResource);
  throws(() => Socket.fromFd(socket as never), {
    name: "TypeError",
    message: /an object of class Socket owns it, give a number or a Descriptor/,
  });
  // An epoll, which is no socket.
  const fd = linuxLibc("test").epoll_create1(0o2000000);
  using file = new Descriptor(fd);
  throws(() => Socket.fromFd(file), { code: "ENOTSOCK" });
  strictEqual(file.fileno(), fd);
});

Deno.test("a Descriptor closes once, has one owner, and gives away", async () => {
  using pair = new Pair();
  const fd = pair.theirs.detach();
  const descriptor = new Descriptor(fd);
  strictEqual(descriptor.fileno(), fd);
  strictEqual(descriptor.closed, false);
  throws(() => new Descriptor(fd), Deno.errors.Busy);
  throws(() => Socket.fromFd(fd), Deno.errors.Busy);
  const again = new Descriptor(descriptor.detach());
  strictEqual(descriptor.closed, true);
  for (const call of [() => descriptor.fileno(), () => descriptor.detach()]) {
    throws(call, Deno.errors.BadResource);
  }
  descriptor.close();
  pair.ours.setBlocking(false);
  throws(() => pair.ours.recvSync(1), Deno.errors.WouldBlock);
  again.close();
  again[Symbol.dispose]();
  strictEqual((await pair.ours.recv(1)).length, 0);
  for (const [value, Class] of [[-1, RangeError], ["1", TypeError]] as const) {
    throws(() => new Descriptor(value as number), Class);
  }
  throws(() => new Descriptor(closedDescriptor()), Deno.errors.BadResource);
});
