/** What Deno does with the sockets and files that it knows by a number. */
interface Core {
  /** The name of the property in which an object has its number. */
  readonly internalRidSymbol: symbol;
  read(rid: number, buffer: Uint8Array): Promise<number>;
  write(rid: number, data: Uint8Array): Promise<number>;
  /** Ends the writing side. */
  shutdown(rid: number): Promise<void>;
  close(rid: number): void;
  tryClose(rid: number): void;
  refOpPromise(promise: Promise<unknown>): void;
  unrefOpPromise(promise: Promise<unknown>): void;
}

const NAMES = [
  ...["read", "write", "shutdown", "close", "tryClose"],
  ...["refOpPromise", "unrefOpPromise"],
];

/**
 * Deno's own operations, which its classes of connections are made of. It has no
 * public class for a connection that it has not accepted itself. This is no public
 * part of Deno, and this file is the only one that knows where it is.
 */
export const core: Core = find();

function find(): Core {
  const symbol = (Deno as unknown as { readonly internal?: symbol }).internal;
  const internals = symbol === undefined
    ? undefined
    : (Deno as unknown as Record<symbol, { readonly core?: Core }>)[symbol];
  return internals?.core ?? {} as Core;
}

/** What is missing of it in this version of Deno. */
export function lackingOfCore(): string[] {
  return NAMES.filter((name) => typeof core[name as keyof Core] !== "function");
}
