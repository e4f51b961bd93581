/**
 * The servers of XML-RPC with `ForkingMixIn` mixed in. Their handler class
 * must be exported and have `moduleUrl` and a `dispatcher`.
 *
 * @module
 */

import { RECYCLE } from "../_core/seam.ts";
import { inProcesses } from "../_processes/in_processes.ts";
import type { ForkingOptions } from "../forking_options.ts";
import type { Recyclable, RecycleOptions } from "../recyclable.ts";
import type { InheritedAddress, TCPServerAddress } from "../tcp_server.ts";
import type { XMLRPCHandlerClass } from "./_arguments.ts";
import {
  DocXMLRPCServer,
  type DocXMLRPCServerOptions,
} from "./doc_xmlrpc_server.ts";
import {
  SimpleXMLRPCServer,
  type SimpleXMLRPCServerOptions,
} from "./simple_xmlrpc_server.ts";

/**
 * A {@linkcode SimpleXMLRPCServer} whose handlers run in processes, as
 * `ForkingMixIn` of `@wire/socketserver` tells.
 *
 * Needs, beside what {@linkcode SimpleXMLRPCServer} needs, `--allow-run=deno`.
 */
export class ForkingSimpleXMLRPCServer extends SimpleXMLRPCServer
  implements Recyclable {
  /**
   * Binds, listens, and waits until a first process has imported the handler.
   *
   * @param address Where to listen, or the listening socket that this process
   * was started with.
   * @param handler A class that extends {@linkcode SimpleXMLRPCRequestHandler},
   * with a `dispatcher` of its own, which its module exports and which says
   * where that is: `static override readonly moduleUrl: string =
   * import.meta.url`.
   * @param options What {@linkcode SimpleXMLRPCServerOptions} and
   * {@linkcode ForkingOptions} have, with their defaults.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.BadResource} If there is no such descriptor.
   * @throws {Deno.errors.Busy} If too few descriptors are left to start a
   * process.
   * @throws {Deno.errors.NotCapable} If the net permission is missing, or deno
   * must not be run.
   * @throws {Deno.errors.TimedOut} If a process takes longer than
   * `startTimeout` to import the handler.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is no such class, an option or a key of
   * the address has an unknown name, the descriptor is that of no listening TCP
   * socket, or this process is not run by Deno's own program.
   * @throws {Error} If the process did not start, with what it wrote to stderr,
   * or the module does not export the handler.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    handler: XMLRPCHandlerClass,
    options: SimpleXMLRPCServerOptions & ForkingOptions = {},
  ) {
    super(address, handler, inProcesses(handler, options));
  }

  /**
   * Replaces the processes by new ones, which import the handler's module
   * again. See {@linkcode Recyclable.recycle}.
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
 * A {@linkcode DocXMLRPCServer} whose handlers run in processes, as
 * `ForkingMixIn` of `@wire/socketserver` tells.
 *
 * Needs, beside what {@linkcode DocXMLRPCServer} needs, `--allow-run=deno`.
 */
export class ForkingDocXMLRPCServer extends DocXMLRPCServer
  implements Recyclable {
  /**
   * Binds, listens, and waits until a first process has imported the handler.
   *
   * @param address Where to listen, or the listening socket that this process
   * was started with.
   * @param handler A class that extends {@linkcode DocXMLRPCRequestHandler},
   * with a `dispatcher` of its own, which its module exports and which says
   * where that is: `static override readonly moduleUrl: string =
   * import.meta.url`.
   * @param options What {@linkcode DocXMLRPCServerOptions} and
   * {@linkcode ForkingOptions} have, with their defaults.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.BadResource} If there is no such descriptor.
   * @throws {Deno.errors.Busy} If too few descriptors are left to start a
   * process.
   * @throws {Deno.errors.NotCapable} If the net permission is missing, or deno
   * must not be run.
   * @throws {Deno.errors.TimedOut} If a process takes longer than
   * `startTimeout` to import the handler.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is no such class, an option or a key of
   * the address has an unknown name, the descriptor is that of no listening TCP
   * socket, `documentation` is given and the handler class has none of its own,
   * or this process is not run by Deno's own program.
   * @throws {Error} If the process did not start, with what it wrote to stderr,
   * or the module does not export the handler.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    handler: XMLRPCHandlerClass,
    options: DocXMLRPCServerOptions & ForkingOptions = {},
  ) {
    super(address, handler, inProcesses(handler, options));
  }

  /**
   * Replaces the processes by new ones, which import the handler's module
   * again. See {@linkcode Recyclable.recycle}.
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
