import { byteLength, describe, INT_MAX, integer, part } from "./_check.ts";
import {
  AF_UNIX,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SCM_RIGHTS,
  SOCK_STREAM,
  SOL_SOCKET,
} from "./constants_socket.ts";
import {
  CONTROL_MAX,
  type ControlMessage,
  type ControlMessageLike,
  ControlMessages,
  parseControl,
} from "./_control.ts";
import { Descriptor } from "./descriptor.ts";
import type { Handle } from "./_handle.ts";
import { libc, linuxLibc } from "./_libc.ts";
import { bufferFor, copyOf, type Origin } from "./_receiving.ts";
import type { RawAddress } from "./_resolve.ts";
import { ADDRESS_SIZE, type SocketAddress } from "./_sockaddr.ts";
import { address, addressLength } from "./_transfer.ts";

/**
 * One attempt each to send and to receive a message with sendmsg(2) and
 * recvmsg(2), which return at once.
 */

/** A message that was received; see {@linkcode Socket.recvmsg}. */
export interface ReceivedMessage extends Disposable {
  /** Its bytes; none at the end of a stream. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** What came with it, except descriptors. */
  readonly control: readonly ControlMessage[];
  /** Descriptors that came with it, each to be closed; they are closed on exec. */
  readonly fds: readonly Descriptor[];
  /**
   * What is to be told of it: `MSG_TRUNC` if bytes of it were cut off,
   * `MSG_CTRUNC` if control messages or descriptors were, `MSG_EOR`, `MSG_OOB`,
   * `MSG_ERRQUEUE`. What was cut off is gone, and descriptors of it are closed.
   */
  readonly flags: number;
  /** Who sent it, as `recvFrom` tells. */
  readonly address: SocketAddress;
  /** Closes the descriptors that have not been detached: `using message = …`. */
  [Symbol.dispose](): void;
}

// `struct msghdr` of recvmsg(2) and `struct iovec` of readv(2), in bytes; the
// same on x86-64 and arm64, glibc and musl, whose lengths are ints and zeros.
const HEADER_SIZE = 56;
const NAME = 0;
const NAME_LENGTH = 8;
const VECTORS = 16;
const VECTOR_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;
const VECTOR_SIZE = 16;

/** UIO_MAXIOV of include/uapi/linux/uio.h: the buffers that one call takes. */
const BUFFERS_MAX = 1024;

/** SCM_PIDFD of include/linux/socket.h, which SO_PASSPIDFD asks for. */
const SCM_PIDFD = 4;

// The header points at memory of ArrayBuffers, which V8 does not move; `held`
// refers to what the callers gave until the call has returned.
const header = new DataView(new ArrayBuffer(HEADER_SIZE));
const headerBytes = new Uint8Array(header.buffer);
const held: Uint8Array[] = [];
let control = new Uint8Array(new ArrayBuffer(1024));

/** Of a socket that is connected: no address. */
const NOBODY: RawAddress = new Uint8Array(0);

/** A message to send, checked as far as it can be before it is. */
export class OutgoingMessage {
  readonly #buffers: readonly Uint8Array[];
  readonly #control: ControlMessages;
  /** Whether what goes with it would be dropped without a byte. */
  readonly #needsByte: boolean;

  constructor(
    origin: Origin,
    buffers: Iterable<Uint8Array>,
    messages: Iterable<ControlMessageLike>,
  ) {
    linuxLibc("send a message");
    if (
      typeof buffers !== "object" || buffers === null ||
      ArrayBuffer.isView(buffers) ||
      typeof buffers[Symbol.iterator] !== "function"
    ) {
      throw new TypeError(
        `Cannot send a message of ${
          describe(buffers)
        }: its buffers come in an array`,
      );
    }
    this.#buffers = [...buffers];
    if (this.#buffers.length > BUFFERS_MAX) {
      throw new RangeError(
        `Cannot send a message of ${this.#buffers.length} buffers: one call takes at most ${BUFFERS_MAX}`,
      );
    }
    this.#control = new ControlMessages(messages);
    const gives = this.#control.carriesDescriptors;
    if (gives && origin.family !== AF_UNIX) {
      throw new TypeError(
        "Cannot send descriptors: only a Unix socket carries them, and others would drop them untold",
      );
    }
    this.#needsByte = gives && origin.type === SOCK_STREAM;
    this.#parts();
  }

  /** One attempt. Where it returns -1, errno tells why. */
  attempt(
    handle: Handle,
    remote: RawAddress | undefined,
    flags: number,
  ): number {
    // First, as it asks objects of the caller's for their descriptors: they may
    // do anything, to the buffers and to the socket.
    const messages = this.#control.encode();
    const parts = this.#parts();
    prepare(parts, remote ?? NOBODY, messages, messages.length);
    try {
      // The header leads to as many buffers, bytes of control messages and of an
      // address as there are, which `held` refers to, and the kernel reads them
      // during the call. Descriptors are duplicated to the receiver: ours stay.
      return linuxLibc("send a message").sendmsg(
        handle.fd,
        headerBytes,
        flags | MSG_DONTWAIT | MSG_NOSIGNAL,
      );
    } finally {
      held.length = 0;
    }
  }

  /** The buffers as they are now, in memory that V8 does not move. */
  #parts(): Uint8Array<ArrayBuffer>[] {
    let total = 0;
    const parts = this.#buffers.map((buffer) => {
      const length = byteLength(buffer, "send a message");
      total += length;
      if (total > INT_MAX) {
        throw new RangeError(
          `Cannot send a message of ${total} bytes: at most ${INT_MAX} go in one call`,
        );
      }
      return part(buffer, 0, length) as Uint8Array<ArrayBuffer>;
    });
    if (this.#needsByte && total === 0) {
      throw new TypeError(
        "Cannot send descriptors without a byte: a stream would drop them untold, send at least one",
      );
    }
    return parts;
  }
}

/** Takes one message, as often as it is tried. */
export class IncomingMessage {
  readonly #size: number;
  readonly #controlSize: number;
  readonly #flags: number;
  readonly #sender: () => SocketAddress;
  /** What was received. */
  message: ReceivedMessage | undefined;

  /** @param sender Decodes the address that the kernel wrote. */
  constructor(
    size: number,
    controlSize: number,
    flags: number,
    sender: () => SocketAddress,
  ) {
    this.#size = integer(size, "a size", 0, INT_MAX);
    this.#controlSize = integer(
      controlSize,
      "a size for control messages",
      0,
      CONTROL_MAX,
    );
    this.#flags = flags;
    this.#sender = sender;
    linuxLibc("receive a message");
  }

  /** One attempt. Where it returns -1, errno tells why. */
  attempt(handle: Handle): number {
    const buffer = bufferFor(this.#size);
    const room = part(buffer, 0, this.#size) as Uint8Array<ArrayBuffer>;
    if (control.length < this.#controlSize) {
      control = new Uint8Array(new ArrayBuffer(this.#controlSize));
    }
    prepare([room], address, control, this.#controlSize);
    let count;
    try {
      // The kernel writes at most `size` bytes to the buffer, ADDRESS_SIZE to
      // the address, `controlSize` to the control messages and the lengths to
      // the header, all of which are ours; `held` refers to them. Descriptors in
      // it are new ones, ours to close.
      count = linuxLibc("receive a message").recvmsg(
        handle.fd,
        headerBytes,
        this.#flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC,
      );
    } finally {
      held.length = 0;
    }
    if (count < 0) return count;
    this.#take(buffer, count);
    return count;
  }

  #take(buffer: Uint8Array<ArrayBuffer>, count: number): void {
    const flags = header.getInt32(FLAGS, true);
    const size = Number(header.getBigUint64(CONTROL_LENGTH, true));
    addressLength[0] = Math.min(
      header.getUint32(NAME_LENGTH, true),
      ADDRESS_SIZE,
    );
    const messages = parseControl(control, Math.min(size, this.#controlSize));
    // First of all, whatever fails next: whoever is not told cannot close them.
    const fds = adoptDescriptors(messages);
    try {
      this.message = new Message(
        copyOf(buffer, Math.min(count, this.#size), this.#size),
        messages.filter((message) => !bringsDescriptors(message)),
        fds,
        flags & ~MSG_CMSG_CLOEXEC,
        this.#sender(),
      );
    } catch (error) {
      for (const fd of fds) fd.close();
      throw error;
    }
  }
}

/** The same message with no more descriptors than `max`: any others are closed. */
export function withFewerFds(
  message: ReceivedMessage,
  max: number,
): ReceivedMessage {
  const { data, control, fds, flags, address } = message;
  if (fds.length <= max) return message;
  for (const fd of fds.slice(max)) fd.close();
  const kept = fds.slice(0, max);
  return new Message(data, control, kept, flags | MSG_CTRUNC, address);
}

class Message implements ReceivedMessage {
  constructor(
    readonly data: Uint8Array<ArrayBuffer>,
    readonly control: readonly ControlMessage[],
    readonly fds: readonly Descriptor[],
    readonly flags: number,
    readonly address: SocketAddress,
  ) {}

  [Symbol.dispose](): void {
    for (const fd of this.fds) fd.close();
  }
}

function bringsDescriptors({ level, type }: ControlMessage): boolean {
  return level === SOL_SOCKET && (type === SCM_RIGHTS || type === SCM_PIDFD);
}

/**
 * Makes the descriptors that came ours. Those of SCM_PIDFD, which nobody can
 * have asked for here, are closed.
 */
export function adoptDescriptors(
  messages: readonly ControlMessage[],
): readonly Descriptor[] {
  const fds: Descriptor[] = [];
  let failure: unknown;
  for (const message of messages.filter(bringsDescriptors)) {
    const { data, type } = message;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let at = 0; at + 4 <= data.byteLength; at += 4) {
      const fd = view.getInt32(at, true);
      // The kernel has put an error number in the place of a process that ended.
      if (fd < 0) continue;
      if (type === SCM_RIGHTS && failure === undefined) {
        try {
          fds.push(new Descriptor(fd));
          continue;
        } catch (error) {
          // Its number was closed behind the back of an object of this module.
          failure = error;
        }
      }
      // This very call has given it to us, and no object has it.
      libc().close(fd);
    }
  }
  if (failure === undefined) return fds;
  for (const fd of fds) fd.close();
  throw failure;
}

/**
 * Fills the header in for one call. Small arrays live where V8 moves them, until
 * their buffer is asked for, as `part` does: only then do they have an address.
 */
function prepare(
  parts: readonly Uint8Array<ArrayBuffer>[],
  name: Uint8Array<ArrayBuffer>,
  messages: Uint8Array<ArrayBuffer>,
  controlSize: number,
): void {
  const vectors = new Uint8Array(new ArrayBuffer(parts.length * VECTOR_SIZE));
  const view = new DataView(vectors.buffer);
  for (const [i, bytes] of parts.entries()) {
    view.setBigUint64(i * VECTOR_SIZE, place(bytes, bytes.length), true);
    view.setBigUint64(i * VECTOR_SIZE + 8, BigInt(bytes.length), true);
  }
  header.setBigUint64(NAME, place(name, name.length), true);
  header.setUint32(NAME_LENGTH, name.length, true);
  header.setBigUint64(VECTORS, place(vectors, vectors.length), true);
  header.setBigUint64(VECTOR_COUNT, BigInt(parts.length), true);
  header.setBigUint64(CONTROL, place(messages, controlSize), true);
  header.setBigUint64(CONTROL_LENGTH, BigInt(controlSize), true);
  header.setInt32(FLAGS, 0, true);
}

/** Where the first `length` bytes are, until `held` is emptied; 0 for none. */
function place(bytes: Uint8Array<ArrayBuffer>, length: number): bigint {
  if (length === 0) return 0n;
  const pinned = part(bytes, 0, length) as Uint8Array<ArrayBuffer>;
  held.push(pinned);
  // Copies nothing and returns where its first argument is.
  return libc().addressOf(pinned, pinned, 0n);
}
