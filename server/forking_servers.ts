/**
 * The servers with {@linkcode ForkingMixIn} mixed in.
 *
 * @module
 */

import type { Recyclable } from "./recyclable.ts";
import { TCPServer } from "./tcp_server.ts";
import { type Forking, ForkingMixIn } from "./forking_mixin.ts";
import { TLSServer } from "./tls_server.ts";
import { UDPServer } from "./udp_server.ts";
import { UnixDatagramServer } from "./unix_datagram_server.ts";
import { UnixStreamServer } from "./unix_stream_server.ts";

/** A {@linkcode TCPServer} whose handlers run in processes. */
export const ForkingTCPServer: Forking<typeof TCPServer> = ForkingMixIn(
  TCPServer,
);
/** An instance of the class of the same name. */
export type ForkingTCPServer = TCPServer & Recyclable;

/** A {@linkcode TLSServer} whose handlers run in processes. */
export const ForkingTLSServer: Forking<typeof TLSServer> = ForkingMixIn(
  TLSServer,
);
/** An instance of the class of the same name. */
export type ForkingTLSServer = TLSServer & Recyclable;

/** A {@linkcode UDPServer} whose handlers run in processes. */
export const ForkingUDPServer: Forking<typeof UDPServer> = ForkingMixIn(
  UDPServer,
);
/** An instance of the class of the same name. */
export type ForkingUDPServer = UDPServer & Recyclable;

/** A {@linkcode UnixStreamServer} whose handlers run in processes. */
export const ForkingUnixStreamServer: Forking<typeof UnixStreamServer> =
  ForkingMixIn(UnixStreamServer);
/** An instance of the class of the same name. */
export type ForkingUnixStreamServer = UnixStreamServer & Recyclable;

/** A {@linkcode UnixDatagramServer} whose handlers run in processes. */
export const ForkingUnixDatagramServer: Forking<typeof UnixDatagramServer> =
  ForkingMixIn(UnixDatagramServer);
/** An instance of the class of the same name. */
export type ForkingUnixDatagramServer = UnixDatagramServer & Recyclable;
