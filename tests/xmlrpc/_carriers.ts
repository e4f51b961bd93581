import type { XMLRPCClientOptions } from "../../server/xmlrpc/mod.ts";

/** What carries the calls of a client, and how it is asked for. */
export interface Carrier {
  readonly name: string;
  readonly optionsFor: (addr: Deno.NetAddr) => XMLRPCClientOptions;
}

/** Both, for what must be the same over each. */
export const CARRIERS: readonly Carrier[] = [
  { name: "fetch", optionsFor: () => ({}) },
  {
    name: "a connection",
    optionsFor: ({ hostname, port }) => ({
      connect: () => Deno.connect({ hostname, port }),
    }),
  },
];

/** A test of each. */
export function testCarriers(
  name: string,
  fn: (carrier: Carrier) => Promise<void>,
): void {
  for (const carrier of CARRIERS) {
    Deno.test(`${name}, over ${carrier.name}`, () => fn(carrier));
  }
}
