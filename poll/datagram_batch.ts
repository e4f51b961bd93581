import { byteLength, integer, part } from "./_check.ts";
import {
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
} from "./constants_socket.ts";
import { libc, linuxLibc } from "./_libc.ts";
import { checkOptions } from "./_options.ts";
import { dropsBytes, type Origin } from "./_receiving.ts";
import { encodeAddresses, type RawAddress } from "./_resolve.ts";
import {
  ADDRESS_SIZE,
  type AddressLike,
  decodeAddress,
  rawFamily,
  type SocketAddress,
} from "./_sockaddr.ts";

// `struct iovec` (readv(2)) and `struct mmsghdr` (recvmmsg(2)) in 32-bit words,
// the same on x86-64 and arm64, glibc and musl, as far as they are used.
const IOVEC_WORDS = 4;
const IOVEC_LENGTH = 2;
const HEADER_WORDS = 16;
const HEADER_NAME = 0;
const HEADER_NAME_LENGTH = 2;
const HEADER_IOVEC = 4;
const HEADER_IOVEC_COUNT = 6;
const HEADER_LENGTH = 14;

/** UIO_MAXIOV of include/uapi/linux/uio.h: what one call takes. */
const COUNT_MAX = 1024;

/** The longest datagram of UDP, and more than Unix sockets send by default. */
const SIZE_MAX = 1 << 20;

/** Options of {@linkcode DatagramBatch}. */
export interface DatagramBatchOptions {
  /**
   * How many datagrams it holds, at most 1,024.
   *
   * @default {64}
   */
  readonly count?: number;
  /**
   * How many bytes there are for each, at most 1 MiB. What is longer is cut off.
   *
   * @default {2_048}
   */
  readonly size?: number;
}

const OPTIONS = ["count", "size"];

/** The name of the method that receives into a batch, for `Socket`. */
export const RECEIVE_INTO: unique symbol = Symbol("receive");
/** The name of the method that sends a batch, for `Socket`. */
export const SEND_FROM: unique symbol = Symbol("send");

/**
 * Datagrams that are received or sent in one call: see
 * {@linkcode Socket.recvMany} and {@linkcode Socket.sendMany}. What was received
 * can be sent back as it is, each to where it came from.
 *
 * @example An echo
 * ```ts
 * import { AF_INET, DatagramBatch, SOCK_DGRAM, Socket } from "@wire/socketserver/poll";
 * import { strictEqual } from "node:assert";
 *
 * using server = new Socket(AF_INET, SOCK_DGRAM);
 * server.bind({ hostname: "127.0.0.1", port: 0 });
 * using client = new Socket(AF_INET, SOCK_DGRAM);
 * client.connectSync(server.getsockname());
 * client.sendSync(new Uint8Array(1));
 * client.sendSync(new Uint8Array(2));
 *
 * const batch = new DatagramBatch();
 * strictEqual(await server.recvMany(batch), 2);
 * await server.sendMany(batch);
 * strictEqual(client.recvSync(10).length, 1);
 * strictEqual(client.recvSync(10).length, 2);
 * ```
 */
export class DatagramBatch {
  // C is told these: they are where nobody else can write.
  readonly #capacity: number;
  readonly #size: number;
  #length = 0;
  /** Of names that have several addresses: which, by the datagram's index. */
  readonly #choices = new Map<number, RawAddress[]>();
  /** The type of the socket they came from. */
  #type = 0;
  // C's structures point into these: they have memory of their own that V8 does
  // not move, and are referred to as long as this object is.
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #names: Uint8Array<ArrayBuffer>;
  readonly #vectors: Int32Array<ArrayBuffer>;
  readonly #headers: Int32Array<ArrayBuffer>;

  /**
   * Makes an empty batch.
   *
   * @param options See {@linkcode DatagramBatchOptions}.
   * @throws {TypeError} If there is another option.
   * @throws {RangeError} If there is no room for one, or for too many.
   * @throws {Deno.errors.NotSupported} On any other system than Linux.
   * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
   */
  constructor(options: DatagramBatchOptions = {}) {
    checkOptions(options, OPTIONS, "make a batch");
    const count = integer(options.count ?? 64, "a batch's count", 1, COUNT_MAX);
    const size = integer(options.size ?? 2048, "a batch's size", 1, SIZE_MAX);
    this.#capacity = count;
    this.#size = size;
    this.#bytes = new Uint8Array(new ArrayBuffer(count * size));
    this.#names = new Uint8Array(new ArrayBuffer(count * ADDRESS_SIZE));
    this.#vectors = new Int32Array(new ArrayBuffer(count * IOVEC_WORDS * 4));
    this.#headers = new Int32Array(new ArrayBuffer(count * HEADER_WORDS * 4));
    linuxLibc("use batches of datagrams");
    this.#point();
  }

  /** How many datagrams it can hold. */
  get capacity(): number {
    return this.#capacity;
  }

  /** How many bytes there are for each. */
  get size(): number {
    return this.#size;
  }

  /** How many datagrams it has. */
  get length(): number {
    return this.#length;
  }

  /**
   * A datagram's bytes.
   *
   * @param index Which.
   * @returns A part of the batch's own buffer, good until the next datagrams are
   * received into it.
   * @throws {RangeError} If there is no such datagram.
   */
  data(index: number): Uint8Array<ArrayBuffer> {
    this.#check(index);
    const start = index * this.#size;
    const length = this.#vectors[index * IOVEC_WORDS + IOVEC_LENGTH]!;
    return this.#bytes.subarray(start, start + length);
  }

  /**
   * Where a datagram came from or goes to.
   *
   * @param index Which.
   * @returns The address; an empty path if it has none.
   * @throws {RangeError} If there is no such datagram.
   */
  address(index: number): SocketAddress {
    this.#check(index);
    const start = index * ADDRESS_SIZE;
    return decodeAddress(
      this.#names.subarray(start, start + ADDRESS_SIZE),
      this.#headers[index * HEADER_WORDS + HEADER_NAME_LENGTH]!,
      this.#type,
    );
  }

  /**
   * Adds a datagram to be sent.
   *
   * @param data Its bytes; they are copied.
   * @param remote Where to; none for where the socket is connected to. A name is
   * resolved on the spot; the socket that sends it takes the first address of
   * its family.
   * @throws {RangeError} If it is too long, or the batch is full.
   * @throws {TypeError} If the buffer is detached.
   */
  push(data: Uint8Array, remote?: AddressLike): void {
    const length = byteLength(data, "add a datagram");
    if (length > this.#size) {
      throw new RangeError(
        `Cannot add a datagram of ${length} bytes: the batch has room for ${this.#size} each`,
      );
    }
    if (this.#length === this.#capacity) {
      throw new RangeError(
        `Cannot add a datagram: the batch is full with ${this.#capacity}`,
      );
    }
    this.#alive("add a datagram");
    const found = remote === undefined ? [] : encodeAddresses(remote);
    const index = this.#length++;
    this.#bytes.set(part(data, 0, length), index * this.#size);
    this.#names.set(found[0] ?? [], index * ADDRESS_SIZE);
    this.#setLengths(index, length, found[0]?.length ?? 0);
    if (found.length > 1) this.#choices.set(index, found);
    else this.#choices.delete(index);
  }

  /** Takes the first address of a name that a socket of this family can send to. */
  #choose(index: number, family: number): void {
    const raw = this.#choices.get(index)!.find((each) =>
      rawFamily(each, each.length) === family
    );
    if (raw === undefined) return;
    this.#names.set(raw, index * ADDRESS_SIZE);
    this.#headers[index * HEADER_WORDS + HEADER_NAME_LENGTH] = raw.length;
  }

  /** Makes it empty. */
  clear(): void {
    this.#length = 0;
    this.#choices.clear();
  }

  /** Has C's structures point at each other, once and for all. */
  #point(): void {
    const { addressOf } = libc();
    // Copies nothing and returns where its first argument is.
    const bytes = addressOf(this.#bytes, this.#bytes, 0n);
    const names = addressOf(this.#names, this.#names, 0n);
    const vectors = addressOf(this.#vectors, this.#vectors, 0n);
    const vectorWords = new DataView(this.#vectors.buffer);
    const headerWords = new DataView(this.#headers.buffer);
    for (let i = 0; i < this.#capacity; i++) {
      const at = i * HEADER_WORDS * 4;
      vectorWords.setBigUint64(
        i * IOVEC_WORDS * 4,
        bytes + BigInt(i * this.#size),
        true,
      );
      headerWords.setBigUint64(
        at + HEADER_NAME * 4,
        names + BigInt(i * ADDRESS_SIZE),
        true,
      );
      headerWords.setBigUint64(
        at + HEADER_IOVEC * 4,
        vectors + BigInt(i * IOVEC_WORDS * 4),
        true,
      );
      headerWords.setBigUint64(at + HEADER_IOVEC_COUNT * 4, 1n, true);
    }
  }

  #setLengths(index: number, length: number, nameLength: number): void {
    this.#vectors[index * IOVEC_WORDS + IOVEC_LENGTH] = length;
    this.#headers[index * HEADER_WORDS + HEADER_NAME_LENGTH] = nameLength;
  }

  /**
   * Receives into it. Where it returns -1, errno tells why.
   *
   * @param fd The descriptor of a socket.
   * @param origin That socket.
   * @param flags Flags that it knows.
   * @returns How many datagrams came.
   * @ignore
   */
  [RECEIVE_INTO](fd: number, origin: Origin, flags: number): number {
    this.#alive("receive");
    this.#choices.clear();
    const drops = dropsBytes(origin, flags);
    for (let i = 0; i < this.#capacity; i++) {
      this.#setLengths(i, this.#size, ADDRESS_SIZE);
    }
    // `capacity` headers, each of which leads to `size` bytes and an address of
    // ADDRESS_SIZE in buffers that were just found to be ours still.
    const received = linuxLibc("receive").recvmmsg(
      fd,
      this.#headers,
      // Each header would peek at the first datagram again.
      (flags & MSG_PEEK) === 0 ? this.#capacity : 1,
      (drops ? flags : flags & ~MSG_TRUNC) | MSG_DONTWAIT,
      0n,
    );
    this.#type = origin.type;
    this.#length = Math.max(received, 0);
    for (let i = 0; i < received; i++) {
      // Without MSG_TRUNC the kernel tells how many bytes it wrote.
      const length = this.#headers[i * HEADER_WORDS + HEADER_LENGTH]!;
      this.#vectors[i * IOVEC_WORDS + IOVEC_LENGTH] = drops
        ? 0
        : Math.min(length, this.#size);
      const at = i * HEADER_WORDS + HEADER_NAME_LENGTH;
      this.#headers[at] = Math.min(this.#headers[at]!, ADDRESS_SIZE);
    }
    return received;
  }

  /**
   * Sends the datagrams from one on. Where it returns -1, errno tells why.
   *
   * @param from The first.
   * @param fd The descriptor of a socket.
   * @param origin That socket.
   * @param flags Flags that it knows.
   * @returns How many were sent.
   * @ignore
   */
  [SEND_FROM](from: number, fd: number, origin: Origin, flags: number): number {
    this.#alive("send");
    if (from >= this.#length) {
      throw new TypeError(
        "Cannot send: the batch was changed before all was sent",
      );
    }
    for (const index of this.#choices.keys()) {
      this.#choose(index, origin.family);
    }
    // The headers from there to the last, each of which leads to as many bytes
    // and as long an address as were put there.
    return linuxLibc("send").sendmmsg(
      fd,
      this.#headers.subarray(from * HEADER_WORDS),
      this.#length - from,
      flags | MSG_DONTWAIT | MSG_NOSIGNAL,
    );
  }

  /** The parts that `data` gives let anybody transfer the buffer. */
  #alive(action: string): void {
    if (this.#bytes.length === 0) {
      throw new TypeError(
        `Cannot ${action}: the batch's buffer was transferred elsewhere`,
      );
    }
  }

  #check(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.#length) {
      throw new RangeError(
        `Cannot use ${index} as a datagram's index: the batch has ${this.#length}`,
      );
    }
  }
}
