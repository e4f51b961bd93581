import { MultiPathXMLRPCRequestHandler } from "../../handlers/xmlrpc/multi_path_xmlrpc_request_handler.ts";
import type { XMLRPCRequestServer } from "../../handlers/xmlrpc/simple_xmlrpc_request_handler.ts";
import type { XMLRPCDispatcher } from "../../handlers/xmlrpc/xmlrpc_dispatcher.ts";
import { HTTPServer } from "../http/http_server.ts";
import type {
  InheritedAddress,
  TCPServerAddress,
  TCPServerOptions,
} from "../tcp_server.ts";
import { handlerAndOptions, type XMLRPCHandlerClass } from "./_arguments.ts";

/** Options of a {@linkcode MultiPathXMLRPCServer}. */
export interface MultiPathXMLRPCServerOptions extends TCPServerOptions {
  /**
   * Whether each request is logged to stderr.
   *
   * @default {true}
   */
  readonly logRequests?: boolean;
}

/**
 * A server of XML-RPC with several dispatchers, each at a path of its own. The
 * handlers run on the event loop.
 *
 * Needs `--allow-net=HOSTNAME:PORT`, and nothing else.
 *
 * @example Two dispatchers
 * ```ts
 * import { MultiPathXMLRPCServer, XMLRPCDispatcher } from "@wire/socketserver/xmlrpc";
 *
 * await using server = new MultiPathXMLRPCServer({ hostname: "127.0.0.1", port: 0 });
 * const metric = server.addDispatcher("/metric", new XMLRPCDispatcher());
 * metric.registerFunction((cm: number) => cm / 100, { name: "length" });
 * const imperial = server.addDispatcher("/imperial", new XMLRPCDispatcher());
 * imperial.registerFunction((inches: number) => inches / 12, { name: "length" });
 * ```
 */
export class MultiPathXMLRPCServer extends HTTPServer
  implements XMLRPCRequestServer {
  /** Whether each request is logged. */
  readonly logRequests: boolean;
  readonly #dispatchers = new Map<string, XMLRPCDispatcher>();

  /**
   * Binds and listens, with a {@linkcode MultiPathXMLRPCRequestHandler}.
   *
   * @param address Where to listen.
   * @param options Those of `TCPServer`.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If an option or a key of the address has an unknown name.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    options?: MultiPathXMLRPCServerOptions,
  );
  /**
   * Binds and listens.
   *
   * @param address Where to listen.
   * @param handler A handler class.
   * @param options Those of `TCPServer`.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is no handler class.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    handler: XMLRPCHandlerClass,
    options?: MultiPathXMLRPCServerOptions,
  );
  constructor(
    address: TCPServerAddress | InheritedAddress,
    second?: XMLRPCHandlerClass | MultiPathXMLRPCServerOptions,
    third?: MultiPathXMLRPCServerOptions,
  ) {
    const [handler, options] = handlerAndOptions(
      second,
      third,
      MultiPathXMLRPCRequestHandler,
      ["logRequests"],
    );
    super(address, handler, options);
    this.logRequests = options.logRequests ?? true;
  }

  /**
   * Adds a dispatcher, or replaces the one at the same path.
   *
   * @param path The path, as it is sent: with its query, if it has one.
   * @param dispatcher What answers the calls there.
   * @returns The same dispatcher.
   */
  addDispatcher<Dispatcher extends XMLRPCDispatcher>(
    path: string,
    dispatcher: Dispatcher,
  ): Dispatcher {
    this.#dispatchers.set(path, dispatcher);
    return dispatcher;
  }

  /**
   * The dispatcher at a path.
   *
   * @param path The path.
   * @returns It, if there is one.
   */
  getDispatcher(path: string): XMLRPCDispatcher | undefined {
    return this.#dispatchers.get(path);
  }
}
