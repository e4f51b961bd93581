// Groups, and how far datagrams go. IPv4's go over the loopback interface; where
// that takes no multicasts of IPv6, as nearly everywhere, those stay in this
// machine by their scope and their hop limit, 0.

import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  cmsgSpace,
  ifNameToIndex,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_RECVTTL,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_RECVHOPLIMIT,
  IPV6_UNICAST_HOPS,
  joinGroup,
  leaveGroup,
  MSG_DONTWAIT,
  type MulticastInterface,
  setMulticastInterface,
  SO_REUSEADDR,
  SOCK_DGRAM,
  Socket,
  SOL_SOCKET,
} from "../../poll/mod.ts";
import { Program, testWith } from "../_program.ts";
import { datagramSocket, decode, encode, failure } from "./_sockets.ts";

const python = new Program("python3", "python3");

/** A group of its own for each test: files run side by side. */
let last = 0;
const group = () => `239.255.${Deno.pid % 250}.${++last}`;

/** A member of a group on the loopback interface. */
function member(address: string, iface: MulticastInterface): Socket {
  const socket = new Socket(AF_INET, SOCK_DGRAM);
  socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, true);
  socket.bind({ hostname: address, port: 0 });
  joinGroup(socket, address, iface);
  return socket;
}

const LO: MulticastInterface[] = ["127.0.0.1", "lo", ifNameToIndex("lo")];

for (const iface of LO) {
  Deno.test(`a member gets a group's datagrams until it leaves, by ${typeof iface} ${iface}`, async () => {
    const address = group();
    using receiver = member(address, iface);
    using sender = new Socket(AF_INET, SOCK_DGRAM);
    setMulticastInterface(sender, iface);
    const to = receiver.getsockname();
    await sender.sendTo(encode("to all"), to);
    const [data, from] = await receiver.recvFrom(100);
    strictEqual(decode(data), "to all");
    strictEqual(
      (from as Deno.NetAddr).port,
      (sender.getsockname() as Deno.NetAddr).port,
    );
    throws(() => joinGroup(receiver, address, iface), Deno.errors.AddrInUse);
    leaveGroup(receiver, address, iface);
    throws(
      () => leaveGroup(receiver, address, iface),
      Deno.errors.AddrNotAvailable,
    );
    await sender.sendTo(encode("not to it"), to);
    // On the loopback interface it would have come before sending returned.
    strictEqual(
      (await failure(() => receiver.recv(100, MSG_DONTWAIT))).code,
      "EAGAIN",
    );
  });
}

Deno.test("two members of one group and port get each datagram", async () => {
  const address = group();
  using one = member(address, "127.0.0.1");
  const { port } = one.getsockname() as Deno.NetAddr;
  using two = new Socket(AF_INET, SOCK_DGRAM);
  two.setsockopt(SOL_SOCKET, SO_REUSEADDR, true);
  two.bind({ hostname: address, port });
  joinGroup(two, address, "127.0.0.1");
  using sender = new Socket(AF_INET, SOCK_DGRAM);
  setMulticastInterface(sender, "127.0.0.1");
  await sender.sendTo(encode("both"), { hostname: address, port });
  for (const receiver of [one, two]) {
    strictEqual(decode(await receiver.recv(100)), "both");
  }
});

Deno.test("IP_MULTICAST_TTL, IP_MULTICAST_LOOP and IP_TTL are those of what is sent", async () => {
  const address = group();
  using receiver = member(address, "127.0.0.1");
  receiver.setsockopt(IPPROTO_IP, IP_RECVTTL, true);
  using sender = new Socket(AF_INET, SOCK_DGRAM);
  setMulticastInterface(sender, "127.0.0.1");
  const ttl = async () => {
    const { control } = await receiver.recvmsg(10, cmsgSpace(4));
    return control[0]!.data[0];
  };
  sender.sendToSync(encode("x"), receiver.getsockname());
  strictEqual(await ttl(), 1);
  sender.setsockopt(IPPROTO_IP, IP_MULTICAST_TTL, 9);
  sender.setsockopt(IPPROTO_IP, IP_TTL, 99);
  sender.sendToSync(encode("x"), receiver.getsockname());
  strictEqual(await ttl(), 9);
  sender.setsockopt(IPPROTO_IP, IP_MULTICAST_LOOP, false);
  strictEqual(sender.getsockopt(IPPROTO_IP, IP_MULTICAST_LOOP), 0);
  using ours = datagramSocket();
  ours.setsockopt(IPPROTO_IP, IP_RECVTTL, true);
  sender.sendToSync(encode("x"), ours.getsockname());
  const { control } = ours.recvmsgSync(10, cmsgSpace(4));
  strictEqual(control[0]!.data[0], 99);
});

Deno.test("setMulticastInterface sets what getsockopt tells", () => {
  using ipv4 = new Socket(AF_INET, SOCK_DGRAM);
  const address = () => [...ipv4.getsockopt(IPPROTO_IP, IP_MULTICAST_IF, 4)];
  deepStrictEqual(address(), [0, 0, 0, 0]);
  setMulticastInterface(ipv4, "127.0.0.1");
  deepStrictEqual(address(), [127, 0, 0, 1]);
  setMulticastInterface(ipv4, 0);
  deepStrictEqual(address(), [0, 0, 0, 0]);
  using ipv6 = new Socket(AF_INET6, SOCK_DGRAM);
  for (const [iface, index] of [["lo", ifNameToIndex("lo")], [0, 0]] as const) {
    setMulticastInterface(ipv6, iface);
    strictEqual(ipv6.getsockopt(IPPROTO_IPV6, IPV6_MULTICAST_IF), index);
  }
});

Deno.test("groups of IPv6 are joined by index and name, and left", () => {
  using socket = new Socket(AF_INET6, SOCK_DGRAM);
  for (const iface of ["lo", ifNameToIndex("lo")]) {
    joinGroup(socket, "ff02::4242", iface);
    ok(joined("ff024242"));
    throws(
      () => joinGroup(socket, "ff02:0::4242", iface),
      Deno.errors.AddrInUse,
    );
    leaveGroup(socket, "FF02::4242", iface);
    throws(
      () => leaveGroup(socket, "ff02::4242", iface),
      Deno.errors.AddrNotAvailable,
    );
  }
});

/** Whether this machine is in a group on its loopback interface; proc(5). */
function joined(digits: string): boolean {
  const [start, end] = [digits.slice(0, 4), digits.slice(4)];
  return Deno.readTextFileSync("/proc/net/igmp6").split("\n").some((line) =>
    line.includes(" lo ") &&
    line.includes(`${start}${"0".repeat(24)}${end}`)
  );
}

/** An interface that takes multicasts of IPv6, if there is one. */
const wide = [
  ...new Set(
    Deno.networkInterfaces()
      .filter(({ family, address, mac }) =>
        family === "IPv6" && address.startsWith("fe80:") &&
        mac !== "00:00:00:00:00:00"
      )
      .map(({ name }) => name),
  ),
][0];

Deno.test({
  name:
    `multicasts of IPv6 stay in this machine, and come with their hop limit${
      wide === undefined ? " [skipped: no interface takes them]" : ""
    }`,
  ignore: wide === undefined,
  async fn() {
    const address = `ff01::${(Deno.pid % 0xffff).toString(16)}`;
    using receiver = new Socket(AF_INET6, SOCK_DGRAM);
    receiver.bind({ hostname: "::", port: 0 });
    receiver.setsockopt(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, true);
    const { port } = receiver.getsockname() as Deno.NetAddr;
    joinGroup(receiver, address, wide!);
    using sender = new Socket(AF_INET6, SOCK_DGRAM);
    setMulticastInterface(sender, wide!);
    for (const hops of [0, 7]) {
      sender.setsockopt(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops);
      await sender.sendTo(encode("six"), { hostname: address, port });
      using message = await receiver.recvmsg(100, cmsgSpace(4));
      strictEqual(decode(message.data), "six");
      strictEqual(message.control[0]!.data[0], hops);
    }
    sender.setsockopt(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, false);
    await sender.sendTo(encode("six"), { hostname: address, port });
    sender.setsockopt(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 5);
    await sender.sendTo(encode("one"), { hostname: "::1", port });
    using message = await receiver.recvmsg(100, cmsgSpace(4));
    strictEqual(decode(message.data), "one");
    strictEqual(message.control[0]!.data[0], 5);
    leaveGroup(receiver, address, wide!);
  },
});

Deno.test("what is no group, no interface or no such socket is refused", async () => {
  using ipv4 = new Socket(AF_INET, SOCK_DGRAM);
  using ipv6 = new Socket(AF_INET6, SOCK_DGRAM);
  using unix = new Socket(AF_UNIX, SOCK_DGRAM);
  for (
    const [socket, address, iface, Class, message] of [
      [ipv4, "127.0.0.1", 0, TypeError, /multicast address, an IPv4 one/],
      [ipv4, "223.255.255.255", 0, TypeError, /multicast address/],
      [ipv4, "240.0.0.0", 0, TypeError, /multicast address/],
      [ipv4, "ff02::1234", 0, TypeError, /multicast address/],
      [ipv4, "localhost", 0, TypeError, /"localhost"/],
      [ipv4, undefined, 0, TypeError, /undefined/],
      [ipv4, "239.1.1.1", "no.such.iface", Error, /ENODEV/],
      [ipv4, "239.1.1.1", 0x7fff_ffff, Error, /ENODEV/],
      [ipv4, "239.1.1.1", "192.0.2.99", Error, /ENODEV/],
      [ipv4, "239.1.1.1", -1, RangeError, /index of an interface/],
      [ipv4, "239.1.1.1", NaN, TypeError, /index of an interface/],
      [ipv4, "239.1.1.1", null, TypeError, /index of an interface/],
      [ipv6, "fe80::1", 0, TypeError, /multicast address, an IPv6 one/],
      [ipv6, "239.1.1.1", 0, TypeError, /multicast address/],
      [ipv6, "ff02::1%lo", 0, TypeError, /without a scope/],
      [ipv6, "ff02::zz", 0, TypeError, /multicast address/],
      [ipv6, "ff02:::", 0, TypeError, /multicast address/],
      [ipv6, "ff02::1", "", TypeError, /name of an interface/],
      [ipv6, "ff02::1", 0x7fff_ffff, Error, /ENODEV/],
      [unix, "239.1.1.1", 0, TypeError, /neither of IPv4 nor of IPv6/],
    ] as [Socket, string, MulticastInterface, new () => Error, RegExp][]
  ) {
    for (const call of [joinGroup, leaveGroup]) {
      const error = await failure(() => call(socket, address, iface));
      ok(error instanceof Class, `${address} ${iface}: ${error}`);
      if (call === joinGroup) match(error.message, message);
    }
  }
  throws(() => setMulticastInterface(unix, 0), TypeError);
  throws(
    () => setMulticastInterface(ipv4, "192.0.2.99"),
    Deno.errors.AddrNotAvailable,
  );
  ipv4.close();
  for (
    const call of [
      () => joinGroup(ipv4, "239.1.1.1", "127.0.0.1"),
      () => leaveGroup(ipv4, "239.1.1.1", "127.0.0.1"),
      () => setMulticastInterface(ipv4, "127.0.0.1"),
    ]
  ) throws(call, Deno.errors.BadResource);
});

testWith(
  [python],
  "groups are CPython's: it sends to ours, and we to its",
  async () => {
    const address = group();
    using receiver = member(address, "127.0.0.1");
    const { port } = receiver.getsockname() as Deno.NetAddr;
    await using child = python.start(
      "-u",
      "-c",
      `
import socket, sys
group, port = sys.argv[1], int(sys.argv[2])
lo = socket.inet_aton("127.0.0.1")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(40)
s.bind((group, 0))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
    socket.inet_aton(group) + lo)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, lo)
print("port %d." % s.getsockname()[1])
print(s.recvfrom(100)[0].decode())
s.sendto(b"from CPython", (group, port))
`,
      address,
      String(port),
    );
    const [, theirs] = await child.until(/port (\d+)\./);
    using sender = new Socket(AF_INET, SOCK_DGRAM);
    setMulticastInterface(sender, "127.0.0.1");
    await sender.sendTo(encode("from us"), {
      hostname: address,
      port: Number(theirs),
    });
    await child.until("from us");
    strictEqual(decode(await receiver.recv(100)), "from CPython");
    strictEqual((await child.output()).code, 0);
  },
);
