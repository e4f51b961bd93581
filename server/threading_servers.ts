/**
 * The servers with {@linkcode ThreadingMixIn} mixed in.
 *
 * @module
 */

import type { Recyclable } from "./recyclable.ts";
import { TCPServer } from "./tcp_server.ts";
import { type Threading, ThreadingMixIn } from "./threading_mixin.ts";
import { TLSServer } from "./tls_server.ts";
import { UDPServer } from "./udp_server.ts";
import { UnixDatagramServer } from "./unix_datagram_server.ts";
import { UnixStreamServer } from "./unix_stream_server.ts";

/** A {@linkcode TCPServer} whose handlers run in threads. */
export const ThreadingTCPServer: Threading<typeof TCPServer> = ThreadingMixIn(
  TCPServer,
);
/** An instance of the class of the same name. */
export type ThreadingTCPServer = TCPServer & Recyclable;

/** A {@linkcode TLSServer} whose handlers run in threads. */
export const ThreadingTLSServer: Threading<typeof TLSServer> = ThreadingMixIn(
  TLSServer,
);
/** An instance of the class of the same name. */
export type ThreadingTLSServer = TLSServer & Recyclable;

/** A {@linkcode UDPServer} whose handlers run in threads. */
export const ThreadingUDPServer: Threading<typeof UDPServer> = ThreadingMixIn(
  UDPServer,
);
/** An instance of the class of the same name. */
export type ThreadingUDPServer = UDPServer & Recyclable;

/** A {@linkcode UnixStreamServer} whose handlers run in threads. */
export const ThreadingUnixStreamServer: Threading<typeof UnixStreamServer> =
  ThreadingMixIn(UnixStreamServer);
/** An instance of the class of the same name. */
export type ThreadingUnixStreamServer = UnixStreamServer & Recyclable;

/** A {@linkcode UnixDatagramServer} whose handlers run in threads. */
export const ThreadingUnixDatagramServer: Threading<typeof UnixDatagramServer> =
  ThreadingMixIn(UnixDatagramServer);
/** An instance of the class of the same name. */
export type ThreadingUnixDatagramServer = UnixDatagramServer & Recyclable;
