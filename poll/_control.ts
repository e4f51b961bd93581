import { byteLength, describe, INT_MAX, integer, part } from "./_check.ts";
import { SCM_RIGHTS, SOL_SOCKET } from "./constants_socket.ts";
import {
  type FileDescriptorLike,
  timesClosed,
  toDescriptor,
} from "./_descriptors.ts";
import { closedError } from "./_errors.ts";
import { checkOptions } from "./_options.ts";

/**
 * Control messages, `struct cmsghdr` of cmsg(3): a length that counts the
 * header, a level, a type, then the data, each message at a multiple of eight.
 * So on Linux, x86-64 and arm64, glibc and musl (whose length is an int and
 * zeros).
 */

/** Something that is sent or received with a message; cmsg(3). */
export interface ControlMessage {
  /** Whose it is, as `SOL_SOCKET` or `IPPROTO_IPV6`. */
  readonly level: number;
  /** What it is, as `SCM_CREDENTIALS` or `IPV6_HOPLIMIT`. */
  readonly type: number;
  /** The bytes of C's structure. */
  readonly data: Uint8Array;
}

/** A control message that carries descriptors: `SCM_RIGHTS` of unix(7). */
export interface DescriptorsMessage {
  /** Those to duplicate to the receiver, at most 253. They stay open here. */
  readonly fds: Iterable<FileDescriptorLike>;
}

/** A control message to send. */
export type ControlMessageLike = ControlMessage | DescriptorsMessage;

const HEADER_SIZE = 16;
const LEVEL = 8;
const TYPE = 12;
const ALIGNMENT = 8;

/** The most bytes of control messages that go with one message, either way. */
export const CONTROL_MAX = 65_536;

/** SCM_MAX_FD of include/net/scm.h: what the kernel takes in one message. */
export const DESCRIPTORS_MAX = 253;

const ACTION = "send a control message";

/**
 * How many bytes a control message has, its header included; cmsg(3). As the
 * room of `recvmsg` it is exact: of descriptors no more fit than are counted.
 *
 * @param length How many bytes its data has.
 * @returns The header and the data.
 * @throws {TypeError} If `length` is no integer.
 * @throws {RangeError} If `length` is not from 0 to 65,520.
 */
export function cmsgLen(length: number): number {
  integer(length, "a control message's length", 0, CONTROL_MAX - HEADER_SIZE);
  return HEADER_SIZE + length;
}

/**
 * How many bytes a control message takes among others, its end aligned; cmsg(3).
 * The sum of these is the room of `recvmsg` for several.
 *
 * @param length How many bytes its data has.
 * @returns The header, the data and what fills up to a multiple of eight.
 * @throws {TypeError} If `length` is no integer.
 * @throws {RangeError} If `length` is not from 0 to 65,520.
 */
export function cmsgSpace(length: number): number {
  return align(cmsgLen(length));
}

/** Checked control messages, ready to be encoded as often as it takes. */
export class ControlMessages {
  readonly #messages: readonly ControlMessageLike[];

  /** @throws {TypeError} If something is no control message. */
  constructor(messages: Iterable<ControlMessageLike>) {
    if (
      typeof messages !== "object" || messages === null ||
      typeof messages[Symbol.iterator] !== "function"
    ) {
      throw new TypeError(
        `Cannot ${ACTION} from ${
          describe(messages)
        }: control messages come in an array`,
      );
    }
    this.#messages = Array.from(messages, checked);
    this.encode();
  }

  /** Whether any carries descriptors. */
  get carriesDescriptors(): boolean {
    return this.#messages.some((message) =>
      "fds" in message ||
      message.level === SOL_SOCKET && message.type === SCM_RIGHTS
    );
  }

  /**
   * Their bytes. Anew for each attempt: meanwhile a buffer may have been
   * transferred, and an object's descriptor closed, its number another's.
   */
  encode(): Uint8Array<ArrayBuffer> {
    const datas = this.#messages.map((message) =>
      "fds" in message ? descriptorBytes(message.fds) : message.data
    );
    const lengths = datas.map((data) => byteLength(data, ACTION));
    let size = 0;
    for (const length of lengths) {
      size += align(HEADER_SIZE + length);
      if (size > CONTROL_MAX) {
        throw new RangeError(
          `Cannot send control messages of more than ${CONTROL_MAX} bytes: send them with several messages`,
        );
      }
    }
    const bytes = new Uint8Array(new ArrayBuffer(size));
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const [i, message] of this.#messages.entries()) {
      const length = lengths[i]!;
      const rights = "fds" in message;
      view.setBigUint64(at, BigInt(HEADER_SIZE + length), true);
      view.setInt32(at + LEVEL, rights ? SOL_SOCKET : message.level, true);
      view.setInt32(at + TYPE, rights ? SCM_RIGHTS : message.type, true);
      bytes.set(part(datas[i]!, 0, length), at + HEADER_SIZE);
      at += align(HEADER_SIZE + length);
    }
    return bytes;
  }
}

/**
 * What the kernel wrote. A message whose length runs past the end is cut off
 * there; behind one that is shorter than its own header nothing can be found.
 *
 * @param bytes Where it wrote.
 * @param length How many bytes it tells that it wrote.
 */
export function parseControl(
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
): ControlMessage[] {
  const end = Math.min(length, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: ControlMessage[] = [];
  let at = 0;
  while (end - at >= HEADER_SIZE) {
    const claimed = view.getBigUint64(at, true);
    if (claimed < BigInt(HEADER_SIZE)) break;
    const size = claimed > BigInt(end - at) ? end - at : Number(claimed);
    messages.push({
      level: view.getInt32(at + LEVEL, true),
      type: view.getInt32(at + TYPE, true),
      data: bytes.slice(at + HEADER_SIZE, at + size),
    });
    at += align(size);
  }
  return messages;
}

function checked(message: ControlMessageLike): ControlMessageLike {
  if (typeof message !== "object" || message === null) {
    throw new TypeError(
      `Cannot ${ACTION} that is ${
        describe(message)
      }: it must be { level, type, data } or { fds }`,
    );
  }
  if ("fds" in message) {
    checkOptions(message, ["fds"], ACTION);
    return { fds: listed(message.fds).map(kept) };
  }
  checkOptions(message, ["level", "type", "data"], ACTION);
  const { level, type, data } = message;
  integer(level, "a control message's level", 0, INT_MAX);
  integer(type, "a control message's type", 0, INT_MAX);
  return { level, type, data };
}

function listed(fds: Iterable<FileDescriptorLike>): FileDescriptorLike[] {
  if (
    typeof fds !== "object" || fds === null ||
    typeof fds[Symbol.iterator] !== "function"
  ) {
    throw new TypeError(
      `Cannot send ${describe(fds)} as descriptors: they come in an array`,
    );
  }
  const list = [...fds];
  if (list.length === 0 || list.length > DESCRIPTORS_MAX) {
    throw new RangeError(
      `Cannot send ${list.length} descriptors: one message carries from 1 to ${DESCRIPTORS_MAX}`,
    );
  }
  return list;
}

/** A number that says so once this module has closed it: it may be another's then. */
function kept(value: FileDescriptorLike): FileDescriptorLike {
  if (typeof value !== "number") return value;
  const fd = toDescriptor(value);
  const before = timesClosed(fd);
  return {
    fileno() {
      if (timesClosed(fd) === before) return fd;
      throw closedError(`send descriptor ${fd}`, "it");
    },
  };
}

function descriptorBytes(fds: Iterable<FileDescriptorLike>): Uint8Array {
  return new Uint8Array(Int32Array.from(fds, toDescriptor).buffer);
}

function align(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}
