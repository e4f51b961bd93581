/**
 * Sources. Linux: include/uapi/asm-generic/poll.h and include/uapi/linux/eventpoll.h, the
 * same on x86-64 and arm64. macOS: bsd/sys/poll.h of xnu. Meanings: poll(2),
 * epoll_ctl(2).
 */
import { pick } from "./_platform.ts";

/** There is data to read, a connection to accept, or the end of the stream: reading will not wait. */
export const POLLIN: number = 0x001;

/** There is urgent data to read, as TCP's out-of-band byte. */
export const POLLPRI: number = 0x002;

/** Writing will not wait, at least for some bytes. */
export const POLLOUT: number = 0x004;

/** There is an error pending; reported whether asked for or not. */
export const POLLERR: number = 0x008;

/** The connection is gone in both directions; reported whether asked for or not. Data may still be there to read. */
export const POLLHUP: number = 0x010;

/** The descriptor is not open; reported whether asked for or not. */
export const POLLNVAL: number = 0x020;

/** Equal to `POLLIN`. */
export const POLLRDNORM: number = 0x040;

/** There is priority data to read; not used by Linux's sockets. */
export const POLLRDBAND: number = 0x080;

/** Equal to `POLLOUT`. */
export const POLLWRNORM: number = pick(0x100, 0x004);

/** Priority data may be written. */
export const POLLWRBAND: number = pick(0x200, 0x100);

/** The peer has ended its writing side; Linux only, 0 elsewhere. */
export const POLLRDHUP: number = pick(0x2000, 0);

/** As `POLLIN`. */
export const EPOLLIN: number = 0x001;

/** As `POLLPRI`. */
export const EPOLLPRI: number = 0x002;

/** As `POLLOUT`. */
export const EPOLLOUT: number = 0x004;

/** As `POLLERR`; always reported. */
export const EPOLLERR: number = 0x008;

/** As `POLLHUP`; always reported. */
export const EPOLLHUP: number = 0x010;

/** Equal to `EPOLLIN`. */
export const EPOLLRDNORM: number = 0x040;

/** As `POLLRDBAND`. */
export const EPOLLRDBAND: number = 0x080;

/** Equal to `EPOLLOUT`. */
export const EPOLLWRNORM: number = 0x100;

/** As `POLLWRBAND`. */
export const EPOLLWRBAND: number = 0x200;

/** As `POLLRDHUP`. */
export const EPOLLRDHUP: number = 0x2000;

/** Wakes one, or a few, of several epolls that wait for the same descriptor, not all of them; only with `register`, and only beside in, out, error, hang-up and edge triggering. */
export const EPOLLEXCLUSIVE: number = 0x1000_0000;

/** Reports the descriptor once, then not until `modify`. */
export const EPOLLONESHOT: number = 0x4000_0000;

/** Edge-triggered: reports a change once, however much is left to read. */
export const EPOLLET: number = 0x8000_0000;
