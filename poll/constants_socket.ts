/**
 * Sources. Linux: include/linux/socket.h, include/uapi/asm-generic/socket.h,
 * include/uapi/linux/in.h, in6.h, tcp.h; the same on x86-64 and arm64. macOS:
 * bsd/sys/socket.h, bsd/netinet/in.h, bsd/netinet/tcp.h of xnu.
 */
import { pick } from "./_platform.ts";

/** Address family of Unix sockets; unix(7). */
export const AF_UNIX: number = 1;

/** Address family of IPv4; ip(7). */
export const AF_INET: number = 2;

/** Address family of IPv6; ipv6(7). */
export const AF_INET6: number = pick(10, 30);

/** A connection that carries bytes in order; socket(2). */
export const SOCK_STREAM: number = 1;

/** Datagrams, each on its own; socket(2). */
export const SOCK_DGRAM: number = 2;

/** A connection that keeps messages apart and in order, of Unix sockets; unix(7). */
export const SOCK_SEQPACKET: number = 5;

/** The most connections that `listen` lets wait, unless the system is set otherwise; listen(2). */
export const SOMAXCONN: number = pick(4096, 128);

/** Ends the reading side; shutdown(2). */
export const SHUT_RD: number = 0;

/** Ends the writing side, the peer reads to the end; shutdown(2). */
export const SHUT_WR: number = 1;

/** Ends both sides; shutdown(2). */
export const SHUT_RDWR: number = 2;

/** Urgent data; recv(2), send(2). */
export const MSG_OOB: number = 0x1;

/** Leaves what was received where it is; recv(2). */
export const MSG_PEEK: number = 0x2;

/** `recvInto` returns a datagram's real length, even past the buffer; of a TCP stream the bytes are counted and dropped, those of `recv` with it; recv(2), tcp(7). */
export const MSG_TRUNC: number = pick(0x20, 0x10);

/** Fails where the call would wait, whatever the socket's timeout, promised calls too; recv(2), send(2). */
export const MSG_DONTWAIT: number = pick(0x40, 0x80);

/** Waits for as many bytes of a stream as were asked for; fewer come at its end, at a timeout and after an abort, nothing more is waited for with `MSG_DONTWAIT`; recv(2). */
export const MSG_WAITALL: number = pick(0x100, 0x40);

/** Fails with EPIPE and sends no SIGPIPE; every call of this module has it already; send(2). */
export const MSG_NOSIGNAL: number = pick(0x4000, 0x80000);

/** Sends to directly connected hosts only; send(2). */
export const MSG_DONTROUTE: number = 0x4;

/** Ends a record, of sockets that have records; send(2). */
export const MSG_EOR: number = pick(0x80, 0x8);

/** Tells the link layer that the peer has answered; Linux only, 0 elsewhere; send(2). */
export const MSG_CONFIRM: number = pick(0x800, 0);

/** Receives what was sent in vain from the queue of errors; Linux only, 0 elsewhere; recv(2). */
export const MSG_ERRQUEUE: number = pick(0x2000, 0);

/** More follows: waits before it sends a small segment or a datagram; Linux only, 0 elsewhere; send(2). */
export const MSG_MORE: number = pick(0x8000, 0);

/** Of what `recvmsg` tells: control messages, or descriptors, did not fit and were dropped; recv(2). */
export const MSG_CTRUNC: number = pick(0x8, 0x20);

/** Received descriptors are closed on exec: `recvmsg` has it always; Linux only, 0 elsewhere; recv(2). */
export const MSG_CMSG_CLOEXEC: number = pick(0x4000_0000, 0);

/** Level of the options that every socket has; socket(7). */
export const SOL_SOCKET: number = pick(1, 0xffff);

/** Binds to an address that old connections still hold; socket(7). */
export const SO_REUSEADDR: number = pick(2, 0x4);

/** The socket's type, to read; socket(7). */
export const SO_TYPE: number = pick(3, 0x1008);

/** The pending error number, cleared by reading; socket(7). */
export const SO_ERROR: number = pick(4, 0x1007);

/** Sends to directly connected hosts only; socket(7). */
export const SO_DONTROUTE: number = pick(5, 0x10);

/** Allows datagrams to broadcast addresses; socket(7). */
export const SO_BROADCAST: number = pick(6, 0x20);

/** Size of the send buffer in bytes; Linux doubles what is set; socket(7). */
export const SO_SNDBUF: number = pick(7, 0x1001);

/** Size of the receive buffer in bytes; Linux doubles what is set; socket(7). */
export const SO_RCVBUF: number = pick(8, 0x1002);

/** Sends probes over silent connections; socket(7). */
export const SO_KEEPALIVE: number = pick(9, 0x8);

/** Leaves urgent data among the rest; socket(7). */
export const SO_OOBINLINE: number = pick(10, 0x100);

/** Whether closing waits, a `struct linger` of two 32-bit integers; socket(7). */
export const SO_LINGER: number = pick(13, 0x80);

/** Lets several sockets bind to one address, the kernel spreads what comes; socket(7). */
export const SO_REUSEPORT: number = pick(15, 0x200);

/** Has `recvmsg` tell who sent each message, as `SCM_CREDENTIALS`; Linux only, 0 elsewhere; unix(7). */
export const SO_PASSCRED: number = pick(16, 0);

/** Who connected or listened, to read, a `struct ucred`: see `peerCredentials`; Linux only, 0 elsewhere; unix(7). */
export const SO_PEERCRED: number = pick(17, 0);

/** Sends and receives by one interface only, given by name; Linux only, 0 elsewhere; socket(7). */
export const SO_BINDTODEVICE: number = pick(25, 0);

/** The socket's protocol, to read; Linux only, 0 elsewhere; socket(7). */
export const SO_PROTOCOL: number = pick(38, 0);

/** The socket's address family, to read; Linux only, 0 elsewhere; socket(7). */
export const SO_DOMAIN: number = pick(39, 0);

/** Type of a control message of `SOL_SOCKET` that carries descriptors; unix(7). */
export const SCM_RIGHTS: number = 1;

/** Type of a control message of `SOL_SOCKET` that tells the sender, a `struct ucred` of three 32-bit integers: process, user, group; Linux only, 0 elsewhere; unix(7). */
export const SCM_CREDENTIALS: number = pick(2, 0);

/** A receive timeout of the kernel's, to read; setting it throws, `setTimeout` does it here; socket(7). */
export const SO_RCVTIMEO: number = pick(20, 0x1006);

/** A send timeout of the kernel's, to read; setting it throws, `setTimeout` does it here; socket(7). */
export const SO_SNDTIMEO: number = pick(21, 0x1005);

/** Whether the socket listens, to read; socket(7). */
export const SO_ACCEPTCONN: number = pick(30, 0x2);

/** Level of IPv4's options; ip(7). */
export const IPPROTO_IP: number = 0;

/** TCP, and the level of its options; tcp(7). */
export const IPPROTO_TCP: number = 6;

/** UDP, and the level of its options; udp(7). */
export const IPPROTO_UDP: number = 17;

/** Level of IPv6's options; ipv6(7). */
export const IPPROTO_IPV6: number = 41;

/** The type of service of what is sent, the DSCP in its upper six bits; ip(7). */
export const IP_TOS: number = pick(1, 3);

/** How many routers what is sent may pass, from 1 to 255; ip(7). */
export const IP_TTL: number = pick(2, 4);

/** Has `recvmsg` tell where each datagram was sent to, as a control message of this type, a `struct in_pktinfo`; ip(7). */
export const IP_PKTINFO: number = pick(8, 26);

/** Has `recvmsg` tell how many routers each datagram might still have passed, a 32-bit integer of type `IP_TTL`; ip(7). */
export const IP_RECVTTL: number = pick(12, 24);

/** By which interface multicasts are sent: see `setMulticastInterface`; ip(7). */
export const IP_MULTICAST_IF: number = pick(32, 9);

/** How many routers a multicast may pass, 1 unless it is set; ip(7). */
export const IP_MULTICAST_TTL: number = pick(33, 10);

/** Whether this machine gets its own multicasts, as it does unless told otherwise; ip(7). */
export const IP_MULTICAST_LOOP: number = pick(34, 11);

/** Receives a group's multicasts, a `struct ip_mreq`: see `joinGroup`; ip(7). */
export const IP_ADD_MEMBERSHIP: number = pick(35, 12);

/** Receives them no more, a `struct ip_mreq`: see `leaveGroup`; ip(7). */
export const IP_DROP_MEMBERSHIP: number = pick(36, 13);

/** How many routers what is sent may pass, -1 for the system's default; ipv6(7). */
export const IPV6_UNICAST_HOPS: number = pick(16, 4);

/** By which interface multicasts are sent, its index: see `setMulticastInterface`; ipv6(7). */
export const IPV6_MULTICAST_IF: number = pick(17, 9);

/** How many routers a multicast may pass, 1 unless it is set; ipv6(7). */
export const IPV6_MULTICAST_HOPS: number = pick(18, 10);

/** Whether this machine gets its own multicasts, as it does unless told otherwise; ipv6(7). */
export const IPV6_MULTICAST_LOOP: number = pick(19, 11);

/** Receives a group's multicasts, a `struct ipv6_mreq`: see `joinGroup`; ipv6(7). */
export const IPV6_JOIN_GROUP: number = pick(20, 12);

/** Receives them no more, a `struct ipv6_mreq`: see `leaveGroup`; ipv6(7). */
export const IPV6_LEAVE_GROUP: number = pick(21, 13);

/** Has `recvmsg` tell where each datagram was sent to, as `IPV6_PKTINFO`; RFC 3542, 6.1. */
export const IPV6_RECVPKTINFO: number = pick(49, 61);

/** A control message: where a datagram was sent to, or from where to send, a `struct in6_pktinfo`; RFC 3542, 6.1. */
export const IPV6_PKTINFO: number = pick(50, 46);

/** Has `recvmsg` tell how many routers each datagram might still have passed, as `IPV6_HOPLIMIT`; RFC 3542, 6.3. */
export const IPV6_RECVHOPLIMIT: number = pick(51, 37);

/** A control message: how many routers a datagram may still pass, a 32-bit integer; RFC 3542, 6.3. */
export const IPV6_HOPLIMIT: number = pick(52, 47);

/** Has `recvmsg` tell each datagram's traffic class, as `IPV6_TCLASS`; RFC 3542, 6.5. */
export const IPV6_RECVTCLASS: number = pick(66, 35);

/** The traffic class of what is sent, and a control message of it, a 32-bit integer; RFC 3542, 6.5. */
export const IPV6_TCLASS: number = pick(67, 36);

/** Keeps an IPv6 socket from taking IPv4 connections; ipv6(7). */
export const IPV6_V6ONLY: number = pick(26, 27);

/** Sends small segments at once; tcp(7). */
export const TCP_NODELAY: number = 1;

/** Seconds of silence before the first probe; TCP_KEEPALIVE on macOS; tcp(7). */
export const TCP_KEEPIDLE: number = pick(4, 0x10);

/** Seconds between probes; tcp(7). */
export const TCP_KEEPINTVL: number = pick(5, 0x101);

/** Probes without an answer that end a connection; tcp(7). */
export const TCP_KEEPCNT: number = pick(6, 0x102);

/** The longest segment to send, in bytes; tcp(7). */
export const TCP_MAXSEG: number = 2;

/** Holds partial segments back until it is cleared, 200 ms at most; TCP_NOPUSH on macOS; tcp(7). */
export const TCP_CORK: number = pick(3, 4);

/** How often a SYN is sent again before connecting fails; Linux only, 0 elsewhere; tcp(7). */
export const TCP_SYNCNT: number = pick(7, 0);

/** How many seconds a connection that was closed here waits for the peer's end; Linux only, 0 elsewhere; tcp(7). */
export const TCP_LINGER2: number = pick(8, 0);

/** Wakes who accepts only when bytes have come, or after so many seconds; Linux only, 0 elsewhere; tcp(7). */
export const TCP_DEFER_ACCEPT: number = pick(9, 0);

/** The largest window to advertise, in bytes; Linux only, 0 elsewhere; tcp(7). */
export const TCP_WINDOW_CLAMP: number = pick(10, 0);

/** What the kernel knows of a connection, to read, a `struct tcp_info`; Linux only, 0 elsewhere; tcp(7). */
export const TCP_INFO: number = pick(11, 0);

/** Acknowledges at once, until the kernel changes its mind; Linux only, 0 elsewhere; tcp(7). */
export const TCP_QUICKACK: number = pick(12, 0);

/** The algorithm of congestion control, by name; Linux only, 0 elsewhere; tcp(7). */
export const TCP_CONGESTION: number = pick(13, 0);

/** How many milliseconds sent data may be unacknowledged before the connection is closed; Linux only, 0 elsewhere; tcp(7). */
export const TCP_USER_TIMEOUT: number = pick(18, 0);

/** How many connections with data in their SYN a listener lets wait; tcp(7), RFC 7413. */
export const TCP_FASTOPEN: number = pick(23, 0x105);

/** How many unsent bytes there may be before the socket is writable no more; tcp(7). */
export const TCP_NOTSENT_LOWAT: number = pick(25, 0x201);

/** For `getaddrinfo`: addresses to bind; without a name, any of this machine; getaddrinfo(3). */
export const AI_PASSIVE: number = 0x1;

/** For `getaddrinfo`: tells the name's canonical form, too; getaddrinfo(3). */
export const AI_CANONNAME: number = 0x2;

/** For `getaddrinfo`: the name must be an IP address, nobody is asked; getaddrinfo(3). */
export const AI_NUMERICHOST: number = 0x4;

/** For `getaddrinfo`: IPv6 addresses, and IPv4 ones mapped to them where there are none; getaddrinfo(3). */
export const AI_V4MAPPED: number = pick(0x8, 0x800);

/** For `getaddrinfo`, with `AI_V4MAPPED`: IPv6 addresses and mapped IPv4 ones; getaddrinfo(3). */
export const AI_ALL: number = pick(0x10, 0x100);

/** For `getaddrinfo`: addresses of families that this machine has an address of; getaddrinfo(3). */
export const AI_ADDRCONFIG: number = pick(0x20, 0x400);

/** For `getaddrinfo`: the service must be a number; getaddrinfo(3). */
export const AI_NUMERICSERV: number = pick(0x400, 0x1000);
