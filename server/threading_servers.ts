/**
 * The servers with {@linkcode ThreadingMixIn} mixed in.
 *
 * @module
 */

import type { DatagramRequest } from "../handlers/datagram_request_handler.ts";
import { RECYCLE } from "./_core/seam.ts";
import { inThreads } from "./_threads/in_threads.ts";
import type { ThreadingOptions } from "./threading_options.ts";
import type { Recyclable, RecycleOptions } from "./recyclable.ts";
import type { RequestHandlerClass } from "./server_options.ts";
import {
  type InheritedAddress,
  TCPServer,
  type TCPServerAddress,
  type TCPServerOptions,
} from "./tcp_server.ts";
import {
  type InheritedTLSAddress,
  TLSServer,
  type TLSServerAddress,
  type TLSServerOptions,
} from "./tls_server.ts";
import {
  UDPServer,
  type UDPServerAddress,
  type UDPServerOptions,
} from "./udp_server.ts";
import {
  UnixDatagramServer,
  type UnixDatagramServerOptions,
} from "./unix_datagram_server.ts";
import {
  type UnixServerAddress,
  UnixStreamServer,
  type UnixStreamServerAddress,
  type UnixStreamServerOptions,
} from "./unix_stream_server.ts";

/**
 * A {@linkcode TCPServer} whose handlers run in threads, as
 * {@linkcode ThreadingMixIn} tells.
 *
 * Needs, beside what {@linkcode TCPServer} needs, `--allow-read` of the files
 * that the threads import.
 */
export class ThreadingTCPServer<Config = unknown> extends TCPServer<Config>
  implements Recyclable {
  /**
   * Binds, listens, and waits until a first thread has imported the handler.
   *
   * @param address Where to listen, or the listening socket that this process
   * was started with.
   * @param handler A handler class, which its module exports and which says
   * where that is: `static override readonly moduleUrl: string =
   * import.meta.url`.
   * @param options What {@linkcode TCPServerOptions} and
   * {@linkcode ThreadingOptions} have, with their defaults.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.BadResource} If there is no such descriptor.
   * @throws {Deno.errors.Busy} If too few descriptors are left to start a
   * thread, to replace it, and to accept a client.
   * @throws {Deno.errors.NotCapable} If the net permission is missing, or a
   * file that a thread imports must not be read.
   * @throws {Deno.errors.NotSupported} If threads could not share the socket,
   * as `accept` insists.
   * @throws {Deno.errors.TimedOut} If a thread takes longer than 30 seconds to
   * import the handler.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is no such class, an option or a key of
   * the address has an unknown name, the descriptor is that of no listening TCP
   * socket, or threads cannot accept as `accept` insists.
   * @throws What importing the handler's module throws.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    handler: RequestHandlerClass<Deno.TcpConn, Deno.NetAddr, Config>,
    options: TCPServerOptions<Config> & ThreadingOptions = {},
  ) {
    super(address, handler, inThreads(new.target, address, handler, options));
  }

  /**
   * Replaces the threads by new ones, which import the handler's module again.
   * See {@linkcode Recyclable.recycle}.
   *
   * @param options How long requests in the old ones may take.
   * @returns A promise that resolves when the old ones are gone, or the server
   * has ended. It rejects with what keeps a new one from being started.
   * @throws {Deno.errors.Busy} If too few descriptors are left.
   * @throws {RangeError} If `gracePeriod` is not a non-negative number.
   */
  recycle(options: RecycleOptions = {}): Promise<void> {
    return this[RECYCLE](options);
  }
}

/**
 * A {@linkcode TLSServer} whose handlers run in threads, as
 * {@linkcode ThreadingMixIn} tells.
 *
 * Needs, beside what {@linkcode TLSServer} needs, `--allow-read` of the files
 * that the threads import.
 */
export class ThreadingTLSServer<Config = unknown> extends TLSServer<Config>
  implements Recyclable {
  /**
   * Binds, listens, and waits until a first thread has imported the handler.
   *
   * @param address Where to listen, or the listening socket that this process
   * was started with; the certificate and its key, and what else
   * {@linkcode TLSOptions} has.
   * @param handler A handler class, which its module exports and which says
   * where that is: `static override readonly moduleUrl: string =
   * import.meta.url`.
   * @param options What {@linkcode TLSServerOptions} and
   * {@linkcode ThreadingOptions} have, with their defaults.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.BadResource} If there is no such descriptor.
   * @throws {Deno.errors.Busy} If too few descriptors are left to start a
   * thread, to replace it, and to accept a client.
   * @throws {Deno.errors.InvalidData} If a certificate or key is not PEM, such
   * as the name of a file, or the key is another certificate's.
   * @throws {Deno.errors.NotCapable} If the net permission is missing, or a
   * file that a thread imports must not be read.
   * @throws {Deno.errors.NotSupported} If this version of Deno has another
   * `node:tls`, or threads could not share the socket, as `accept` insists.
   * @throws {Deno.errors.TimedOut} If a thread takes longer than 30 seconds to
   * import the handler.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is no such class, an option or a key of
   * the address has an unknown name, the descriptor is that of no listening TCP
   * socket, or threads cannot accept as `accept` insists.
   * @throws What importing the handler's module throws.
   */
  constructor(
    address: TLSServerAddress | InheritedTLSAddress,
    handler: RequestHandlerClass<Deno.TlsConn, Deno.NetAddr, Config>,
    options: TLSServerOptions<Config> & ThreadingOptions = {},
  ) {
    super(address, handler, inThreads(new.target, address, handler, options));
  }

  /**
   * Replaces the threads by new ones, which import the handler's module again.
   * See {@linkcode Recyclable.recycle}.
   *
   * @param options How long requests in the old ones may take.
   * @returns A promise that resolves when the old ones are gone, or the server
   * has ended. It rejects with what keeps a new one from being started.
   * @throws {Deno.errors.Busy} If too few descriptors are left.
   * @throws {RangeError} If `gracePeriod` is not a non-negative number.
   */
  recycle(options: RecycleOptions = {}): Promise<void> {
    return this[RECYCLE](options);
  }
}

/**
 * A {@linkcode UDPServer} whose handlers run in threads, as
 * {@linkcode ThreadingMixIn} tells.
 *
 * Needs, beside what {@linkcode UDPServer} needs, `--allow-read` of the files
 * that the threads import.
 */
export class ThreadingUDPServer<Config = unknown> extends UDPServer<Config>
  implements Recyclable {
  /**
   * Binds, and waits until a first thread has imported the handler.
   *
   * @param address Where to listen.
   * @param handler A handler class, which its module exports and which says
   * where that is: `static override readonly moduleUrl: string =
   * import.meta.url`.
   * @param options What {@linkcode UDPServerOptions} and
   * {@linkcode ThreadingOptions} have, with their defaults.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.Busy} If too few descriptors are left to start a
   * thread, to replace it, and to accept a client.
   * @throws {Deno.errors.NotCapable} If the net permission is missing, or a
   * file that a thread imports must not be read.
   * @throws {Deno.errors.NotSupported} Without `--unstable-net`.
   * @throws {Deno.errors.TimedOut} If a thread takes longer than 30 seconds to
   * import the handler.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is no such class, an option or a key of
   * the address has an unknown name, or threads cannot accept as `accept`
   * insists.
   * @throws What importing the handler's module throws.
   */
  constructor(
    address: UDPServerAddress,
    handler: RequestHandlerClass<
      DatagramRequest<Deno.NetAddr>,
      Deno.NetAddr,
      Config
    >,
    options: UDPServerOptions<Config> & ThreadingOptions = {},
  ) {
    super(address, handler, inThreads(new.target, address, handler, options));
  }

  /**
   * Replaces the threads by new ones, which import the handler's module again.
   * See {@linkcode Recyclable.recycle}.
   *
   * @param options How long requests in the old ones may take.
   * @returns A promise that resolves when the old ones are gone, or the server
   * has ended. It rejects with what keeps a new one from being started.
   * @throws {Deno.errors.Busy} If too few descriptors are left.
   * @throws {RangeError} If `gracePeriod` is not a non-negative number.
   */
  recycle(options: RecycleOptions = {}): Promise<void> {
    return this[RECYCLE](options);
  }
}

/**
 * A {@linkcode UnixStreamServer} whose handlers run in threads, as
 * {@linkcode ThreadingMixIn} tells.
 *
 * Needs, beside what {@linkcode UnixStreamServer} needs, `--allow-read` of the
 * files that the threads import.
 */
export class ThreadingUnixStreamServer<Config = unknown>
  extends UnixStreamServer<Config>
  implements Recyclable {
  /**
   * Binds, listens, and waits until a first thread has imported the handler.
   *
   * @param address Where to listen, or the listening socket that this process
   * was started with.
   * @param handler A handler class, which its module exports and which says
   * where that is: `static override readonly moduleUrl: string =
   * import.meta.url`.
   * @param options What {@linkcode UnixStreamServerOptions} and
   * {@linkcode ThreadingOptions} have, with their defaults.
   * @throws {Deno.errors.AddrInUse} If the path exists and is not reclaimed.
   * @throws {Deno.errors.BadResource} If there is no such descriptor.
   * @throws {Deno.errors.Busy} If too few descriptors are left to start a
   * thread, to replace it, and to accept a client.
   * @throws {Deno.errors.NotCapable} If a permission is missing, or a file that
   * a thread imports must not be read.
   * @throws {Deno.errors.NotFound} If the path's folder does not exist.
   * @throws {Deno.errors.TimedOut} If a thread takes longer than 30 seconds to
   * import the handler.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If `handler` is no such class, the path is empty, or
   * too long for a Unix socket, an option or a key of the address has an
   * unknown name, the descriptor is that of no listening Unix socket, or
   * threads cannot accept as `accept` insists.
   * @throws What importing the handler's module throws.
   */
  constructor(
    address: UnixStreamServerAddress | InheritedAddress,
    handler: RequestHandlerClass<Deno.UnixConn, Deno.UnixAddr, Config>,
    options: UnixStreamServerOptions<Config> & ThreadingOptions = {},
  ) {
    super(address, handler, inThreads(new.target, address, handler, options));
  }

  /**
   * Replaces the threads by new ones, which import the handler's module again.
   * See {@linkcode Recyclable.recycle}.
   *
   * @param options How long requests in the old ones may take.
   * @returns A promise that resolves when the old ones are gone, or the server
   * has ended. It rejects with what keeps a new one from being started.
   * @throws {Deno.errors.Busy} If too few descriptors are left.
   * @throws {RangeError} If `gracePeriod` is not a non-negative number.
   */
  recycle(options: RecycleOptions = {}): Promise<void> {
    return this[RECYCLE](options);
  }
}

/**
 * A {@linkcode UnixDatagramServer} whose handlers run in threads, as
 * {@linkcode ThreadingMixIn} tells.
 *
 * Needs, beside what {@linkcode UnixDatagramServer} needs, `--allow-read` of
 * the files that the threads import.
 */
export class ThreadingUnixDatagramServer<Config = unknown>
  extends UnixDatagramServer<Config>
  implements Recyclable {
  /**
   * Binds, and waits until a first thread has imported the handler.
   *
   * @param address Where to listen.
   * @param handler A handler class, which its module exports and which says
   * where that is: `static override readonly moduleUrl: string =
   * import.meta.url`.
   * @param options What {@linkcode UnixDatagramServerOptions} and
   * {@linkcode ThreadingOptions} have, with their defaults.
   * @throws {Deno.errors.AddrInUse} If the path exists and is not reclaimed.
   * @throws {Deno.errors.Busy} If too few descriptors are left to start a
   * thread, to replace it, and to accept a client.
   * @throws {Deno.errors.NotCapable} If a permission is missing, or a file that
   * a thread imports must not be read.
   * @throws {Deno.errors.NotFound} If the path's folder does not exist.
   * @throws {Deno.errors.NotSupported} Without `--unstable-net`.
   * @throws {Deno.errors.TimedOut} If a thread takes longer than 30 seconds to
   * import the handler.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If `handler` is no such class, the path is empty, or
   * too long for a Unix socket, an option or a key of the address has an
   * unknown name, or threads cannot accept as `accept` insists.
   * @throws What importing the handler's module throws.
   */
  constructor(
    address: UnixServerAddress,
    handler: RequestHandlerClass<
      DatagramRequest<Deno.UnixAddr>,
      Deno.UnixAddr,
      Config
    >,
    options: UnixDatagramServerOptions<Config> & ThreadingOptions = {},
  ) {
    super(address, handler, inThreads(new.target, address, handler, options));
  }

  /**
   * Replaces the threads by new ones, which import the handler's module again.
   * See {@linkcode Recyclable.recycle}.
   *
   * @param options How long requests in the old ones may take.
   * @returns A promise that resolves when the old ones are gone, or the server
   * has ended. It rejects with what keeps a new one from being started.
   * @throws {Deno.errors.Busy} If too few descriptors are left.
   * @throws {RangeError} If `gracePeriod` is not a non-negative number.
   */
  recycle(options: RecycleOptions = {}): Promise<void> {
    return this[RECYCLE](options);
  }
}
