/**
 * Random calls of all that `poll/` has, with arguments that are right, wrong and
 * odd: errors are fine, crashes, hangs and leaked descriptors are not. What it
 * compares belongs to the whole process, so it is run in one of its own:
 *
 *     deno run -A tests/fuzz/poll_calls_fuzz.ts [seed] [calls]
 */
import { deepStrictEqual } from "node:assert";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AI_NUMERICHOST,
  cmsgLen,
  cmsgSpace,
  type ControlMessageLike,
  createServer,
  DefaultSelector,
  Descriptor,
  type Epoll,
  epoll,
  getaddrinfo,
  getaddrinfoSync,
  ifIndexToName,
  ifNameToIndex,
  joinGroup,
  leaveGroup,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  peerCredentials,
  poll,
  PollSelector,
  type ReceivedMessage,
  recvFds,
  recvFdsSync,
  select,
  SelectSelector,
  selectSync,
  sendFds,
  sendFdsSync,
  setMulticastInterface,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  Socket,
  socketpair,
} from "../../poll/mod.ts";
import { descriptors } from "../poll/_sockets.ts";
import { below as belowOf, oneOf, type Random, random } from "./_fuzzing.ts";

/** A wait that is longer is not tried: the run has to end. */
const SHORT = 1;
/** Promised calls that are under way at most. */
const PENDING = 200;

let next: Random = random(1);
const below = (end: number) => belowOf(next, end);
const one = <T>(choices: readonly T[]): T => oneOf(next, choices);

const sockets: Socket[] = [];
const epolls: Epoll[] = [];
const polling = poll();
const selectors = [new PollSelector(), new SelectSelector()];
const pending = new Set<Promise<unknown>>();
const outcomes = new Map<string, number>();

const oddNumbers = [
  ...[0, -0, 1, -1, 2, 3.5, NaN, Infinity, -Infinity, 1e9, 2 ** 31, 2 ** 32],
  ...[2 ** 53, 4, 8, 16, 64, 100, 0x4000, 0x8000_0000, 0xffff_ffff],
];
const number = () => below(4) === 0 ? below(200) : one(oddNumbers);
/** As `number`, less what would only test how fast memory is given. */
const size = () =>
  one([0, -0, 1, -1, 3.5, NaN, 100, 70_000, 2 ** 31, Infinity]);
/** No wait without an end: NaN, negative and infinite ones come another way. */
const timeout = () => one([0, -0, 0.5, SHORT, NaN]);

function buffer(): Uint8Array {
  switch (below(8)) {
    case 0:
      return new Uint8Array(0);
    case 1:
      return new Uint8Array(new SharedArrayBuffer(below(100)));
    case 2: {
      const memory = new ArrayBuffer(50, { maxByteLength: 100 });
      const view = new Uint8Array(memory);
      memory.resize(below(100));
      return view;
    }
    case 3: {
      const view = new Uint8Array(10);
      structuredClone(view.buffer, { transfer: [view.buffer] });
      return view;
    }
    case 4:
      return one<unknown>([
        undefined,
        null,
        1,
        {},
        [],
        new ArrayBuffer(4),
      ]) as Uint8Array;
    default:
      return new Uint8Array(1 + below(3000)).subarray(below(2));
  }
}

const path = () => one(["", "\0fuzz", `\0fuzz${below(9)}`, "/nowhere/x", "\0"]);
const address = () =>
  one<unknown>([
    { port: 0 },
    { hostname: "127.0.0.1", port: one([0, 1, 9, NaN, 65_536]) },
    { hostname: "::1", port: 0 },
    { path: path() },
    undefined,
    {},
  ]) as { port: number };

const fd = () =>
  one<unknown>([
    one(sockets),
    one(epolls),
    number(),
    { fileno: number },
  ]) as number;
const list = () => Array.from({ length: below(4) }, fd);

/** Descriptors of ours, and what is none: Deno's own are nobody's to read. */
const sendable = () =>
  Array.from(
    { length: below(4) },
    () => one<unknown>([one(sockets), one(epolls), -1, NaN, 1e9]) as number,
  );

/** Control messages as they are, as C would misread them, and none at all. */
function control(): ControlMessageLike[] {
  if (below(20) === 0) return one([null, 1, [null], [{}]]) as never;
  return Array.from({ length: below(3) }, () =>
    one<() => ControlMessageLike>([
      () => ({ fds: sendable() }),
      () => ({ fds: [one(sockets)] }),
      () => ({ level: 1, type: 1, data: descriptorBytes() }),
      () => ({
        level: one([0, 1, 6, 17, 41, number()]),
        type: one([1, 2, 8, 50, 52, 67, 103, number()]),
        data: buffer(),
      }),
    ])());
}

/** Descriptors as bytes: of ours, of nobody's, and parts of some. */
function descriptorBytes(): Uint8Array {
  const fds = Int32Array.from(
    { length: below(4) },
    () => one([one(sockets).fileno(), -1, 1e9]),
  );
  return new Uint8Array(fds.buffer, 0, Math.max(0, fds.length * 4 - below(4)));
}

/** What is received is closed, or becomes a socket where it is one. */
function take(message: ReceivedMessage): void {
  using _ = message;
  for (const descriptor of message.fds) {
    if (below(2) === 0) keep(Socket.fromFd(descriptor));
  }
}

const groups = ["239.1.2.3", "ff02::1234", "::", "127.0.0.1", "", "x", "\0"];
/** No interface but the loopback one: nobody else is to hear of it. */
const iface = () =>
  one<string | number>(["lo", "127.0.0.1", "", 1, -1, NaN, 1e9]);
const room = () => one([0, 15, 16, 20, 24, 40, 100, number()]);

function keep(socket: Socket): void {
  sockets.push(socket);
  if (!socket.closed) socket.setTimeout(SHORT);
  while (sockets.length > 40) {
    sockets.splice(below(sockets.length), 1)[0]![Symbol.dispose]();
  }
}

function signal(): AbortSignal {
  const abort = new AbortController();
  if (below(8) === 0) abort.abort();
  else setTimeout(() => abort.abort(), below(3));
  return abort.signal;
}

const buffers = () => Array.from({ length: below(4) }, buffer);
const hints = () => ({
  family: one([0, AF_INET, AF_INET6, number()]),
  type: one([0, SOCK_STREAM, number()]),
  // No name is asked for: that would test how fast a name server is.
  flags: AI_NUMERICHOST | one([0, 1, 2, 0x400, number()]),
});

/** Flags that are honoured, and others. */
const flags = () =>
  one([
    ...[0, 0, 0, MSG_PEEK, MSG_DONTWAIT, MSG_TRUNC, MSG_WAITALL],
    ...[MSG_WAITALL | MSG_PEEK, MSG_TRUNC | MSG_PEEK, number()],
  ]);
/** Masks of events, and what is none. */
const mask = () => one([1, 2, 4, 5, 7, 0x2000, number()]);

/** Sets no option that takes the descriptor out of our hands. */
const option = () => one([2, 3, 4, 7, 8, 9, 13, 99]);

const actions: (() => unknown)[] = [
  () =>
    keep(
      new Socket(
        one([AF_INET, AF_INET6, AF_UNIX, number()]),
        one([SOCK_STREAM, SOCK_DGRAM, number()]),
      ),
    ),
  () =>
    socketpair(AF_UNIX, one([SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]))
      .forEach(keep),
  () => keep(createServer({ hostname: "127.0.0.1", port: 0 })),
  () => one(sockets).close(),
  () => keep(Socket.fromFd(one(sockets).detach())),
  () => Socket.fromFd(one([-1, NaN, 1e9, one(epolls).fileno()])),
  () => one(sockets).setBlocking(false),
  () => one(sockets).setTimeout(timeout()),
  () =>
    one(sockets).setsockopt(
      1,
      option(),
      one<unknown>([number(), true, buffer()]) as number,
    ),
  () => one(sockets).getsockopt(1, option(), one([undefined!, number()])),
  () => one(sockets).bind(address()),
  () => one(sockets).listen(number()),
  () => keep(one(sockets).acceptSync()[0]),
  () =>
    one(sockets).accept({ signal: signal() }).then(([socket]) => keep(socket)),
  () => one(sockets).connectSync(one([address(), one(sockets).getsockname()])),
  () =>
    one(sockets).connect(one([address(), one(sockets).getsockname()]), {
      signal: signal(),
    }),
  () => one(sockets).recvSync(size(), flags()),
  () => one(sockets).recv(size(), flags(), { signal: signal() }),
  () => one(sockets).recvIntoSync(buffer(), number(), flags()),
  () =>
    one(sockets).recvInto(buffer(), number(), flags(), { signal: signal() }),
  () => one(sockets).recvFromSync(size(), flags()),
  () => one(sockets).recvFrom(size(), flags(), { signal: signal() }),
  () => one(sockets).sendSync(buffer(), flags()),
  () => one(sockets).send(buffer(), flags(), { signal: signal() }),
  () => one(sockets).sendAllSync(buffer(), flags()),
  () => one(sockets).sendAll(buffer(), flags(), { signal: signal() }),
  () => one(sockets).sendToSync(buffer(), address(), flags()),
  () => one(sockets).sendTo(buffer(), address(), flags(), { signal: signal() }),
  () => one(sockets).sendmsgSync(buffers(), control(), flags()),
  () => one(sockets).sendmsgSync(buffers(), control(), 0, address()),
  () =>
    one(sockets).sendmsg(buffers(), control(), flags(), undefined, {
      signal: signal(),
    }),
  () => take(one(sockets).recvmsgSync(size(), room(), flags())),
  () =>
    one(sockets).recvmsg(size(), room(), flags(), { signal: signal() })
      .then(take),
  () => sendFdsSync(one(sockets), buffers(), sendable(), flags()),
  () => sendFds(one(sockets), buffers(), [one(sockets)]),
  () => take(recvFdsSync(one(sockets), size(), number(), flags())),
  () => recvFds(one(sockets), 10, 2, 0, { signal: signal() }).then(take),
  () => keep(one(sockets).dup()),
  () => new Descriptor(one(sockets).detach()).close(),
  () => new Descriptor(one([-1, NaN, 1e9, one(sockets).fileno()])).close(),
  () => one(sockets).connectExSync(address()),
  () => one(sockets).connectEx(address(), { signal: signal() }),
  () => peerCredentials(one(sockets)),
  () => joinGroup(one(sockets), one(groups), iface()),
  () => leaveGroup(one(sockets), one(groups), iface()),
  () => setMulticastInterface(one(sockets), iface()),
  () => ifNameToIndex(one(groups)),
  () => ifIndexToName(number()),
  () => getaddrinfoSync(one(["127.0.0.1", "::1", "", null]), number(), hints()),
  () => getaddrinfo("127.0.0.1", one([null, "1", "x"]), hints()),
  () => cmsgLen(number()) + cmsgSpace(number()),
  () => one(sockets).shutdown(number()),
  () => one(sockets).getsockname(),
  () => one(sockets).getpeername(),
  () => one(sockets).fileno(),
  () => selectSync(list(), list(), list(), timeout()),
  () => select(list(), list(), list(), timeout(), { signal: signal() }),
  () => polling.register(fd(), mask()),
  () => polling.modify(fd(), mask()),
  () => polling.unregister(fd()),
  () => polling.pollSync(timeout()),
  () => polling.poll(one([null, timeout()]), { signal: signal() }),
  () => epolls.push(epoll()) > 5 && epolls.shift()!.close(),
  () => one(epolls).register(fd(), mask()),
  () => one(epolls).modify(fd(), mask()),
  () => one(epolls).unregister(fd()),
  () => one(epolls).pollSync(timeout(), one([-1, number()])),
  () => one(epolls).waitSync(timeout(), one([-1, number()])),
  () => one(epolls).poll(one([null, timeout()]), -1, { signal: signal() }),
  () => one(epolls).fdAt(number()) + one(epolls).eventsAt(number()),
  () => one(selectors).register(fd(), mask()),
  () => one(selectors).modify(fd(), mask()),
  () => one(selectors).unregister(fd()),
  () => one(selectors).selectSync(timeout()),
  () => one(selectors).select(one([null, timeout()]), { signal: signal() }),
  () => new DefaultSelector()[Symbol.dispose](),
];

/** The descriptors of this process, and what each is of, for whoever looks for one. */
function opened(): string[] {
  return descriptors().map((fd) => {
    try {
      return `${fd} ${Deno.readLinkSync(`/proc/self/fd/${fd}`)}`;
    } catch {
      // The folder's own, which is closed by now.
      return fd;
    }
  });
}

function note(outcome: string): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

function failed(error: unknown): void {
  if (!(error instanceof Error)) throw error;
  note(error.name);
}

/**
 * Makes random calls, one after the other, and waits for those that wait.
 *
 * @param seed Where the choices come from.
 * @param calls How many.
 * @returns How often each outcome came: "ok", or the name of an error.
 */
export async function fuzzCalls(
  seed: number,
  calls: number,
): Promise<Map<string, number>> {
  next = random(seed);
  // What is made once and kept: the descriptors of the waiter.
  {
    const [ours, theirs] = socketpair();
    const waiting = ours.recv(1);
    theirs.sendSync(new Uint8Array(1));
    await waiting;
    ours.close();
    theirs.close();
  }
  const before = opened();

  socketpair().forEach(keep);
  epolls.push(epoll());
  for (let i = 0; i < calls; i++) {
    if (sockets.length === 0) socketpair().forEach(keep);
    if (pending.size >= PENDING) await Promise.race(pending);
    try {
      const result = one(actions)();
      if (result instanceof Promise) {
        const settled: Promise<void> = result.then(() => note("ok"), failed)
          .finally(() => pending.delete(settled));
        pending.add(settled);
      } else note("ok");
    } catch (error) {
      failed(error);
    }
  }

  await Promise.all(pending);
  for (const socket of sockets) socket[Symbol.dispose]();
  for (const each of epolls) each.close();
  for (const selector of selectors) selector.close();
  deepStrictEqual(opened(), before);
  return outcomes;
}

if (import.meta.main) {
  const [seed = 1, calls = 1_000_000] = Deno.args.map(Number);
  console.log(seed, [...await fuzzCalls(seed, calls)]);
}
