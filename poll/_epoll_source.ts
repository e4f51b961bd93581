import { usize } from "./_check.ts";
import { EPOLLIN, EPOLLONESHOT } from "./constants_poll.ts";
import { closeOwned, ownNew } from "./_descriptors.ts";
import {
  CLOEXEC,
  EFD_NONBLOCK,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  FD_WORD,
  WORDS,
} from "./_epoll_event.ts";
import { EBADF, EEXIST, EINTR, ENOENT, EPERM } from "./_errno.ts";
import { systemError } from "./_errors.ts";
import { errno, libc, type LinuxLibc, linuxLibc } from "./_libc.ts";
import { Memory } from "./_memory.ts";
import { type Armed, HEARTBEAT, type Source } from "./_source.ts";

/** Descriptors that one call reports at most; the next reports the others. */
const CAPACITY = 256;

const ACTION = "wait for a descriptor";

/** epoll(7), with every descriptor in one-shot mode. */
export class EpollSource implements Source {
  readonly #linux: LinuxLibc = linuxLibc(ACTION);
  readonly #epoll: number;
  readonly #wake: number;
  /** What the kernel writes to, from another thread, and a copy of it. */
  readonly #memory = new Memory(CAPACITY * WORDS * 4);
  readonly #bytes = new Uint8Array(CAPACITY * WORDS * 4);
  readonly #events = new Int32Array(this.#bytes.buffer);
  readonly #change = new Int32Array(WORDS);
  readonly #counter = new Uint8Array(8);
  /** Descriptors that the kernel's set has, as far as we know. */
  readonly #known = new Set<number>();

  constructor() {
    this.#epoll = this.#linux.epoll_create1(CLOEXEC);
    if (this.#epoll < 0) throw systemError(errno(), "epoll_create1", ACTION);
    this.#wake = this.#linux.eventfd(0, CLOEXEC | EFD_NONBLOCK);
    if (this.#wake < 0) {
      const number = errno();
      libc().close(this.#epoll);
      throw systemError(number, "eventfd", ACTION);
    }
    ownNew(this.#epoll);
    ownNew(this.#wake);
    // Level-triggered: it stays reported until it has been read.
    this.#control(EPOLL_CTL_ADD, this.#wake, EPOLLIN);
  }

  arm(fd: number, events: number): Armed {
    const once = events | EPOLLONESHOT;
    const known = this.#known.has(fd);
    let failure = this.#control(
      known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
      fd,
      once,
    );
    // The number may have been closed, or opened anew, without our knowing.
    if (failure === ENOENT) failure = this.#control(EPOLL_CTL_ADD, fd, once);
    if (failure === EEXIST) failure = this.#control(EPOLL_CTL_MOD, fd, once);
    if (failure === 0) {
      if (!known) this.#known.add(fd);
      return "armed";
    }
    this.#known.delete(fd);
    if (failure === EPERM) return "unwatchable";
    if (failure === EBADF) return "gone";
    throw systemError(failure, "epoll_ctl", `${ACTION} ${fd}`);
  }

  forget(fd: number): void {
    if (this.#known.delete(fd)) this.#control(EPOLL_CTL_DEL, fd, 0);
  }

  async wait(): Promise<number> {
    // The thread writes to C's memory, which is only freed by `close`.
    const count = await this.#linux.epollWaitOnThread(
      this.#epoll,
      this.#memory.address,
      CAPACITY,
      HEARTBEAT,
    );
    if (count >= 0) {
      this.#memory.read(this.#bytes);
      return this.#withoutWake(count);
    }
    this.#check();
    return 0;
  }

  fdAt(index: number): number {
    return this.#events[index * WORDS + FD_WORD]!;
  }

  eventsAt(index: number): number {
    return this.#events[index * WORDS]!;
  }

  interrupt(): void {
    this.#counter[0] = 1;
    // eventfd(2): 8 bytes, ours and kept; it fails only when it is set already.
    libc().write(this.#wake, this.#counter, 8n);
  }

  close(): void {
    closeOwned(this.#epoll);
    closeOwned(this.#wake);
    this.#memory.free();
  }

  /** Takes our own wake-up out of what was reported. */
  #withoutWake(count: number): number {
    for (let i = 0; i < count; i++) {
      if (this.fdAt(i) !== this.#wake) continue;
      // Sets it back to zero; 8 bytes, ours and kept.
      libc().read(this.#wake, this.#counter, usize(8));
      const last = (count - 1) * WORDS;
      this.#events.copyWithin(i * WORDS, last, last + WORDS);
      return count - 1;
    }
    return count;
  }

  /** The thread's errno is out of reach: the same call without a wait has it. */
  #check(): void {
    const scratch = new Int32Array(WORDS);
    // One event at most, into memory of this call.
    if (this.#linux.epoll_wait(this.#epoll, scratch, 1, 0) >= 0) return;
    const number = errno();
    if (number !== EINTR) throw systemError(number, "epoll_wait", ACTION);
  }

  /** @returns 0, or the error number. */
  #control(operation: number, fd: number, events: number): number {
    this.#change[0] = events;
    this.#change[FD_WORD] = fd;
    // The kernel copies the event; the set keeps no pointer.
    const result = this.#linux.epoll_ctl(
      this.#epoll,
      operation,
      fd,
      this.#change,
    );
    return result === 0 ? 0 : errno();
  }
}
