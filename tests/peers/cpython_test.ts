import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  BaseRequestHandler,
  StreamRequestHandler,
  TCPServer,
  TLSServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { type Child, Folder, Program, testWith } from "../_program.ts";
import { hasIPv6, isDisconnect, LOOPBACK } from "../_loopback.ts";
import { makeCertificate } from "../_certificate.ts";
import { bracket, echo, LARGE } from "./_peers.ts";

const python = new Program("python3", "python3");

/** What every client starts with. It ends by itself, with a traceback, if it hangs. */
const PRELUDE = `
import faulthandler, socket, sys
faulthandler.dump_traceback_later(50, exit=True)
socket.setdefaulttimeout(40)
args = sys.argv[1:]
`;

const flags = (code: string, args: readonly (string | number)[]) => [
  ...["-I", "-c", PRELUDE + code],
  ...args.map(String),
];

/** Runs a client to its end and gives what it printed. */
function client(code: string, ...args: (string | number)[]): Promise<string> {
  return python.run(flags(code, args));
}

/** Starts a client to talk to while it runs. */
function start(code: string, ...args: (string | number)[]): Child {
  return python.start(...flags(code, args));
}

function name(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}

/** What CPython's own tests ask of each server: a line, and the line back. */
const LINE_OVER_STREAM = `
family, address = args[0], args[1]
if family == "AF_INET":
    host, port = address.rsplit(":", 1)
    address = (host, int(port))
for _ in range(3):
    with socket.socket(getattr(socket, family), socket.SOCK_STREAM) as s:
        s.connect(address)
        s.sendall(b"hello there\\n")
        with s.makefile("rb") as answer:
            assert answer.readline() == b"hello there\\n"
`;

const LINE_OVER_DATAGRAM = `
import os
family, address, folder = args
if family == "AF_INET":
    host, port = address.rsplit(":", 1)
    address = (host, int(port))
for i in range(3):
    with socket.socket(getattr(socket, family), socket.SOCK_DGRAM) as s:
        if family == "AF_UNIX":
            s.bind(os.path.join(folder, "client%d" % i))
        s.sendto(b"hello there\\n", address)
        assert s.recv(100) == b"hello there\\n"
`;

const at = ({ hostname, port }: Deno.NetAddr) => `${hostname}:${port}`;

async function echoLine(
  { rfile, wfile }: Pick<StreamRequestHandler, "rfile" | "wfile">,
) {
  await wfile.write(`${await rfile.readLine()}\n`);
}

testWith(
  [python],
  "TCPServer echoes a line to three clients of CPython and shuts down",
  async () => {
    await using served = await serveForTest(echoLine);
    const { server } = served;
    await client(LINE_OVER_STREAM, "AF_INET", at(server.addr));
    await server.shutdown();
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "UnixStreamServer echoes a line to three clients of CPython and shuts down",
  async () => {
    await using folder = new Folder();
    const path = folder.at("server");
    await using served = await serveForTest(
      new UnixStreamServer({ path }, echoLine),
    );
    const { server } = served;
    await client(LINE_OVER_STREAM, "AF_UNIX", path);
    await server.shutdown();
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "UDPServer echoes a line to three clients of CPython and shuts down",
  async () => {
    await using folder = new Folder();
    await using served = await serveForTest(echoLine, { server: UDPServer });
    const { server } = served;
    await client(LINE_OVER_DATAGRAM, "AF_INET", at(server.addr), folder.path);
    await server.shutdown();
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "UnixDatagramServer echoes a line to three clients of CPython and shuts down",
  async () => {
    await using folder = new Folder();
    const path = folder.at("server");
    await using served = await serveForTest(
      new UnixDatagramServer({ path }, echoLine),
    );
    const { server } = served;
    await client(LINE_OVER_DATAGRAM, "AF_UNIX", path, folder.path);
    await server.shutdown();
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "TCPServer calls the hooks as CPython's own TCPServer does",
  async () => {
    const theirs = await client(`
import json, socketserver

calls = []

class Server(socketserver.TCPServer):
    def handle_error(self, request, client_address):
        calls.append("handle_error")

def record(name):
    inherited = getattr(socketserver.TCPServer, name)
    def hook(self, *rest):
        calls.append(name)
        return inherited(self, *rest) and len(calls) != 11
    setattr(Server, name, hook)

for name in ("verify_request", "process_request", "finish_request",
             "shutdown_request", "close_request"):
    record(name)

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        calls.append("handle")
        if calls.count("handle") == 2:
            raise ValueError("the second")

Server.timeout = 0
with Server(("127.0.0.1", 0), Handler) as server:
    verdicts = iter([True, True, False])
    def verify(request, client_address):
        calls.append("verify_request")
        return next(verdicts)
    server.verify_request = verify
    server.handle_timeout = lambda: calls.append("handle_timeout")
    for _ in range(3):
        with socket.create_connection(server.server_address):
            server.handle_request()
    server.handle_request()
print(json.dumps(calls))
`);

    const calls: string[] = [];
    class Handler extends StreamRequestHandler {
      override handle() {
        calls.push("handle");
        if (calls.filter((call) => call === "handle").length === 2) {
          throw new RangeError("the second");
        }
      }
    }
    const verdicts = [true, true, false];
    class Server extends TCPServer {
      override verifyRequest() {
        calls.push("verify_request");
        return verdicts.shift()!;
      }
      override processRequest(request: Deno.TcpConn, address: Deno.NetAddr) {
        calls.push("process_request");
        return super.processRequest(request, address);
      }
      override finishRequest(request: Deno.TcpConn, address: Deno.NetAddr) {
        calls.push("finish_request");
        return super.finishRequest(request, address);
      }
      override handleError() {
        calls.push("handle_error");
      }
      override shutdownRequest(request: Deno.TcpConn) {
        calls.push("shutdown_request");
        return super.shutdownRequest(request);
      }
      override closeRequest(request: Deno.TcpConn) {
        calls.push("close_request");
        super.closeRequest(request);
      }
      override handleTimeout() {
        calls.push("handle_timeout");
      }
    }
    // lingerTimeout 0 closes at once, as CPython does.
    await using server = new Server(LOOPBACK, Handler, {
      timeout: 20,
      lingerTimeout: 0,
    });
    for (let i = 0; i < 3; i++) {
      using _client = await Deno.connect(server.addr);
      await server.handleRequest();
    }
    await server.handleRequest();
    deepStrictEqual(calls, JSON.parse(theirs));
  },
);

testWith(
  [python],
  "pipelined lines, ended by LF or CRLF and cut anywhere, are answered in order",
  async () => {
    await using served = await serveForTest(bracket);
    await client(
      `
lines = [b"", b"a", b"two words", b"\\xc3\\xa4" * 50, b"b\\rc"] * 40
sent = b"".join(line + (b"\\r\\n", b"\\n")[i % 2] for i, line in enumerate(lines))
sent += b"no ending"
expected = b"".join(b"<%s>\\n" % line for line in lines) + b"<no ending>\\n"
for step in (len(sent), 1, 7, 1023):
    with socket.create_connection((args[0], int(args[1]))) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(0, len(sent), step):
            s.sendall(sent[i:i + step])
        s.shutdown(socket.SHUT_WR)
        with s.makefile("rb") as answer:
            got = answer.read()
        assert got == expected, (step, got)
`,
      served.addr.hostname,
      served.addr.port,
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "a client of CPython that ends its writing side first still gets its answer",
  async () => {
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        const question = await rfile.readAll();
        // Nothing is written before the end has been seen.
        strictEqual(rfile.atEof, true);
        await wfile.write(`${question.length} bytes received\n`);
      },
    );
    await client(
      `
with socket.create_connection((args[0], int(args[1]))) as s:
    s.sendall(b"q" * 5000)
    s.shutdown(socket.SHUT_WR)
    with s.makefile("rb") as answer:
        assert answer.read() == b"5000 bytes received\\n"
`,
      served.addr.hostname,
      served.addr.port,
    );
    deepStrictEqual(served.errors, []);
  },
);

const LARGE_ECHO = `
import hashlib, os, threading
def exchange(s, size):
    data = os.urandom(size)
    def send():
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    sender = threading.Thread(target=send)
    sender.start()
    got = hashlib.sha256()
    total = 0
    while part := s.recv(65536):
        got.update(part)
        total += len(part)
    sender.join()
    assert total == size, total
    assert got.digest() == hashlib.sha256(data).digest()
`;

testWith(
  [python],
  "8 MiB go each way at once over TCP and come back unchanged",
  async () => {
    await using served = await serveForTest(echo);
    await client(
      `${LARGE_ECHO}
with socket.create_connection((args[0], int(args[1]))) as s:
    exchange(s, int(args[2]))
`,
      served.addr.hostname,
      served.addr.port,
      LARGE,
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "8 MiB go each way at once over a Unix socket and come back unchanged",
  async () => {
    await using folder = new Folder();
    const path = folder.at("server");
    await using served = await serveForTest(
      new UnixStreamServer({ path }, echo),
    );
    await client(
      `${LARGE_ECHO}
with socket.socket(socket.AF_UNIX) as s:
    s.connect(args[0])
    exchange(s, int(args[1]))
`,
      path,
      LARGE,
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "a client of CPython that resets (SO_LINGER 0) is an error of its own, and the server goes on",
  async () => {
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        const word = await rfile.readLine();
        await wfile.write(`${word}\n`);
        if (word === "read") { while (await rfile.readLine() !== null); }
        if (word === "write") {
          while (true) await wfile.write(new Uint8Array(65_536));
        }
      },
    );
    await using child = start(
      `
import struct
address = (args[0], int(args[1]))
def connect(word):
    s = socket.create_connection(address)
    s.sendall(word + b"\\n")
    with s.makefile("rb") as answer:
        assert answer.readline() == word + b"\\n"
    return s
bystander = socket.create_connection(address)
for word in (b"read", b"write"):
    s = connect(word)
    s.sendall(b"half a li")
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    print("reset", flush=True)
    sys.stdin.readline()
bystander.sendall(b"still served\\n")
with bystander.makefile("rb") as answer:
    assert answer.readline() == b"still served\\n"
connect(b"new").close()
`,
      served.addr.hostname,
      served.addr.port,
    );
    await child.until("reset");
    deepStrictEqual((await served.untilErrors()).map(name), [
      "ConnectionReset",
    ]);
    await child.send("\n");
    await child.until("reset");
    const [error] = await served.untilErrors();
    // Which of them depends on whether the write was waiting or came later.
    match(name(error), /^(ConnectionReset|BrokenPipe)$/);
    await child.send("\n");
    const { code, stderr } = await child.output();
    strictEqual(code, 0, stderr);
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "clients of CPython that reset before or while they are accepted leave the server serving",
  async () => {
    await using served = await serveForTest(bracket, {
      allowErrors: isDisconnect,
    });
    await client(
      `
import struct
address = (args[0], int(args[1]))
for i in range(300):
    s = socket.create_connection(address)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if i % 2:
        s.sendall(b"unfinished")
    s.close()
with socket.create_connection(address) as s:
    s.sendall(b"after them\\n")
    with s.makefile("rb") as answer:
        assert answer.readline() == b"<after them>\\n"
`,
      served.addr.hostname,
      served.addr.port,
    );
  },
);

testWith(
  [python],
  "an urgent byte (MSG_OOB) does no harm and is not part of the stream",
  async () => {
    await using served = await serveForTest(bracket);
    await client(
      `
with socket.create_connection((args[0], int(args[1]))) as s:
    with s.makefile("rb") as answer:
        s.send(b"!", socket.MSG_OOB)
        s.sendall(b"one\\n")
        assert answer.readline() == b"<one>\\n"
        # A read stops short of the urgent byte, and Deno then waits for the
        # next segment before it reads on: here that is the end.
        s.sendall(b"tw")
        s.send(b"!", socket.MSG_OOB)
        s.sendall(b"o\\n")
        s.shutdown(socket.SHUT_WR)
        assert answer.read() == b"<two>\\n"
with socket.create_connection((args[0], int(args[1]))) as s:
    # Nothing but the urgent byte, pending when the server closes.
    s.send(b"!", socket.MSG_OOB)
    s.shutdown(socket.SHUT_WR)
    assert s.recv(100) == b""
`,
      served.addr.hostname,
      served.addr.port,
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "a slow reader whose bytes were never read gets its 400,000 bytes whole",
  async () => {
    const size = 400_000;
    const reply = new Uint8Array(size).map((_, i) => i % 251);
    await using served = await serveForTest(
      ({ wfile }) => void wfile.write(reply),
    );
    await client(
      `
size = int(args[2])
with socket.socket() as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.connect((args[0], int(args[1])))
    s.sendall(b"never read" * 1000)
    got = bytearray()
    while part := s.recv(512):
        got += part
        if len(got) % 5 == 0:
            s.sendall(b"nor this")
    expected = bytes(i % 251 for i in range(size))
    assert got == expected, len(got)
`,
      served.addr.hostname,
      served.addr.port,
      size,
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "200 clients of asyncio talk at once, each to its own handler",
  async () => {
    await using served = await serveForTest(bracket);
    await client(
      `
import asyncio

async def talk(i, everybody):
    reader, writer = await asyncio.open_connection(args[0], int(args[1]))
    writer.write(b"hello from %d\\n" % i)
    assert await reader.readline() == b"<hello from %d>\\n" % i
    # Nobody goes on until all are connected and answered.
    everybody.append(i)
    if len(everybody) == 200:
        done.set()
    await done.wait()
    for n in range(20):
        writer.write(b"%d %d\\r\\n" % (i, n))
    await writer.drain()
    writer.write_eof()
    answer = await reader.read()
    assert answer == b"".join(b"<%d %d>\\n" % (i, n) for n in range(20)), answer
    writer.close()
    await writer.wait_closed()

async def main():
    global done
    done = asyncio.Event()
    everybody = []
    await asyncio.wait_for(
        asyncio.gather(*(talk(i, everybody) for i in range(200))), 40)

asyncio.run(main())
`,
      served.addr.hostname,
      served.addr.port,
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith([python], "clients of asyncio talk over Unix sockets", async () => {
  await using folder = new Folder();
  const path = folder.at("server");
  await using served = await serveForTest(
    new UnixStreamServer({ path }, bracket),
  );
  await client(
    `
import asyncio

async def talk(i):
    reader, writer = await asyncio.open_unix_connection(args[0])
    writer.write(b"%d\\n" % i)
    assert await reader.readline() == b"<%d>\\n" % i
    writer.close()
    await writer.wait_closed()

async def main():
    await asyncio.wait_for(asyncio.gather(*(talk(i) for i in range(50))), 40)

asyncio.run(main())
`,
    path,
  );
  deepStrictEqual(served.errors, []);
});

testWith(
  [python],
  "UDPServer takes datagrams of CPython from 0 to 65,507 bytes and sends as large ones",
  async () => {
    await using served = await serveForTest(
      async ({ packet, socket, clientAddress }) => {
        await socket.send(packet, clientAddress);
      },
      { server: UDPServer },
    );
    await client(
      `
import os
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.connect((args[0], int(args[1])))
    for size in (0, 1, 1472, 65506, 65507, 0):
        payload = os.urandom(size)
        s.send(payload)
        assert s.recv(70000) == payload, size
    try:
        s.send(bytes(65508))
        raise AssertionError("sent more than a datagram holds")
    except OSError:
        pass
    s.send(b"and on")
    assert s.recv(100) == b"and on"
`,
      served.addr.hostname,
      served.addr.port,
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith([python], "UDPServer answers an endpoint of asyncio", async () => {
  await using served = await serveForTest(
    async ({ rfile, wfile }) => {
      await wfile.write(`<${await rfile.readLine()}>`);
    },
    { server: UDPServer },
  );
  await client(
    `
import asyncio

class Protocol(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = asyncio.Queue()
    def datagram_received(self, data, address):
        self.got.put_nowait(data)
    def error_received(self, error):
        self.got.put_nowait(error)

async def main():
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Protocol, remote_addr=(args[0], int(args[1])))
    for i in range(20):
        transport.sendto(b"%d\\n" % i)
        assert await asyncio.wait_for(protocol.got.get(), 40) == b"<%d>" % i
    transport.close()

asyncio.run(main())
`,
    served.addr.hostname,
    served.addr.port,
  );
  deepStrictEqual(served.errors, []);
});

testWith(
  [python],
  "UDPServer goes on when its reply meets a port that is closed",
  async () => {
    // The kernel answers such a reply with an ICMP error.
    await using served = await serveForTest(
      ({ wfile }) => void wfile.write("reply"),
      { server: UDPServer },
    );
    await client(
      `
address = (args[0], int(args[1]))
for _ in range(20):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"and gone", address)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(b"waiting", address)
    assert s.recv(100) == b"reply"
`,
      served.addr.hostname,
      served.addr.port,
    );
  },
);

testWith(
  [python],
  "UnixDatagramServer reports replies to clients without a path, and answers the others",
  async () => {
    await using folder = new Folder();
    const path = folder.at("server");
    const senders: (string | null)[] = [];
    await using served = await serveForTest(
      new UnixDatagramServer({ path }, ({ wfile, clientAddress }) => {
        senders.push(clientAddress.path);
        wfile.write("reply");
      }),
    );
    await client(
      `
path, own = args
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unnamed:
    unnamed.sendto(b"one", path)
    unnamed.sendto(b"two", path)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as named:
    named.bind(own)
    for size in (0, 1, 4096):
        named.sendto(bytes(size), path)
        assert named.recv(100) == b"reply"
`,
      path,
      folder.at("client"),
    );
    const refused =
      "Cannot reply with 5 bytes: the client's socket has no path; it must bind one to be answered";
    deepStrictEqual(
      (await served.untilErrors(2)).map((error) => [
        name(error),
        (error as Error).message,
      ]),
      [["AddrNotAvailable", refused], ["AddrNotAvailable", refused]],
    );
    const own = folder.at("client");
    deepStrictEqual(senders, [null, null, own, own, own]);
  },
);

testWith(
  [python],
  "UnixDatagramServer answers a client whose name is abstract",
  async () => {
    await using folder = new Folder();
    const path = folder.at("server");
    await using served = await serveForTest(
      new UnixDatagramServer({ path }, echoLine),
    );
    await client(
      `
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    # Linux chooses the name.
    s.bind("")
    s.sendto(b"abstract\\n", args[0])
    assert s.recv(100) == b"abstract\\n"
`,
      path,
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "UnixDatagramServer goes on when the client it replies to is gone",
  async () => {
    await using folder = new Folder();
    const path = folder.at("server");
    const { promise: gone, resolve: leave } = Promise.withResolvers<void>();
    await using served = await serveForTest(
      new UnixDatagramServer({ path }, async ({ packet, wfile }) => {
        if (packet[0] === "l".charCodeAt(0)) await gone;
        wfile.write("reply");
      }),
    );
    await using child = start(
      `
path, own = args
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    s.bind(own)
    s.sendto(b"leaving", path)
print("left", flush=True)
sys.stdin.readline()
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    s.bind(own + "2")
    s.sendto(b"staying", path)
    assert s.recv(100) == b"reply"
`,
      path,
      folder.at("client"),
    );
    await child.until("left");
    leave();
    const [error] = await served.untilErrors();
    ok(error instanceof Error);
    await child.send("\n");
    const { code, stderr } = await child.output();
    strictEqual(code, 0, stderr);
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "UnixStreamServer serves clients that are unnamed, abstract and named",
  async () => {
    await using folder = new Folder();
    const path = folder.at("server");
    const peers: (string | null)[] = [];
    await using served = await serveForTest(
      new UnixStreamServer({ path }, async (handler) => {
        peers.push(handler.clientAddress.path);
        await echoLine(handler);
      }),
    );
    await client(
      `
for bound in (None, "", args[1]):
    with socket.socket(socket.AF_UNIX) as s:
        if bound is not None:
            s.bind(bound)
        s.connect(args[0])
        s.sendall(b"who am I\\n")
        with s.makefile("rb") as answer:
            assert answer.read() == b"who am I\\n"
`,
      path,
      folder.at("client"),
    );
    strictEqual(peers.length, 3);
    const [unnamed, abstract, named] = peers;
    strictEqual(unnamed, null);
    // As Deno writes an abstract name: its first character is U+0000.
    strictEqual(abstract!.charCodeAt(0), 0);
    strictEqual(named, folder.at("client"));
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "a bare BaseRequestHandler serves a client of CPython",
  async () => {
    class Bare extends BaseRequestHandler<Deno.Conn> {
      override async handle() {
        const buffer = new Uint8Array(100);
        const n = await this.request.read(buffer);
        await this.request.write(buffer.subarray(0, n!).reverse());
      }
    }
    await using served = await serveForTest(Bare);
    await client(
      `
with socket.create_connection((args[0], int(args[1]))) as s:
    s.sendall(b"stressed")
    with s.makefile("rb") as answer:
        assert answer.read() == b"desserts"
`,
      served.addr.hostname,
      served.addr.port,
    );
    deepStrictEqual(served.errors, []);
  },
);

const ipv6 = hasIPv6();
const withIPv6 = (name: string, fn: () => Promise<void>) =>
  ipv6
    ? testWith([python], name, fn)
    : Deno.test.ignore(`${name} [skipped: no IPv6 loopback]`, fn);

withIPv6(
  "TCPServer and UDPServer serve clients of CPython over IPv6",
  async () => {
    const address = { hostname: "::1", port: 0 };
    await using stream = await serveForTest(new TCPServer(address, echoLine));
    await using datagram = await serveForTest(new UDPServer(address, echoLine));
    strictEqual(stream.addr.hostname, "::1");
    await client(
      `
with socket.socket(socket.AF_INET6) as s:
    s.connect(("::1", int(args[0])))
    s.sendall(b"six\\n")
    with s.makefile("rb") as answer:
        assert answer.read() == b"six\\n"
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
    s.sendto(b"six\\n", ("::1", int(args[1])))
    assert s.recv(100) == b"six\\n"
`,
      stream.addr.port,
      datagram.addr.port,
    );
    deepStrictEqual(stream.errors, []);
  },
);

testWith(
  [python],
  "TLSServer serves CPython's ssl over TLS 1.2 and 1.3 and ends with close_notify",
  async () => {
    await using folder = new Folder();
    const { cert, key, file } = await makeCertificate(folder);
    await using served = await serveForTest(
      new TLSServer({ ...LOOPBACK, cert, key }, echoLine),
    );
    await client(
      `
import ssl
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile=args[2])
    context.minimum_version = context.maximum_version = version
    with socket.create_connection((args[0], int(args[1]))) as plain:
        # Without close_notify, reading the end would raise.
        with context.wrap_socket(plain, server_hostname="localhost",
                                 suppress_ragged_eofs=False) as s:
            assert s.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]
            s.sendall(b"secret\\n")
            assert s.recv(100) == b"secret\\n"
            assert s.recv(100) == b""
`,
      served.addr.hostname,
      served.addr.port,
      file,
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "8 MiB go each way at once over TLS and come back unchanged",
  async () => {
    await using folder = new Folder();
    const { cert, key, file } = await makeCertificate(folder);
    await using served = await serveForTest(
      new TLSServer(
        { ...LOOPBACK, cert, key },
        async ({ rfile, wfile }) => {
          let left = LARGE;
          while (left > 0) {
            const chunk = (await rfile.read(left))!;
            left -= chunk.length;
            await wfile.write(chunk);
          }
        },
      ),
    );
    await client(
      `
import asyncio, hashlib, os, ssl

async def main():
    context = ssl.create_default_context(cafile=args[2])
    reader, writer = await asyncio.open_connection(
        args[0], int(args[1]), ssl=context, server_hostname="localhost")
    size = int(args[3])
    data = os.urandom(size)
    async def send():
        for i in range(0, size, 65536):
            writer.write(data[i:i + 65536])
            await writer.drain()
    async def receive():
        got = hashlib.sha256()
        while part := await reader.read(65536):
            got.update(part)
        return got.digest()
    _, digest = await asyncio.wait_for(asyncio.gather(send(), receive()), 40)
    assert digest == hashlib.sha256(data).digest()
    writer.close()
    await writer.wait_closed()

asyncio.run(main())
`,
      served.addr.hostname,
      served.addr.port,
      file,
      LARGE,
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "a TLS client of CPython that ends its side by close_notify still gets its answer",
  async () => {
    await using folder = new Folder();
    const { cert, key, file } = await makeCertificate(folder);
    await using served = await serveForTest(
      new TLSServer(
        { ...LOOPBACK, cert, key },
        async ({ rfile, wfile }) => {
          const { length } = await rfile.readAll();
          await wfile.write(`${length} bytes received\n`);
        },
      ),
    );
    // A wrapped socket waits for the peer's end when it ends its own side, so
    // the records are moved by hand here.
    await client(
      `
import ssl
context = ssl.create_default_context(cafile=args[2])
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
with socket.create_connection((args[0], int(args[1]))) as s:
    def flush():
        s.sendall(outgoing.read())
    def receive():
        data = s.recv(65536)
        incoming.write(data) if data else incoming.write_eof()
    while True:
        try:
            tls.do_handshake()
            flush()
            break
        except ssl.SSLWantReadError:
            flush()
            receive()
    tls.write(b"q" * 5000)
    flush()
    try:
        tls.unwrap()
    except ssl.SSLError:
        # It has sent close_notify and wants the server's.
        pass
    flush()
    answer = b""
    while True:
        try:
            answer += tls.read(65536)
        except ssl.SSLWantReadError:
            receive()
        except ssl.SSLZeroReturnError:
            # The server's close_notify; a bare end would be another error.
            break
    assert answer == b"5000 bytes received\\n", answer
`,
      served.addr.hostname,
      served.addr.port,
      file,
    );
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [python],
  "TLSServer survives clients of CPython that reset in their handshake or their data",
  async () => {
    await using folder = new Folder();
    const { cert, key, file } = await makeCertificate(folder);
    await using served = await serveForTest(
      new TLSServer({ ...LOOPBACK, cert, key }, bracket, { onError() {} }),
      { allowErrors: isDisconnect },
    );
    await client(
      `
import ssl, struct
address = (args[0], int(args[1]))
context = ssl.create_default_context(cafile=args[2])
def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
def wrapped():
    return context.wrap_socket(socket.create_connection(address),
                               server_hostname="localhost")
for sent in (b"", b"\\x16", b"\\x16\\x03\\x01\\x02\\x00\\x01"):
    s = socket.create_connection(address)
    s.sendall(sent)
    reset(s)
s = wrapped()
s.sendall(b"one\\n")
assert s.recv(100) == b"<one>\\n"
reset(s)
with wrapped() as s:
    s.sendall(b"two\\n")
    assert s.recv(100) == b"<two>\\n"
`,
      served.addr.hostname,
      served.addr.port,
      file,
    );
  },
);
