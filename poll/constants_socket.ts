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
