import { usize } from "./_check.ts";
import { libc } from "./_libc.ts";

/**
 * Memory of C's for calls that run on another thread. V8 neither moves nor
 * frees it: should a Worker be terminated during such a call, what the kernel
 * still writes lands in memory that nobody else has.
 */
export class Memory {
  /** Where it is. */
  readonly address: bigint;
  readonly size: number;

  constructor(size: number) {
    this.address = libc().calloc(1n, usize(size));
    this.size = size;
    if (this.address === 0n) {
      throw new Error(
        `Cannot allocate ${size} bytes: libc has no memory left`,
      );
    }
  }

  /** Copies its beginning to `bytes`, which may not be longer. */
  read(bytes: Uint8Array<ArrayBuffer>): void {
    // Both have as many bytes as are copied.
    const length = Math.min(bytes.byteLength, this.size);
    libc().memcpyFrom(bytes, this.address, usize(length));
  }

  /** Copies `bytes` to its beginning; they may not be longer. */
  write(bytes: Uint8Array<ArrayBuffer>): void {
    // Both have as many bytes as are copied.
    const length = Math.min(bytes.byteLength, this.size);
    libc().memcpyTo(this.address, bytes, usize(length));
  }

  /** Gives it back. No call may use it any more. */
  free(): void {
    libc().free(this.address);
  }
}

/** Room for the text of an error. */
const text = new Uint8Array(256);

/** A text of libc's, at most 255 bytes of it. */
export function readText(address: bigint): string {
  if (address === 0n) return "";
  // strncpy(3) writes exactly 255 bytes, zeros after the text's end; the last
  // byte stays zero. The text is libc's and stays where it is until the next
  // call of the function it came from.
  libc().strncpy(text, address, 255n);
  return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
}
