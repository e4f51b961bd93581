import { inspectBounded } from "./_inspect_bounded.ts";

/**
 * The error of what should be bytes and is not.
 *
 * @param action What cannot be done with it: "send".
 * @param value What was given.
 */
export function notBytes(action: string, value: unknown): TypeError {
  return new TypeError(
    `Cannot ${action} ${inspectBounded(value)}: it is not a Uint8Array${
      typeof value === "string"
        ? "; encode it by new TextEncoder().encode()"
        : ""
    }`,
  );
}
