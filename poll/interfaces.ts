import { describe, integer } from "./_check.ts";
import { systemError } from "./_errors.ts";
import { errno, libc } from "./_libc.ts";

/** IF_NAMESIZE of net/if.h: the longest name, its end included. */
const NAME_SIZE = 16;

const name = new Uint8Array(NAME_SIZE);

/**
 * The index of a network interface, as Python's `if_nametoindex`;
 * if_nametoindex(3). Multicasts of IPv6 go by it.
 *
 * @param interfaceName Its name, as `"lo"`.
 * @returns Its index, from 1.
 * @throws {TypeError} If it is no name that an interface can have.
 * @throws {Error} With code `ENODEV` if there is no such interface.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 */
export function ifNameToIndex(interfaceName: string): number {
  const bytes = typeof interfaceName === "string"
    ? new TextEncoder().encode(`${interfaceName}\0`)
    : new Uint8Array(0);
  if (
    bytes.length < 2 || bytes.length > NAME_SIZE ||
    bytes.indexOf(0) !== bytes.length - 1
  ) {
    throw new TypeError(
      `Cannot use ${
        describe(interfaceName)
      } as the name of an interface: it must be a string of 1 to ${
        NAME_SIZE - 1
      } bytes`,
    );
  }
  // libc reads up to the NUL, which was just put there, during the call.
  const index = libc().if_nametoindex(bytes);
  if (index === 0) {
    throw systemError(
      errno(),
      "if_nametoindex",
      `tell the index of interface ${describe(interfaceName)}`,
    );
  }
  return index;
}

/**
 * The name of a network interface, as Python's `if_indextoname`;
 * if_indextoname(3).
 *
 * @param index Its index, from 1 to 2^31 - 1.
 * @returns Its name.
 * @throws {TypeError} If it is no integer.
 * @throws {RangeError} If it is not from 1 to 2^31 - 1.
 * @throws {Error} With code `ENXIO` if there is no such interface.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 */
export function ifIndexToName(index: number): string {
  integer(index, "the index of an interface", 1, 0x7fff_ffff);
  // libc writes at most IF_NAMESIZE bytes, its end included, to `name`, which is
  // ours and kept.
  if (libc().if_indextoname(index, name) === 0n) {
    throw systemError(
      errno(),
      "if_indextoname",
      `tell the name of interface ${index}`,
    );
  }
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}
