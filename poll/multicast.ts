import { describe, integer } from "./_check.ts";
import {
  AF_INET,
  AF_INET6,
  AI_NUMERICHOST,
  IP_ADD_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_MULTICAST_IF,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_JOIN_GROUP,
  IPV6_LEAVE_GROUP,
  IPV6_MULTICAST_IF,
} from "./constants_socket.ts";
import { askSync } from "./_addrinfo.ts";
import { ifNameToIndex } from "./interfaces.ts";
import { parseIPv4 } from "./_sockaddr.ts";
import type { Socket } from "./socket.ts";

/** Groups of IP multicast: options of ip(7) and ipv6(7) with C's structures. */

/**
 * A network interface: its name, its index, or of IPv4 sockets an IPv4 address
 * that it has. Index 0 is the system's choice.
 */
export type MulticastInterface = string | number;

/**
 * Receives what is sent to a multicast group; `IP_ADD_MEMBERSHIP` of ip(7),
 * `IPV6_JOIN_GROUP` of ipv6(7). Bind the socket to the group's port first, with
 * `SO_REUSEADDR` where others of this machine do so too.
 *
 * @param socket A datagram socket of IPv4 or IPv6.
 * @param group The group's address, as `"239.1.2.3"` or `"ff02::1234"`.
 * @param iface Where to receive. Default: 0, the system's choice.
 * @throws {TypeError} If the group is no multicast address of the socket's
 * family, or the socket is neither IPv4 nor IPv6.
 * @throws {Deno.errors.AddrInUse} If the socket is in the group already.
 * @throws {Error} With code `ENODEV` if there is no such interface.
 * @throws {Deno.errors.BadResource} If the socket is closed.
 *
 * @example
 * ```ts
 * import {
 *   AF_INET,
 *   joinGroup,
 *   setMulticastInterface,
 *   SOCK_DGRAM,
 *   Socket,
 * } from "@wire/socketserver/poll";
 * import { strictEqual } from "node:assert";
 *
 * using member = new Socket(AF_INET, SOCK_DGRAM);
 * member.bind({ hostname: "239.255.7.7", port: 0 });
 * joinGroup(member, "239.255.7.7", "127.0.0.1");
 *
 * using sender = new Socket(AF_INET, SOCK_DGRAM);
 * setMulticastInterface(sender, "127.0.0.1");
 * sender.sendToSync(new Uint8Array(3), member.getsockname());
 * strictEqual(member.recvSync(10).length, 3);
 * ```
 */
export function joinGroup(
  socket: Socket,
  group: string,
  iface: MulticastInterface = 0,
): void {
  change(socket, group, iface, IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP);
}

/**
 * Receives no more what is sent to a multicast group; `IP_DROP_MEMBERSHIP` of
 * ip(7), `IPV6_LEAVE_GROUP` of ipv6(7). Closing the socket does it, too.
 *
 * @param socket The socket that has joined it.
 * @param group The group's address.
 * @param iface Where it was joined. Default: 0, the system's choice.
 * @throws {TypeError} If the group is no multicast address of the socket's
 * family, or the socket is neither IPv4 nor IPv6.
 * @throws {Deno.errors.AddrNotAvailable} If the socket is not in the group.
 * @throws {Error} With code `ENODEV` if there is no such interface.
 * @throws {Deno.errors.BadResource} If the socket is closed.
 */
export function leaveGroup(
  socket: Socket,
  group: string,
  iface: MulticastInterface = 0,
): void {
  change(socket, group, iface, IP_DROP_MEMBERSHIP, IPV6_LEAVE_GROUP);
}

/**
 * By which interface a socket sends multicasts; `IP_MULTICAST_IF` of ip(7),
 * `IPV6_MULTICAST_IF` of ipv6(7). How far they go is set by `IP_MULTICAST_TTL`
 * and `IPV6_MULTICAST_HOPS`, whether this machine gets them by
 * `IP_MULTICAST_LOOP` and `IPV6_MULTICAST_LOOP`.
 *
 * @param socket A datagram socket of IPv4 or IPv6.
 * @param iface The interface; 0 for the system's choice.
 * @throws {TypeError} If the socket is neither IPv4 nor IPv6.
 * @throws {Error} With code `ENODEV` if there is no such interface.
 * @throws {Deno.errors.AddrNotAvailable} If no interface has that address.
 * @throws {Deno.errors.BadResource} If the socket is closed.
 */
export function setMulticastInterface(
  socket: Socket,
  iface: MulticastInterface,
): void {
  const action = "set the interface for multicasts";
  if (checkFamily(socket, action) === AF_INET6) {
    const index = toIndex(iface);
    socket.setsockopt(IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
  } else {
    // The kernel passes over the group.
    const request = ipRequest([0, 0, 0, 0], iface);
    socket.setsockopt(
      IPPROTO_IP,
      IP_MULTICAST_IF,
      request.length === MREQ_SIZE ? request.subarray(4) : request,
    );
  }
}

// `struct ip_mreq` of ip(7): the group and an address; `struct ip_mreqn` has an
// index besides. `struct ipv6_mreq` of ipv6(7): the group and an index. The same
// on Linux, x86-64 and arm64, and macOS.
const MREQ_SIZE = 8;
const MREQN_SIZE = 12;
const MREQ6_SIZE = 20;

function change(
  socket: Socket,
  group: string,
  iface: MulticastInterface,
  ip: number,
  ipv6: number,
): void {
  const action = `use group ${describe(group)}`;
  if (checkFamily(socket, action) === AF_INET) {
    const bytes = typeof group === "string" ? parseIPv4(group) : undefined;
    // 224.0.0.0/4; RFC 5771.
    if (bytes === undefined || bytes[0]! >> 4 !== 14) {
      throw noGroup(action, 'an IPv4 one, as "239.1.2.3"');
    }
    socket.setsockopt(IPPROTO_IP, ip, ipRequest(bytes, iface));
    return;
  }
  const bytes = parseIPv6(group);
  // ff00::/8; RFC 4291, 2.7.
  if (bytes?.[0] !== 0xff) {
    throw noGroup(action, 'an IPv6 one, as "ff02::1234", without a scope');
  }
  const request = new Uint8Array(MREQ6_SIZE);
  request.set(bytes);
  const index = toIndex(iface);
  new DataView(request.buffer).setUint32(16, index, true);
  socket.setsockopt(IPPROTO_IPV6, ipv6, request);
}

function ipRequest(
  group: readonly number[],
  iface: MulticastInterface,
): Uint8Array {
  const address = typeof iface === "string" ? parseIPv4(iface) : undefined;
  if (address !== undefined) return Uint8Array.of(...group, ...address);
  const request = new Uint8Array(MREQN_SIZE);
  request.set(group);
  new DataView(request.buffer).setInt32(MREQ_SIZE, toIndex(iface), true);
  return request;
}

function toIndex(iface: MulticastInterface): number {
  return typeof iface === "string"
    ? ifNameToIndex(iface)
    : integer(iface, "the index of an interface", 0, 0x7fff_ffff);
}

function parseIPv6(group: string): Uint8Array | undefined {
  // Of hexadecimal numbers and colons alone, no name: nobody is asked for it.
  if (typeof group !== "string" || !/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(group)) {
    return undefined;
  }
  try {
    const [found] = askSync({
      hostname: group,
      service: null,
      family: AF_INET6,
      type: 0,
      protocol: 0,
      flags: AI_NUMERICHOST,
    });
    return found?.address.subarray(8, 24);
  } catch {
    return undefined;
  }
}

function checkFamily(socket: Socket, action: string): number {
  const { family } = socket;
  if (family === AF_INET || family === AF_INET6) return family;
  throw new TypeError(
    `Cannot ${action}: the socket is neither of IPv4 nor of IPv6`,
  );
}

function noGroup(action: string, wanted: string): TypeError {
  return new TypeError(
    `Cannot ${action}: the socket takes a multicast address, ${wanted}`,
  );
}
