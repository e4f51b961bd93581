import { checkFewKeys } from "../_known_keys.ts";
import { READ_OPTIONS, type ReadOptions } from "./read_options.ts";

/** How the length is written that a frame begins with. */
export interface FrameOptions {
  /**
   * How many bytes the length takes.
   *
   * @default {4}
   */
  readonly lengthBytes?: 1 | 2 | 4 | 8;
  /**
   * Whether its lowest byte comes first. Network byte order has the highest first
   * (RFC 1700).
   *
   * @default {false}
   */
  readonly littleEndian?: boolean;
}

/** Options of reads of frames. */
export interface FrameReadOptions extends FrameOptions, ReadOptions {}

const FRAME_OPTIONS: readonly (keyof FrameOptions)[] = [
  "lengthBytes",
  "littleEndian",
];

/** The names of the options of reads of frames. */
export const FRAME_READ_OPTIONS: readonly (keyof FrameReadOptions)[] = [
  ...READ_OPTIONS,
  ...FRAME_OPTIONS,
];

const LENGTH_BYTES: readonly unknown[] = [1, 2, 4, 8];

/** How the length is written, with what is left out. */
interface Layout {
  readonly lengthBytes: 1 | 2 | 4 | 8;
  readonly littleEndian: boolean;
}

const USUAL: Layout = { lengthBytes: 4, littleEndian: false };

/**
 * Looks how the length is written.
 *
 * @param action What fails otherwise.
 * @param options As the caller gave them.
 * @param names The names of the options that there are.
 * @throws {RangeError} If `lengthBytes` is another number.
 * @throws {TypeError} If `littleEndian` is no boolean, or a name is unknown.
 */
export function layoutOf(
  action: string,
  options: FrameOptions | undefined,
  names: readonly string[],
): Layout {
  if (options === undefined) return USUAL;
  checkFewKeys(options, names, action);
  const {
    lengthBytes = USUAL.lengthBytes,
    littleEndian = USUAL.littleEndian,
  } = options;
  if (!LENGTH_BYTES.includes(lengthBytes)) {
    throw new RangeError(
      `Cannot ${action}: lengthBytes must be 1, 2, 4 or 8, received ${
        Deno.inspect(lengthBytes)
      }`,
    );
  }
  if (typeof littleEndian !== "boolean") {
    throw new TypeError(
      `Cannot ${action}: littleEndian must be true or false, received ${
        Deno.inspect(littleEndian)
      }`,
    );
  }
  return { lengthBytes, littleEndian };
}

/** Reads the length that bytes begin with. One of 8 bytes may be rounded. */
export function lengthFrom(
  bytes: Uint8Array<ArrayBuffer>,
  { lengthBytes, littleEndian }: Layout,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  switch (lengthBytes) {
    case 1:
      return view.getUint8(0);
    case 2:
      return view.getUint16(0, littleEndian);
    case 4:
      return view.getUint32(0, littleEndian);
    case 8:
      return Number(view.getBigUint64(0, littleEndian));
  }
}

/**
 * Writes the length of a frame.
 *
 * @param length That of what follows, in bytes.
 * @param options How it is written, as the caller gave them.
 * @throws {RangeError} If it does not fit, or an option is out of range.
 * @throws {TypeError} If an option is of another type, or has an unknown name.
 */
export function frameHead(
  length: number,
  options: FrameOptions | undefined,
): Uint8Array<ArrayBuffer> {
  const action = "write a frame";
  const { lengthBytes, littleEndian } = layoutOf(
    action,
    options,
    FRAME_OPTIONS,
  );
  if (lengthBytes < 8 && length >= 2 ** (8 * lengthBytes)) {
    throw new RangeError(
      `Cannot ${action} of ${length} bytes: lengthBytes is ${lengthBytes}, which says at most ${
        2 ** (8 * lengthBytes) - 1
      }`,
    );
  }
  const head = new Uint8Array(lengthBytes);
  const view = new DataView(head.buffer);
  switch (lengthBytes) {
    case 1:
      view.setUint8(0, length);
      break;
    case 2:
      view.setUint16(0, length, littleEndian);
      break;
    case 4:
      view.setUint32(0, length, littleEndian);
      break;
    case 8:
      view.setBigUint64(0, BigInt(length), littleEndian);
  }
  return head;
}
