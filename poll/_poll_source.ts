import { usize } from "./_check.ts";
import { AF_UNIX, MSG_DONTWAIT, SOCK_STREAM } from "./constants_socket.ts";
import { POLLIN } from "./constants_poll.ts";
import { closeOwned, ownNew } from "./_descriptors.ts";
import { EMFILE, ENFILE } from "./_errno.ts";
import { systemError } from "./_errors.ts";
import { NEW_SOCKET, prepareNewSocket } from "./_fcntl.ts";
import { errno, libc } from "./_libc.ts";
import { Memory } from "./_memory.ts";
import { type Armed, HEARTBEAT, type Source } from "./_source.ts";

const ACTION = "wait for a descriptor";

/** `struct pollfd` (poll(2)): a descriptor, what is asked, what has come. */
const POLLFD = 8;

/** The longest stay in the kernel of one that cannot be interrupted, in milliseconds. */
const NAP = 5;

/**
 * poll(2), for kernels without epoll: its cost grows with the descriptors. Where
 * there are no descriptors for its wake-up it looks up every few milliseconds.
 */
export class PollSource implements Source {
  /** The sending and the receiving end of our own wake-up; -1 where there is none. */
  readonly #wake: number = -1;
  readonly #woken: number = -1;
  readonly #armed = new Map<number, number>();
  /** What the kernel reads and writes, from another thread, and a copy of it. */
  #memory = new Memory(64 * POLLFD);
  #bytes = new Uint8Array(64 * POLLFD);
  #view = new DataView(this.#bytes.buffer);
  readonly #ready: { fd: number; events: number }[] = [];
  readonly #byte = new Uint8Array(64);
  #waiting = false;

  constructor() {
    const pair = new Int32Array(2);
    // Two descriptors of 4 bytes each, into memory of this call.
    if (libc().socketpair(AF_UNIX, SOCK_STREAM | NEW_SOCKET, 0, pair) < 0) {
      const number = errno();
      if (number === EMFILE || number === ENFILE) return;
      throw systemError(number, "socketpair", ACTION);
    }
    this.#wake = pair[0]!;
    this.#woken = pair[1]!;
    for (const fd of pair) {
      ownNew(fd);
      prepareNewSocket(fd);
    }
  }

  get limping(): boolean {
    return this.#wake < 0;
  }

  arm(fd: number, events: number): Armed {
    this.#armed.set(fd, events);
    // The call under way has the old set.
    if (this.#waiting) this.interrupt();
    return "armed";
  }

  forget(fd: number): void {
    if (this.#armed.delete(fd) && this.#waiting) this.interrupt();
  }

  async wait(): Promise<number> {
    const count = this.#write();
    this.#waiting = true;
    // The thread has C's memory to itself: it is written anew, or replaced by
    // more, only after this call.
    const ready = await libc().pollOnThread(
      this.#memory.address,
      usize(count),
      this.limping ? NAP : HEARTBEAT,
    );
    this.#waiting = false;
    this.#ready.length = 0;
    // A failure (EINTR, ENOMEM) reports nothing, and is tried again.
    if (ready > 0) this.#read(count);
    return this.#ready.length;
  }

  fdAt(index: number): number {
    return this.#ready[index]!.fd;
  }

  eventsAt(index: number): number {
    return this.#ready[index]!.events;
  }

  interrupt(): void {
    if (this.limping) return;
    // One byte, ours and kept; where the socket is full, it is awake already.
    libc().send(this.#wake, this.#byte, 1n, MSG_DONTWAIT);
  }

  close(): void {
    if (!this.limping) {
      closeOwned(this.#wake);
      closeOwned(this.#woken);
    }
    this.#memory.free();
  }

  #write(): number {
    const count = this.#armed.size + 1;
    if (count * POLLFD > this.#memory.size) {
      this.#memory.free();
      this.#memory = new Memory(2 * count * POLLFD);
      this.#bytes = new Uint8Array(this.#memory.size);
      this.#view = new DataView(this.#bytes.buffer);
    }
    // The kernel passes over -1.
    this.#entry(0, this.#woken, POLLIN);
    let at = POLLFD;
    for (const [fd, events] of this.#armed) {
      this.#entry(at, fd, events);
      at += POLLFD;
    }
    this.#memory.write(this.#bytes);
    return count;
  }

  #entry(at: number, fd: number, events: number): void {
    this.#view.setInt32(at, fd, true);
    this.#view.setInt16(at + 4, events, true);
    this.#view.setInt16(at + 6, 0, true);
  }

  #read(count: number): void {
    this.#memory.read(this.#bytes);
    if (this.#view.getInt16(6, true) !== 0) {
      // At most 64 bytes, ours and kept.
      libc().recv(this.#woken, this.#byte, 64n, MSG_DONTWAIT);
    }
    for (let at = POLLFD; at < count * POLLFD; at += POLLFD) {
      const events = this.#view.getInt16(at + 6, true);
      if (events === 0) continue;
      const fd = this.#view.getInt32(at, true);
      this.#armed.delete(fd);
      this.#ready.push({ fd, events });
    }
  }
}
