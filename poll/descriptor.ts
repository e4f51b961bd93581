import { closeOwned, disown, own, toDescriptor } from "./_descriptors.ts";
import { closedError } from "./_errors.ts";
import { checkOpen } from "./_fcntl.ts";
import { forget } from "./_waiter.ts";

/**
 * A descriptor of whatever kind that this object closes: a file's, a pipe's, or
 * a socket's, as `recvmsg` and `recvFds` receive them. A socket becomes one by
 * `Socket.fromFd(descriptor)`; a file can be opened as
 * `/dev/fd/` and the number.
 *
 * @example
 * ```ts
 * import { Descriptor, Socket } from "@wire/socketserver/poll";
 * import { strictEqual } from "node:assert";
 *
 * using descriptor = new Descriptor(new Socket().detach());
 * strictEqual(descriptor.fileno() > 2, true);
 * ```
 */
export class Descriptor implements Disposable {
  #fd: number;

  /**
   * Takes over a descriptor: from now on this object closes it.
   *
   * @param fd The descriptor.
   * @throws {TypeError} If it is no integer.
   * @throws {RangeError} If it is not from 0 to 2^31 - 1.
   * @throws {Deno.errors.BadResource} If it is not open.
   * @throws {Deno.errors.Busy} If another object of this module owns it.
   */
  constructor(fd: number) {
    toDescriptor(fd);
    checkOpen(fd, `take over descriptor ${fd}`);
    own(fd);
    this.#fd = fd;
  }

  /** Whether it has been closed or detached. */
  get closed(): boolean {
    return this.#fd < 0;
  }

  /**
   * The descriptor's number.
   *
   * @returns The number; it stays this object's to close.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  fileno(): number {
    if (this.#fd < 0) {
      throw closedError("tell the descriptor", "the descriptor");
    }
    return this.#fd;
  }

  /**
   * Gives the descriptor away: the caller has to close it. The object is closed
   * then. Whoever waits for the descriptor is told that it is closed.
   *
   * @returns The descriptor.
   * @throws {Deno.errors.BadResource} If it is closed.
   */
  detach(): number {
    const fd = this.fileno();
    forget(fd);
    disown(fd);
    this.#fd = -1;
    return fd;
  }

  /**
   * Closes the descriptor; close(2). Whoever waits for it is told. May be called
   * again: what is closed or detached already stays so.
   */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    // First those who wait: afterwards the number may be somebody else's.
    forget(fd);
    closeOwned(fd);
  }

  /** Closes it: `using descriptor = …`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
