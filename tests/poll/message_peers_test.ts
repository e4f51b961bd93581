// Messages, descriptors and sockets that keep messages apart, with CPython's
// sockets at the other end, in another process.

import { deepStrictEqual, strictEqual } from "node:assert";
import {
  AF_INET6,
  AF_UNIX,
  cmsgSpace,
  createServer,
  IPPROTO_IPV6,
  IPV6_HOPLIMIT,
  IPV6_RECVHOPLIMIT,
  MSG_CTRUNC,
  peerCredentials,
  recvFds,
  recvFdsSync,
  SCM_CREDENTIALS,
  sendFds,
  sendFdsSync,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  Socket,
  SOL_SOCKET,
} from "../../poll/mod.ts";
import { type Child, Folder, Program, testWith } from "../_program.ts";
import { decode, encode, failure, LOOPBACK, Pair } from "./_sockets.ts";

const python = new Program("python3", "python3");

/** Every program ends by itself, with a traceback, if it hangs. */
const PRELUDE = `
import array, faulthandler, os, socket, struct, sys
faulthandler.dump_traceback_later(50, exit=True)
socket.setdefaulttimeout(40)
path = sys.argv[1]
def connect(type):
    s = socket.socket(socket.AF_UNIX, type)
    s.connect(path)
    return s
`;

const start = (code: string, path: string): Child =>
  python.start("-u", "-I", "-c", PRELUDE + code, path);

/** Whoever connects to a path is one of CPython's. */
function listen(path: string, type: number): Socket {
  const listener = new Socket(AF_UNIX, type);
  listener.bind({ path });
  listener.listen();
  return listener;
}

for (const how of ["Sync", "promised"]) {
  testWith(
    [python],
    `CPython's send_fds gives us a file, a pipe and a connection, ${how}`,
    async () => {
      await using folder = new Folder();
      const path = folder.at("socket");
      await Deno.writeTextFile(folder.at("file"), "a file's text");
      using tcp = createServer(LOOPBACK);
      const { port } = tcp.getsockname() as Deno.NetAddr;
      using listener = listen(path, 1);
      await using child = start(
        `
s = connect(socket.SOCK_STREAM)
file = os.open(os.path.dirname(path) + "/file", os.O_RDONLY)
r, w = os.pipe()
tcp = socket.create_connection(("127.0.0.1", ${port}))
print(socket.send_fds(s, [b"three ", b"of them"], [file, r, tcp.fileno()]))
for fd in (file, r, tcp.detach()): os.close(fd)
os.write(w, b"a pipe's text")
os.close(w)
`,
        path,
      );
      const [from] = await listener.accept();
      using _from = from;
      const [connection] = await tcp.accept();
      using _connection = connection;
      strictEqual(peerCredentials(from).pid, child.pid);
      strictEqual((await child.output()).code, 0);
      using message = how === "Sync"
        ? recvFdsSync(from, 100, 3)
        : await recvFds(from, 100, 3);
      strictEqual(decode(message.data), "three of them");
      strictEqual(message.flags, 0);
      const [file, pipe, socket] = message.fds;
      strictEqual(
        await Deno.readTextFile(`/dev/fd/${file!.fileno()}`),
        "a file's text",
      );
      strictEqual(
        await Deno.readTextFile(`/dev/fd/${pipe!.fileno()}`),
        "a pipe's text",
      );
      // The program has ended, and its connection lives on in ours.
      using ours = Socket.fromFd(socket!);
      await ours.sendAll(encode("lives on"));
      strictEqual(decode(await connection.recv(100)), "lives on");
      strictEqual(
        (await failure(() => Socket.fromFd(file!))).code,
        "ENOTSOCK",
      );
    },
  );

  testWith(
    [python],
    `CPython's recv_fds gets a connection from us and serves it, ${how}`,
    async () => {
      await using folder = new Folder();
      const path = folder.at("socket");
      using listener = listen(path, 1);
      await using child = start(
        `
s = connect(socket.SOCK_STREAM)
data, fds, flags, address = socket.recv_fds(s, 100, 4)
print(data, len(fds), flags)
with socket.socket(fileno=fds[0]) as client:
    client.setblocking(True)
    client.sendall(client.recv(100).upper())
os.write(fds[1], b"by another's descriptor")
`,
        path,
      );
      const [to] = await listener.accept();
      using _to = to;
      using pair = Pair.tcp();
      using other = new Pair();
      const fds = [pair.theirs, other.theirs.fileno()];
      strictEqual(
        how === "Sync"
          ? sendFdsSync(to, [encode("take"), encode(" it")], fds)
          : await sendFds(to, [encode("take"), encode(" it")], fds),
        7,
      );
      pair.theirs.close();
      other.theirs.close();
      await child.until("b'take it' 2 0");
      await pair.ours.sendAll(encode("shout"));
      strictEqual(decode(await pair.ours.recv(100)), "SHOUT");
      strictEqual(
        decode(await other.ours.recv(100)),
        "by another's descriptor",
      );
      strictEqual((await child.output()).code, 0);
      strictEqual((await pair.ours.recv(1)).length, 0);
      strictEqual((await other.ours.recv(1)).length, 0);
    },
  );
}

testWith(
  [python],
  "CPython sends more descriptors than we have room for, and none leaks",
  async () => {
    await using folder = new Folder();
    const path = folder.at("socket");
    using listener = listen(path, 1);
    await using child = start(
      `
s = connect(socket.SOCK_STREAM)
a, b = socket.socketpair()
socket.send_fds(s, [b"x"], [b.fileno()] * 200)
b.close()
print("sent")
print(a.recv(1))
`,
      path,
    );
    const [from] = await listener.accept();
    using _from = from;
    await child.until("sent");
    const message = await recvFds(from, 1, 2);
    strictEqual(message.fds.length, 2);
    strictEqual(message.flags, MSG_CTRUNC);
    message[Symbol.dispose]();
    // Its end of the pair ends when nobody has the other any more.
    await child.until("b''");
    strictEqual((await child.output()).code, 0);
  },
);

testWith(
  [python],
  "sendmsg and recvmsg of CPython and ours, over SOCK_SEQPACKET, with credentials",
  async () => {
    await using folder = new Folder();
    const path = folder.at("socket");
    using listener = listen(path, SOCK_SEQPACKET);
    await using child = start(
      `
s = connect(socket.SOCK_SEQPACKET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.sendmsg([b"one", b"", b" message"])
s.sendmsg([b"another"])
data, control, flags, address = s.recvmsg(100, socket.CMSG_SPACE(12))
print(data, flags, [(l, t, struct.unpack("iii", d)) for l, t, d in control])
print(s.recvmsg(3)[0], s.recvmsg(100)[0])
`,
      path,
    );
    const [socket] = await listener.accept();
    using _socket = socket;
    socket.setsockopt(SOL_SOCKET, SO_PASSCRED, true);
    for (const text of ["one message", "another"]) {
      using message = await socket.recvmsg(100, cmsgSpace(12));
      strictEqual(decode(message.data), text);
      // What was sent before we asked has the credentials of nobody.
      deepStrictEqual(
        message.control.map(({ level, type }) => [level, type]),
        [[SOL_SOCKET, SCM_CREDENTIALS]],
      );
    }
    await socket.sendmsg([encode("from"), encode(" us")]);
    const [, sender] = await child.until(
      /b'from us' 0 \[\(1, 2, \((\d+), \d+, \d+\)\)\]/,
    );
    strictEqual(Number(sender), Deno.pid);
    socket.sendmsgSync([encode("cut off")]);
    socket.sendmsgSync([encode("whole")]);
    await child.until("b'cut' b'whole'");
    strictEqual((await child.output()).code, 0);
  },
);

testWith(
  [python],
  "CPython sets a hop limit by a control message, and we tell it, and back",
  async () => {
    await using folder = new Folder();
    using ours = new Socket(AF_INET6, SOCK_DGRAM);
    ours.bind({ hostname: "::1", port: 0 });
    ours.setsockopt(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, true);
    const { port } = ours.getsockname() as Deno.NetAddr;
    await using child = start(
      `
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
s.sendmsg([b"x"], [(socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT,
    struct.pack("i", 77))], 0, ("::1", ${port}))
data, control, flags, address = s.recvmsg(10, socket.CMSG_SPACE(4))
print([(l, t, struct.unpack("i", d)) for l, t, d in control], address[1])
`,
      folder.path,
    );
    const { control, address } = await ours.recvmsg(10, cmsgSpace(4));
    deepStrictEqual(
      control.map(({ level, type, data }) => [level, type, data[0]]),
      [[IPPROTO_IPV6, IPV6_HOPLIMIT, 77]],
    );
    const data = new Uint8Array([33, 0, 0, 0]);
    await ours.sendmsg(
      [encode("y")],
      [{ level: IPPROTO_IPV6, type: IPV6_HOPLIMIT, data }],
      0,
      address,
    );
    await child.until(`[(${IPPROTO_IPV6}, ${IPV6_HOPLIMIT}, (33,))] ${port}`);
    strictEqual((await child.output()).code, 0);
  },
);

testWith(
  [python],
  "SOCK_SEQPACKET: we connect to CPython's listener",
  async () => {
    await using folder = new Folder();
    const path = folder.at("socket");
    await using child = start(
      `
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(path)
listener.listen()
print("listening")
s, address = listener.accept()
while True:
    data = s.recv(100)
    if not data: break
    s.send(data.upper())
`,
      path,
    );
    await child.until("listening");
    using client = new Socket(AF_UNIX, SOCK_SEQPACKET);
    strictEqual(await client.connectEx({ path }), 0);
    strictEqual(peerCredentials(client).pid, child.pid);
    await client.send(encode("one"));
    await client.send(encode("two"));
    strictEqual(decode(await client.recv(100)), "ONE");
    strictEqual(decode(await client.recv(100)), "TWO");
    client.close();
    strictEqual((await child.output()).code, 0);
  },
);
