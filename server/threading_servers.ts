/**
 * The servers with {@linkcode ThreadingMixIn} mixed in.
 *
 * @module
 */

import { TCPServer } from "./tcp_server.ts";
import { type Threading, ThreadingMixIn } from "./threading_mixin.ts";
import { TLSServer } from "./tls_server.ts";
import { UDPServer } from "./udp_server.ts";
import { UnixDatagramServer } from "./unix_datagram_server.ts";
import { UnixStreamServer } from "./unix_stream_server.ts";

const TCP: Threading<typeof TCPServer> = ThreadingMixIn(TCPServer);
const TLS: Threading<typeof TLSServer> = ThreadingMixIn(TLSServer);
const UDP: Threading<typeof UDPServer> = ThreadingMixIn(UDPServer);
const UnixStream: Threading<typeof UnixStreamServer> = ThreadingMixIn(
  UnixStreamServer,
);
const UnixDatagram: Threading<typeof UnixDatagramServer> = ThreadingMixIn(
  UnixDatagramServer,
);

/** A {@linkcode TCPServer} whose handlers run in threads. */
export class ThreadingTCPServer extends TCP {}

/** A {@linkcode TLSServer} whose handlers run in threads. */
export class ThreadingTLSServer extends TLS {}

/** A {@linkcode UDPServer} whose handlers run in threads. */
export class ThreadingUDPServer extends UDP {}

/** A {@linkcode UnixStreamServer} whose handlers run in threads. */
export class ThreadingUnixStreamServer extends UnixStream {}

/** A {@linkcode UnixDatagramServer} whose handlers run in threads. */
export class ThreadingUnixDatagramServer extends UnixDatagram {}
