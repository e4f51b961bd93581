/**
 * The servers with {@linkcode ForkingMixIn} mixed in.
 *
 * @module
 */

import { TCPServer } from "./tcp_server.ts";
import { type Forking, ForkingMixIn } from "./forking_mixin.ts";
import { TLSServer } from "./tls_server.ts";
import { UDPServer } from "./udp_server.ts";
import { UnixDatagramServer } from "./unix_datagram_server.ts";
import { UnixStreamServer } from "./unix_stream_server.ts";

const TCP: Forking<typeof TCPServer> = ForkingMixIn(TCPServer);
const TLS: Forking<typeof TLSServer> = ForkingMixIn(TLSServer);
const UDP: Forking<typeof UDPServer> = ForkingMixIn(UDPServer);
const UnixStream: Forking<typeof UnixStreamServer> = ForkingMixIn(
  UnixStreamServer,
);
const UnixDatagram: Forking<typeof UnixDatagramServer> = ForkingMixIn(
  UnixDatagramServer,
);

/** A {@linkcode TCPServer} whose handlers run in processes. */
export class ForkingTCPServer extends TCP {}

/** A {@linkcode TLSServer} whose handlers run in processes. */
export class ForkingTLSServer extends TLS {}

/** A {@linkcode UDPServer} whose handlers run in processes. */
export class ForkingUDPServer extends UDP {}

/** A {@linkcode UnixStreamServer} whose handlers run in processes. */
export class ForkingUnixStreamServer extends UnixStream {}

/** A {@linkcode UnixDatagramServer} whose handlers run in processes. */
export class ForkingUnixDatagramServer extends UnixDatagram {}
