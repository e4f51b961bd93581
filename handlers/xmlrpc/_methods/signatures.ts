import { XMLRPC_FAULT_CODES, XMLRPCFault } from "../xmlrpc_fault.ts";
import type { XMLRPCSignature, XMLRPCType } from "../xmlrpc_signature.ts";
import { XMLRPCDouble, type XMLRPCValue } from "../xmlrpc_values.ts";

const isSmallInteger = (value: XMLRPCValue) =>
  typeof value === "number" && (value | 0) === value;

/** Which values, as they are read, are of each type. */
const IS_OF_TYPE: Readonly<
  Record<XMLRPCType, (value: XMLRPCValue) => boolean>
> = {
  any: () => true,
  int: isSmallInteger,
  i4: isSmallInteger,
  i8: (value) => typeof value === "bigint" || isSmallInteger(value),
  double: (value) => typeof value === "number",
  boolean: (value) => typeof value === "boolean",
  string: (value) => typeof value === "string",
  "dateTime.iso8601": (value) => value instanceof Temporal.PlainDateTime,
  base64: (value) => value instanceof Uint8Array,
  array: (value) => Array.isArray(value),
  struct: (value) =>
    typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype,
  nil: (value) => value === null,
};

/**
 * Checks that there are signatures, each with known types.
 *
 * @throws {TypeError} If not.
 */
export function checkSignatures(
  name: string,
  signatures: readonly XMLRPCSignature[],
): void {
  for (const signature of signatures) {
    const unknown = signature.find((type) => !Object.hasOwn(IS_OF_TYPE, type));
    if (signature.length > 0 && unknown === undefined) continue;
    throw new TypeError(
      `Cannot register "${name}": ${
        unknown === undefined
          ? "a signature is empty; it starts with the type of the result"
          : `"${unknown}" is no type of XML-RPC; use one of ${
            Object.keys(IS_OF_TYPE).join(", ")
          }`
      }`,
    );
  }
}

/**
 * The signature that the parameters fit.
 *
 * @throws {XMLRPCFault} If there are signatures and they fit none.
 */
export function matchSignature(
  name: string,
  signatures: readonly XMLRPCSignature[],
  params: readonly XMLRPCValue[],
): XMLRPCSignature | undefined {
  const matching = signatures.find((signature) =>
    signature.length === params.length + 1 &&
    params.every((param, i) => IS_OF_TYPE[signature[i + 1]!](param))
  );
  if (matching !== undefined || signatures.length === 0) return matching;
  throw new XMLRPCFault(
    XMLRPC_FAULT_CODES.invalidParams,
    `Cannot call "${name}": it takes ${
      signatures.map(([, ...types]) => `(${types.join(", ")})`).join(" or ")
    }`,
  );
}

/** A number as the type that the signature promises, where there are several. */
export function asResultType(
  result: unknown,
  signature: XMLRPCSignature | undefined,
): unknown {
  if (typeof result !== "number") return result;
  if (signature?.[0] === "double") return new XMLRPCDouble(result);
  if (signature?.[0] === "i8" && Number.isInteger(result)) {
    return BigInt(result);
  }
  return result;
}
