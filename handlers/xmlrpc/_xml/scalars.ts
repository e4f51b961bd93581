import type { XMLRPCValue } from "../xmlrpc_values.ts";
import { invalidRequest } from "./xml_reader.ts";

const INTEGER = /^[+-]?[0-9]+$/;
/**
 * The specification has no exponent. Most implementations write one, so it is
 * read; it is not written.
 */
const DOUBLE = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?$/;
/** The specification's `19980717T14:08:55`, and the same with hyphens. */
const DATE_TIME =
  /^([0-9]{4})(?:([0-9]{2})([0-9]{2})|-([0-9]{2})-([0-9]{2}))T([0-9]{2}):([0-9]{2}):([0-9]{2})$/;
/**
 * No number is longer: to read a `biginteger` takes the square of its length,
 * and no other type has so many digits.
 */
const LONGEST_NUMBER = 4300;

const isNumber = (form: RegExp, text: string) =>
  text.length <= LONGEST_NUMBER && form.test(text);

type ReadScalar = (text: string, type: string) => XMLRPCValue;

const smallInteger = (bits: number): ReadScalar => (text, type) => {
  const value = isNumber(INTEGER, text) ? Number(text) : NaN;
  if (!(value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1))) {
    throw invalid(type, text);
  }
  // Not -0.
  return value + 0;
};

const bigInteger: ReadScalar = (text, type) => {
  if (!isNumber(INTEGER, text)) throw invalid(type, text);
  const value = BigInt(text.replace("+", ""));
  if (type === "i8" && BigInt.asIntN(64, value) !== value) {
    throw invalid(type, text);
  }
  return value;
};

const double: ReadScalar = (text, type) => {
  const value = isNumber(DOUBLE, text) ? Number(text) : NaN;
  if (!Number.isFinite(value)) throw invalid(type, text);
  return value;
};

/** How the text of each type but `struct`, `array` and `nil` is read. */
const SCALARS: ReadonlyMap<string, ReadScalar> = new Map([
  ["string", (text) => text],
  ["int", smallInteger(32)],
  ["i4", smallInteger(32)],
  ["i1", smallInteger(8)],
  ["i2", smallInteger(16)],
  ["i8", bigInteger],
  ["biginteger", bigInteger],
  ["double", double],
  ["float", double],
  ["boolean", (text, type) => {
    if (text !== "0" && text !== "1") throw invalid(type, text);
    return text === "1";
  }],
  ["dateTime.iso8601", readDateTime],
  ["base64", (text, type) => {
    try {
      return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    } catch {
      throw invalid(type, text);
    }
  }],
]);

/**
 * Reads the text of a scalar.
 *
 * @throws {XMLRPCFault} If there is no such type, or it has no such value.
 */
export function readScalar(type: string, text: string): XMLRPCValue {
  const read = SCALARS.get(type);
  if (read === undefined) {
    throw invalidRequest(`the type "${type}" is not known`);
  }
  return read(text, type);
}

function readDateTime(text: string, type: string): Temporal.PlainDateTime {
  const [, year, month, day, month2, day2, hour, minute, second] =
    DATE_TIME.exec(text) ?? [];
  try {
    return new Temporal.PlainDateTime(
      Number(year),
      Number(month ?? month2),
      Number(day ?? day2),
      Number(hour),
      Number(minute),
      Number(second),
    );
  } catch {
    throw invalid(type, text);
  }
}

/** `dateTime.iso8601` in the form of the specification. */
export function writeDateTime(value: Temporal.PlainDateTime): string {
  const { year, month, day, hour, minute, second } = value;
  if (year < 0 || year > 9999) {
    throw new RangeError(`the year ${year} does not have four digits`);
  }
  const two = (n: number) => String(n).padStart(2, "0");
  return `${String(year).padStart(4, "0")}${two(month)}${two(day)}T${
    two(hour)
  }:${two(minute)}:${two(second)}`;
}

/** `double` in the form of the specification: digits, a period, digits. */
export function writeDouble(value: number): string {
  if (!Number.isFinite(value)) {
    throw new RangeError("XML-RPC has no infinity and no NaN");
  }
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  const [mantissa, exponent] = text.split("e");
  if (exponent === undefined) return text.includes(".") ? text : `${text}.0`;
  const sign = value < 0 ? "-" : "";
  const digits = mantissa!.replace(/[-.]/g, "");
  const zeros = Math.abs(Number(exponent));
  return Number(exponent) < 0
    ? `${sign}0.${"0".repeat(zeros - 1)}${digits}`
    : `${sign}${digits.padEnd(zeros + 1, "0")}.0`;
}

function invalid(type: string, text: string) {
  return invalidRequest(
    `"${text.slice(0, 40)}" is no value of the type "${type}"`,
  );
}
