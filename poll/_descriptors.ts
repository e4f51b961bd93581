import { describe, INT_MAX } from "./_check.ts";
import { libc } from "./_libc.ts";

/** Something that stands for a descriptor, as Python's file objects do. */
export interface HasFileno {
  /**
   * The descriptor's number.
   *
   * @returns The number.
   */
  fileno(): number;
}

/** A descriptor, or something that has one. */
export type FileDescriptorLike = number | HasFileno;

/**
 * The descriptor that something stands for.
 *
 * @throws {TypeError} If it is neither an integer nor has a `fileno()`.
 * @throws {RangeError} If it is not from 0 to 2^31 - 1.
 */
export function toDescriptor(value: FileDescriptorLike): number {
  let fd: unknown = value;
  if (typeof value === "object" && value !== null) {
    if (typeof value.fileno !== "function") {
      throw new TypeError(
        `Cannot use ${
          describe(value)
        } as a descriptor: it has no fileno() method`,
      );
    }
    fd = value.fileno();
  }
  if (typeof fd !== "number" || !Number.isInteger(fd)) {
    throw new TypeError(
      `Cannot use ${describe(fd)} as a descriptor: it is not an integer`,
    );
  }
  if (fd < 0 || fd > INT_MAX) {
    throw new RangeError(
      `Cannot use ${fd} as a descriptor: it is not from 0 to ${INT_MAX}`,
    );
  }
  // -0 is no integer to C.
  return fd + 0;
}

/**
 * The descriptors that objects of this module close. Two owners of one number
 * would close it twice, and the second time it may be somebody else's.
 */
const owned = new Set<number>();

/** How often each number was closed here: afterwards it may be another's. */
const closings = new Map<number, number>();

/** @throws {Deno.errors.Busy} If another object owns it already. */
export function own(fd: number): void {
  if (owned.has(fd)) {
    throw new Deno.errors.Busy(
      `Cannot take over descriptor ${fd}: another object owns it, detach it there first`,
    );
  }
  owned.add(fd);
}

/**
 * As `own`, for a descriptor that the kernel has just given us. It is closed
 * where that fails: its number was closed behind its owner's back.
 */
export function ownNew(fd: number): void {
  if (owned.has(fd)) libc().close(fd);
  own(fd);
}

/** Gives up a descriptor that goes on living. */
export function disown(fd: number): void {
  owned.delete(fd);
}

/** Closes a descriptor that was owned: once, even if close(2) is interrupted. */
export function closeOwned(fd: number): void {
  owned.delete(fd);
  closings.set(fd, timesClosed(fd) + 1);
  // On Linux and macOS the number is free even when close fails with EINTR.
  libc().close(fd);
}

/** How often a number has been closed by this module, in this thread. */
export function timesClosed(fd: number): number {
  return closings.get(fd) ?? 0;
}
