import { usize } from "./_check.ts";
import { libc } from "./_libc.ts";

/**
 * Memory of C's for calls that run on another thread. V8 neither moves nor
 * frees it: should a Worker be terminated during such a call, what the kernel
 * still writes lands in memory that nobody else has.
 */
export class Memory {
  readonly pointer: Deno.PointerObject;
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(size: number) {
    const pointer = libc().calloc(1n, usize(size));
    if (pointer === null) {
      throw new Deno.errors.Busy(
        `Cannot allocate ${size} bytes: libc has no memory left`,
      );
    }
    this.pointer = pointer;
    this.bytes = new Uint8Array(
      Deno.UnsafePointerView.getArrayBuffer(pointer, size),
    );
  }

  /** Gives it back. No call may still use it, nor `bytes` be touched again. */
  free(): void {
    libc().free(this.pointer);
  }
}
