import { deepStrictEqual, strictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import { end, startExample } from "./_example.ts";

const LO = "127.0.0.1";
const python = new Program("python3", "python3");

/** Nobody else's: another run of these tests may be under way. */
const PORT = freePort();

const offer = (...args: (string | number)[]) =>
  startExample("multicast_discovery", {}, ["offer", ...args, LO, PORT]);

Deno.test("multicast_discovery.ts finds every service once, and none that has gone", async () => {
  const find = async () => {
    await using child = startExample("multicast_discovery", {}, [
      "find",
      LO,
      PORT,
    ]);
    const { code, stdout, stderr } = await child.output();
    deepStrictEqual([code, stderr], [0, ""]);
    return new TextDecoder().decode(stdout);
  };
  await using printer = offer("printer", 631);
  await using scanner = offer("scanner", 6566);
  await printer.until("Offering printer");
  await scanner.until("Offering scanner");
  strictEqual(
    await find(),
    `printer at ${LO}:631\nscanner at ${LO}:6566\n2 found\n`,
  );
  deepStrictEqual((await end(printer)).code, 0);
  strictEqual(await find(), `scanner at ${LO}:6566\n1 found\n`);
  deepStrictEqual((await end(scanner, "SIGTERM")).code, 0);
  strictEqual(await find(), "0 found\n");
});

testWith(
  [python],
  "multicast_discovery.ts answers CPython, and prints nothing that is odd",
  async () => {
    await using service = offer("lamp", 80);
    await service.until("Offering lamp");
    strictEqual(
      await python.run([
        "-c",
        `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("${LO}"))
for data in b"", b"what?", b"\\xff" * 1000, b"who is there?":
    s.sendto(data, ("239.255.43.21", ${PORT}))
print(s.recv(1000).decode())
`,
      ]),
      "80 lamp\n",
    );
    await using liar = python.start(
      "-u",
      "-c",
      `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(40)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("239.255.43.21", ${PORT}))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
    socket.inet_aton("239.255.43.21") + socket.inet_aton("${LO}"))
print("lying")
data, to = s.recvfrom(100)
for answer in b"", b"1 \\x1b[2J", b"99999999 far", b"\\xff", b"22 true":
    s.sendto(answer, to)
`,
    );
    await liar.until("lying");
    await using child = startExample("multicast_discovery", {}, [
      "find",
      LO,
      PORT,
    ]);
    const { stdout } = await child.output();
    strictEqual(
      new TextDecoder().decode(stdout),
      `lamp at ${LO}:80\ntrue at ${LO}:22\n2 found\n`,
    );
  },
);

Deno.test("multicast_discovery.ts says what it takes", async () => {
  await using child = startExample("multicast_discovery", {}, ["offer"]);
  const { code, stderr } = await child.output();
  strictEqual(code, 1);
  strictEqual(
    stderr,
    "Give: find [interface [port]], or: offer name port [interface [port]]\n",
  );
});

function freePort(): number {
  const socket = Deno.listenDatagram({
    transport: "udp",
    hostname: LO,
    port: 0,
  });
  socket.close();
  return (socket.addr as Deno.NetAddr).port;
}
