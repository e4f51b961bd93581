import { strictEqual } from "node:assert";
import {
  AF_INET,
  AF_UNIX,
  AsyncChat,
  createConnection,
  createServer,
  Dispatcher,
  type DispatcherMap,
  loop,
  ReadinessServer,
  select,
  SOCK_DGRAM,
  Socket,
} from "../../poll/mod.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { decode, encode, LOOPBACK } from "./_sockets.ts";

const python = new Program("python3", "python3");

/** Every program ends by itself, with a traceback, if it hangs. */
const PRELUDE = `
import faulthandler, socket, sys
faulthandler.dump_traceback_later(50, exit=True)
socket.setdefaulttimeout(40)
args = sys.argv[1:]
`;

const flags = (code: string, args: readonly (string | number)[]) => [
  ...["-u", "-I", "-c", PRELUDE + code],
  ...args.map(String),
];

/** Sends lines and prints what comes back, which must be the same. */
const LINES = `
with socket.create_connection(("127.0.0.1", int(args[0]))) as s:
    file = s.makefile("rw")
    for i in range(200):
        file.write("line %d\\n" % i)
        file.flush()
        assert file.readline() == "line %d\\n" % i
    s.shutdown(socket.SHUT_WR)
    print(repr(file.read()))
`;

testWith([python], "a select server serves CPython's clients", async () => {
  using listener = createServer(LOOPBACK);
  const { port } = listener.getsockname() as Deno.NetAddr;
  const clients = [1, 2, 3].map(() => python.run(flags(LINES, [port])));
  const sockets = new Set<Socket>();
  for (let closed = 0; closed < clients.length;) {
    const [readable] = await select([listener, ...sockets], [], []);
    for (const socket of readable) {
      if (socket === listener) {
        sockets.add(listener.acceptSync()[0]);
        continue;
      }
      const data = socket.recvSync(1024);
      if (data.length > 0) socket.sendAllSync(data);
      else {
        closed++;
        sockets.delete(socket);
        socket.close();
      }
    }
  }
  for (const client of clients) strictEqual(await client, "''\n");
});

testWith([python], "ReadinessServer serves CPython's clients", async () => {
  const server = new ReadinessServer(LOOPBACK, {
    data: (connection, bytes) => void connection.send(bytes),
  });
  const ended = server.serveForever();
  const { port } = server.addr as Deno.NetAddr;
  const clients = [1, 2, 3].map(() => python.run(flags(LINES, [port])));
  for (const client of clients) strictEqual(await client, "''\n");
  server.shutdown();
  await ended;
});

testWith([python], "an AsyncChat server serves CPython's clients", async () => {
  const map: DispatcherMap = new Map();
  class Lines extends AsyncChat {
    #line = "";
    override collectIncomingData(data: Uint8Array) {
      this.#line += decode(data);
    }
    override foundTerminator() {
      this.push(`${this.#line}\n`);
      this.#line = "";
    }
  }
  class Server extends Dispatcher {
    override handleAccepted(socket: Socket) {
      new Lines(socket, map).setTerminator("\n");
      this.close();
    }
  }
  const server = new Server(createServer(LOOPBACK), map);
  server.accepting = true;
  const { port } = server.socket!.getsockname() as Deno.NetAddr;
  const client = python.run(flags(LINES, [port]));
  await loop({ map });
  strictEqual(await client, "''\n");
});

testWith([python], "Socket talks to CPython's socketserver", async () => {
  await using server = python.start(...flags(
    `
import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())
with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
    server.daemon_threads = True
    print("port %d" % server.server_address[1])
    server.serve_forever()
`,
    [],
  ));
  const [, port] = await server.until(/port (\d+)\n/);
  const sockets = await Promise.all(
    [1, 2, 3].map(() => createConnection({ port: Number(port) })),
  );
  for (const [i, socket] of sockets.entries()) {
    await socket.sendAll(encode(`line ${i}\n`));
    strictEqual(decode(await socket.recv(100)), `LINE ${i}\n`);
    socket.close();
  }
});

testWith([python], "datagrams to and from CPython, UDP and Unix", async () => {
  await using folder = new Folder();
  const path = folder.at("ours");
  for (const family of [AF_INET, AF_UNIX]) {
    using socket = new Socket(family, SOCK_DGRAM);
    socket.bind(family === AF_INET ? LOOPBACK : { path });
    const local = socket.getsockname();
    const client = python.run(flags(
      `
if args[0] == "unix":
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(args[1] + ".client")
    to = args[1]
else:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    to = ("127.0.0.1", int(args[1]))
s.sendto(b"hello", to)
print(s.recvfrom(100)[0].decode())
`,
      "port" in local ? ["udp", local.port] : ["unix", path],
    ));
    const [data, from] = await socket.recvFrom(100);
    strictEqual(decode(data), "hello");
    await socket.sendTo(encode("and back"), from);
    strictEqual(await client, "and back\n");
  }
});

testWith([python], "a connection goes on after detach and fromFd", async () => {
  using listener = createServer(LOOPBACK);
  const { port } = listener.getsockname() as Deno.NetAddr;
  const client = python.run(flags(LINES, [port]));
  const [connection] = await listener.accept();
  const again = Socket.fromFd(connection.detach());
  using _again = again;
  const buffer = new Uint8Array(1000);
  for (let count; (count = await again.recvInto(buffer)) > 0;) {
    await again.sendAll(buffer.subarray(0, count));
  }
  again.close();
  strictEqual(await client, "''\n");
});
