import { XMLRPCDouble } from "../xmlrpc_values.ts";
import { type InPieces, STEPS } from "./in_pieces.ts";
import type { Limits } from "./limits.ts";
import { writeDateTime, writeDouble } from "./scalars.ts";
import { escapeText } from "./xml_characters.ts";

/** An array or struct that is being written. */
interface Container {
  readonly value: object;
  /** The members' names; `undefined` of an array. */
  readonly names: readonly string[] | undefined;
  readonly length: number;
  /** Which item or member is being written. */
  index: number;
}

/**
 * Writes a value as `<value>…</value>`. It keeps a stack of its own: a value may
 * be deeper than that of the language.
 *
 * @param room How long it may become, in characters.
 * @throws {TypeError} If the value, or one in it, has no form in XML-RPC.
 * @throws {RangeError} If a number or date is out of range, or the value too
 * deep or too long.
 */
export function* writeValue(
  value: unknown,
  limits: Limits,
  room: number = limits.maxSize,
): InPieces<string> {
  const containers: Container[] = [];
  const inside = new Set<object>();
  let steps = 0;
  try {
    let xml = writeOrOpen(value, limits, room, containers, inside);
    while (true) {
      // It may be that nothing more is added that would show it.
      if (xml.length > room) throw tooLong(limits);
      const container = containers.at(-1);
      if (container === undefined) return xml;
      if (++steps % STEPS === 0) yield;
      const { names } = container;
      if (names !== undefined && container.index >= 0) xml += "</member>";
      if (++container.index === container.length) {
        xml += names === undefined
          ? "</data></array></value>"
          : "</struct></value>";
        inside.delete(container.value);
        containers.pop();
        continue;
      }
      if (names === undefined) {
        const item = (container.value as unknown[])[container.index];
        xml += writeOrOpen(
          item,
          limits,
          room - xml.length,
          containers,
          inside,
        );
      } else {
        const name = names[container.index]!;
        xml += `<member><name>${escapeText(name, room - xml.length)}</name>`;
        const member = (container.value as Record<string, unknown>)[name];
        xml += writeOrOpen(
          member,
          limits,
          room - xml.length,
          containers,
          inside,
        );
      }
    }
  } catch (error) {
    throw atPlace(error, containers);
  }
}

/** Writes a scalar, or only the beginning of an array or struct. */
function writeOrOpen(
  value: unknown,
  limits: Limits,
  room: number,
  containers: Container[],
  inside: Set<object>,
): string {
  switch (typeof value) {
    case "string":
      return `<value><string>${escapeText(value, room)}</string></value>`;
    case "number":
      // Not -0, which only a double can be.
      return Object.is(value | 0, value)
        ? `<value><int>${value}</int></value>`
        : `<value><double>${writeDouble(value)}</double></value>`;
    case "boolean":
      return `<value><boolean>${value ? 1 : 0}</boolean></value>`;
    case "bigint":
      if (BigInt.asIntN(64, value) !== value) {
        throw new RangeError(`${value} does not have 64 bits`);
      }
      return `<value><i8>${value}</i8></value>`;
    case "undefined":
      return writeNil(value, limits);
    case "object":
      break;
    default:
      throw new TypeError(`XML-RPC has no ${typeof value}`);
  }
  if (value === null) return writeNil(value, limits);
  if (Array.isArray(value)) {
    open(value, undefined, limits, containers, inside);
    return "<value><array><data>";
  }
  const scalar = writeObject(value, limits, room);
  if (scalar !== undefined) return scalar;
  const members = value as Record<string, unknown>;
  const names = Object.keys(members)
    .filter((name) => members[name] !== undefined);
  open(value, names, limits, containers, inside);
  return "<value><struct>";
}

function open(
  value: object,
  names: readonly string[] | undefined,
  limits: Limits,
  containers: Container[],
  inside: Set<object>,
): void {
  if (inside.has(value)) throw new TypeError("it contains itself");
  if (containers.length === limits.maxDepth) {
    throw new RangeError(
      `more than ${limits.maxDepth} arrays and structs are inside one another`,
    );
  }
  inside.add(value);
  const length = names?.length ?? (value as unknown[]).length;
  containers.push({ value, names, length, index: -1 });
}

/** Writes an object that is no struct; of a plain object, nothing. */
function writeObject(
  value: object,
  limits: Limits,
  room: number,
): string | undefined {
  if (value instanceof XMLRPCDouble) {
    return `<value><double>${writeDouble(value.value)}</double></value>`;
  }
  if (value instanceof Uint8Array) return writeBytes(value, limits, room);
  if (value instanceof ArrayBuffer) {
    return writeBytes(new Uint8Array(value), limits, room);
  }
  const dateTime = dateTimeOf(value);
  if (dateTime !== undefined) {
    return `<value><dateTime.iso8601>${
      writeDateTime(dateTime)
    }</dateTime.iso8601></value>`;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return undefined;
  throw new TypeError(
    `XML-RPC has no ${
      prototype.constructor?.name ?? "such object"
    }; make a plain object of it`,
  );
}

function writeBytes(bytes: Uint8Array, limits: Limits, room: number): string {
  // Four characters for three bytes.
  if (bytes.length / 3 * 4 > room) throw tooLong(limits);
  return `<value><base64>${bytes.toBase64()}</base64></value>`;
}

function dateTimeOf(value: object): Temporal.PlainDateTime | undefined {
  if (value instanceof Temporal.PlainDateTime) return value;
  if (!(value instanceof Date)) return undefined;
  const time = value.getTime();
  if (Number.isNaN(time)) throw new RangeError("it is an invalid Date");
  return Temporal.Instant.fromEpochMilliseconds(time)
    .toZonedDateTimeISO("UTC").toPlainDateTime();
}

function writeNil(value: null | undefined, limits: Limits): string {
  if (limits.allowNil) return "<value><nil/></value>";
  throw new TypeError(
    `XML-RPC itself has no ${value}; return something, or set allowNil`,
  );
}

function tooLong({ maxSize }: Limits): RangeError {
  return new RangeError(
    `the document would be longer than maxSize, ${maxSize} characters`,
  );
}

/** Says where in the value the error is. */
function atPlace(error: unknown, containers: readonly Container[]): unknown {
  if (!(error instanceof TypeError || error instanceof RangeError)) {
    return error;
  }
  const path = containers.slice(0, 20).map(({ names, index }) =>
    names === undefined ? `[${index}]` : `[${JSON.stringify(names[index])}]`
  ).join("");
  const place = path === "" ? "" : ` at ${path}`;
  const Same = error instanceof RangeError ? RangeError : TypeError;
  return new Same(`Cannot write value${place}: ${error.message}`, {
    cause: error,
  });
}
