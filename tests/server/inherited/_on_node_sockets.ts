/**
 * This module with servers that accept by way of `node:net`: for tests of TCP and
 * Unix sockets that are to hold on such connections as well.
 */
import * as real from "../../../mod.ts";

export * from "../../../mod.ts";

export class TCPServer extends real.TCPServer {
  constructor(
    ...[address, ...rest]: ConstructorParameters<typeof real.TCPServer>
  ) {
    super(inheritable(address), ...rest);
  }
}

export class TLSServer extends real.TLSServer {
  constructor(
    ...[address, ...rest]: ConstructorParameters<typeof real.TLSServer>
  ) {
    super(inheritable(address), ...rest);
  }
}

export class UnixStreamServer extends real.UnixStreamServer {
  constructor(
    ...[address, ...rest]: ConstructorParameters<typeof real.UnixStreamServer>
  ) {
    super(inheritable(address), ...rest);
  }
}

/** Only such a socket can be handed to another process, and is one of theirs. */
function inheritable<Address extends object>(address: Address): Address {
  return "fd" in address ? address : { ...address, inheritable: true };
}
