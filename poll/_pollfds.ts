import { usize } from "./_check.ts";
import { EINTR } from "./_errno.ts";
import { systemError } from "./_errors.ts";
import { errno, libc } from "./_libc.ts";
import type { Deadline } from "./_timeout.ts";

/**
 * An array of C's `struct pollfd` (poll(2)), as pairs of 32-bit words: the
 * descriptor; what is asked for in the lower half of the second and what has
 * come in the upper. Little-endian, as x86-64 and arm64 are here.
 */
export class PollDescriptors {
  #words: Int32Array<ArrayBuffer> = new Int32Array(32);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(fd: number, events: number): void {
    const at = this.#size * 2;
    if (at === this.#words.length) {
      const words = new Int32Array(2 * at);
      words.set(this.#words);
      this.#words = words;
    }
    this.#size++;
    this.set(this.#size - 1, fd, events);
  }

  set(index: number, fd: number, events: number): void {
    this.#words[2 * index] = fd;
    this.#words[2 * index + 1] = events & 0xffff;
  }

  /** Takes one out by moving the last into its place. */
  remove(index: number): void {
    this.#size--;
    this.#words.copyWithin(2 * index, 2 * this.#size, 2 * this.#size + 2);
  }

  fdAt(index: number): number {
    return this.#words[2 * index]!;
  }

  eventsAt(index: number): number {
    return this.#words[2 * index + 1]! & 0xffff;
  }

  /**
   * The first from there on that the last `poll` found something for.
   *
   * @returns Its index; -1 if there is none.
   */
  nextFound(from: number): number {
    const words = this.#words;
    for (let i = from; i < this.#size; i++) {
      if (words[2 * i + 1]! >>> 16 !== 0) return i;
    }
    return -1;
  }

  /** What the last `poll` found. */
  foundAt(index: number): number {
    return this.#words[2 * index + 1]! >>> 16;
  }

  /**
   * Blocks until one is ready or the deadline has passed.
   *
   * @returns How many are ready.
   */
  poll(deadline: Deadline, action: string): number {
    while (true) {
      // `size` structures of 8 bytes, which the array has; ours and kept.
      const ready = libc().poll(this.#words, usize(this.#size), deadline.left);
      if (ready > 0) return ready;
      if (ready === 0) {
        if (deadline.passed) return 0;
        continue;
      }
      const number = errno();
      if (number !== EINTR) throw systemError(number, "poll", action);
    }
  }
}
