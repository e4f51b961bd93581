import { ProtocolError } from "./frames.ts";
import { getNumber, putNumber } from "./numbers.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The number (32 bits) and the length of the address (16 bits). */
const HEAD_SIZE = 6;
/** The longest address, in bytes: a host name has 255 at most, a path 108. */
const MOST_ADDRESS = 4 * 1024;

/**
 * Where payloads are put together and made legible: memory of its own for each
 * would cost more than all else that is done with it.
 */
const scratch = new Uint8Array(HEAD_SIZE + MOST_ADDRESS + 64 * 1024);

/**
 * Packs a value as JSON.
 *
 * @returns Bytes that are lent until something else is packed.
 */
export function packJson(value: unknown): Uint8Array {
  return encode(JSON.stringify(value), scratch);
}

/** Writes a text into `target`, or where that is too small, elsewhere. */
function encode(
  text: string,
  target: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const { read, written } = encoder.encodeInto(text, target);
  return read === text.length
    ? target.subarray(0, written)
    : encoder.encode(text);
}

/**
 * Unpacks JSON.
 *
 * @throws {ProtocolError} If it is not an object in JSON.
 */
export function unpackJson(payload: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(unshared(payload)));
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null) return value;
  throw new ProtocolError("Cannot read a payload: it is not an object in JSON");
}

/** A decoder does not take shared memory. */
function unshared(payload: Uint8Array): Uint8Array {
  if (!(payload.buffer instanceof SharedArrayBuffer)) return payload;
  if (payload.length > scratch.length) return payload.slice();
  scratch.set(payload);
  return scratch.subarray(0, payload.length);
}

/** A datagram under way between the sides. */
export interface PackedDatagram {
  /** Chosen by whoever wants to know what became of it. */
  readonly number: number;
  readonly address: Deno.Addr;
  /** A copy of the payload. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/**
 * Packs a datagram with the address it came from or goes to.
 *
 * @returns Bytes that are lent until something else is packed.
 * @throws {TypeError} If that is no address.
 */
export function packDatagram(
  number: number,
  address: Deno.Addr,
  data: Uint8Array,
): Uint8Array {
  const where = encode(
    // There is no JSON of some values, which are no addresses either.
    JSON.stringify(address) ?? "",
    scratch.subarray(HEAD_SIZE, HEAD_SIZE + MOST_ADDRESS),
  );
  if (
    typeof address !== "object" || address === null ||
    where.length === 0 || where.length > MOST_ADDRESS
  ) {
    throw new TypeError(
      `Cannot send ${data.length} bytes: ${
        Deno.inspect(address).slice(0, 100)
      } is not an address`,
    );
  }
  const start = HEAD_SIZE + where.length;
  putNumber(scratch, 0, number);
  scratch[4] = where.length;
  scratch[5] = where.length >> 8;
  scratch.set(data, start);
  return scratch.subarray(0, start + data.length);
}

/**
 * Unpacks a datagram.
 *
 * @throws {ProtocolError} If the payload is not one of `packDatagram`.
 */
export function unpackDatagram(payload: Uint8Array): PackedDatagram {
  const where = payload.length < HEAD_SIZE ? 0 : payload[4]! | payload[5]! << 8;
  const start = HEAD_SIZE + where;
  if (where === 0 || payload.length < start) {
    throw new ProtocolError(
      `Cannot read a datagram: ${payload.length} bytes are too few`,
    );
  }
  return {
    number: getNumber(payload, 0),
    address: unpackJson(payload.subarray(HEAD_SIZE, start)) as Deno.Addr,
    data: payload.slice(start),
  };
}

/**
 * Packs a number of 32 bits.
 *
 * @returns Bytes that are lent until something else is packed.
 */
export function packNumber(number: number): Uint8Array {
  putNumber(scratch, 0, number);
  return scratch.subarray(0, 4);
}

/**
 * Unpacks a number of 32 bits.
 *
 * @throws {ProtocolError} If the payload has another size.
 */
export function unpackNumber(payload: Uint8Array): number {
  if (payload.length !== 4) {
    throw new ProtocolError(
      `Cannot read a number: it has ${payload.length} bytes, not 4`,
    );
  }
  return getNumber(payload, 0);
}

/** What a handler asks for when it shuts its server down. */
export interface ShutdownRequest {
  readonly gracePeriod?: number;
}

/** Packs a request to shut down. */
export function packShutdown({ gracePeriod }: ShutdownRequest): Uint8Array {
  // JSON has no Infinity.
  return packJson({
    gracePeriod: gracePeriod === Infinity ? null : gracePeriod,
  });
}

/**
 * Unpacks a request to shut down.
 *
 * @throws {ProtocolError} If the payload is not one of `packShutdown`.
 */
export function unpackShutdown(payload: Uint8Array): ShutdownRequest {
  const { gracePeriod } = unpackJson(payload) as {
    readonly gracePeriod?: unknown;
  };
  if (gracePeriod === undefined) return {};
  if (gracePeriod === null) return { gracePeriod: Infinity };
  if (typeof gracePeriod === "number" && gracePeriod >= 0) {
    return { gracePeriod };
  }
  throw new ProtocolError(
    `Cannot read a shutdown: its grace period is ${
      Deno.inspect(gracePeriod).slice(0, 100)
    }`,
  );
}
