/**
 * The HTTP servers with `ThreadingMixIn` mixed in.
 *
 * @module
 */

import { RECYCLE } from "../_core/seam.ts";
import { inThreads } from "../_threads/in_threads.ts";
import type { ThreadingOptions } from "../threading_options.ts";
import type { Recyclable, RecycleOptions } from "../recyclable.ts";
import type { RequestHandlerClass } from "../server_options.ts";
import type { InheritedAddress, TCPServerAddress } from "../tcp_server.ts";
import type { InheritedTLSAddress, TLSServerAddress } from "../tls_server.ts";
import { HTTPServer, type HTTPServerOptions } from "./http_server.ts";
import { HTTPSServer, type HTTPSServerOptions } from "./https_server.ts";

/**
 * An {@linkcode HTTPServer} whose handlers run in threads, as `ThreadingMixIn`
 * of `@wire/socketserver` tells.
 *
 * Needs, beside what {@linkcode HTTPServer} needs, `--allow-read` of the files
 * that the threads import.
 */
export class ThreadingHTTPServer<Config = unknown> extends HTTPServer<Config>
  implements Recyclable {
  /**
   * Binds, listens, and waits until a first thread has imported the handler.
   *
   * @param address Where to listen, or the listening socket that this process
   * was started with.
   * @param handler A handler class of HTTP, which its module exports and which
   * says where that is: `static override readonly moduleUrl: string =
   * import.meta.url`.
   * @param options What {@linkcode HTTPServerOptions} and
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
   * @throws {TypeError} If `handler` is no such class, an option for functions
   * is given, an option or a key of the address has an unknown name, the
   * descriptor is that of no listening TCP socket, or threads cannot accept as
   * `accept` insists.
   * @throws What importing the handler's module throws.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    handler: RequestHandlerClass<Deno.TcpConn, Deno.NetAddr, Config>,
    options: HTTPServerOptions<Config> & ThreadingOptions = {},
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
 * An {@linkcode HTTPSServer} whose handlers run in threads, as `ThreadingMixIn`
 * of `@wire/socketserver` tells.
 *
 * Needs, beside what {@linkcode HTTPSServer} needs, `--allow-read` of the files
 * that the threads import.
 */
export class ThreadingHTTPSServer<Config = unknown> extends HTTPSServer<Config>
  implements Recyclable {
  /**
   * Binds, listens, and waits until a first thread has imported the handler.
   *
   * @param address Where to listen, or the listening socket that this process
   * was started with; the certificate and its key, and what else
   * {@linkcode TLSOptions} has.
   * @param handler A handler class of HTTP, which its module exports and which
   * says where that is: `static override readonly moduleUrl: string =
   * import.meta.url`.
   * @param options What {@linkcode HTTPSServerOptions} and
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
   * @throws {TypeError} If `handler` is no such class, an option for functions
   * is given, an option or a key of the address has an unknown name, the
   * descriptor is that of no listening TCP socket, or threads cannot accept as
   * `accept` insists.
   * @throws What importing the handler's module throws.
   */
  constructor(
    address: TLSServerAddress | InheritedTLSAddress,
    handler: RequestHandlerClass<Deno.TlsConn, Deno.NetAddr, Config>,
    options: HTTPSServerOptions<Config> & ThreadingOptions = {},
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
