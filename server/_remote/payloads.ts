import { ProtocolError } from "./frames.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Packs a value as JSON. */
export function packJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/**
 * Unpacks JSON.
 *
 * @throws {ProtocolError} If it is not an object in JSON.
 */
export function unpackJson(payload: Uint8Array): object {
  let value: unknown;
  try {
    // A decoder does not take shared memory.
    value = JSON.parse(decoder.decode(payload.slice()));
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null) return value;
  throw new ProtocolError("Cannot read a payload: it is not an object in JSON");
}

/** A datagram under way between the sides. */
export interface PackedDatagram {
  /** Chosen by whoever wants to know what became of it. */
  readonly number: number;
  readonly address: Deno.Addr;
  /** A copy of the payload. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The number (32 bits) and the length of the address (16 bits). */
const HEAD_SIZE = 6;
/** The longest address, in bytes: a host name has 255 at most, a path 108. */
const MOST_ADDRESS = 4 * 1024;

/**
 * Packs a datagram with the address it came from or goes to.
 *
 * @throws {TypeError} If that is no address.
 */
export function packDatagram(
  number: number,
  address: Deno.Addr,
  data: Uint8Array,
): Uint8Array {
  const where = packJson(address ?? null);
  if (
    typeof address !== "object" || address === null ||
    where.length > MOST_ADDRESS
  ) {
    throw new TypeError(
      `Cannot send ${data.length} bytes: ${
        Deno.inspect(address).slice(0, 100)
      } is not an address`,
    );
  }
  const packed = new Uint8Array(HEAD_SIZE + where.length + data.length);
  const view = new DataView(packed.buffer);
  view.setUint32(0, number, true);
  view.setUint16(4, where.length, true);
  packed.set(where, HEAD_SIZE);
  packed.set(data, HEAD_SIZE + where.length);
  return packed;
}

/**
 * Unpacks a datagram.
 *
 * @throws {ProtocolError} If the payload is not one of `packDatagram`.
 */
export function unpackDatagram(payload: Uint8Array): PackedDatagram {
  const view = new DataView(
    payload.buffer,
    payload.byteOffset,
    payload.byteLength,
  );
  const where = payload.length < HEAD_SIZE ? 0 : view.getUint16(4, true);
  const start = HEAD_SIZE + where;
  if (where === 0 || payload.length < start) {
    throw new ProtocolError(
      `Cannot read a datagram: ${payload.length} bytes are too few`,
    );
  }
  const data = new Uint8Array(payload.length - start);
  data.set(payload.subarray(start));
  return {
    number: view.getUint32(0, true),
    address: unpackJson(payload.subarray(HEAD_SIZE, start)) as Deno.Addr,
    data,
  };
}

/** Packs a number of 32 bits. */
export function packNumber(number: number): Uint8Array {
  const packed = new Uint8Array(4);
  new DataView(packed.buffer).setUint32(0, number, true);
  return packed;
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
  return (payload[0]! | payload[1]! << 8 | payload[2]! << 16 |
    payload[3]! << 24) >>> 0;
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
    `Cannot read a shutdown: its grace period is ${gracePeriod}`,
  );
}
