import {
  SimpleXMLRPCRequestHandler,
  type XMLRPCRequestServer,
} from "../../handlers/xmlrpc/simple_xmlrpc_request_handler.ts";
import {
  XMLRPCDispatcher,
  type XMLRPCDispatcherOptions,
  type XMLRPCFunction,
  type XMLRPCFunctionOptions,
  type XMLRPCInstanceOptions,
} from "../../handlers/xmlrpc/xmlrpc_dispatcher.ts";
import { HTTPServer } from "../http/http_server.ts";
import type {
  InheritedAddress,
  TCPServerAddress,
  TCPServerOptions,
} from "../tcp_server.ts";
import {
  DISPATCHER_OPTIONS,
  dispatcherOptions,
  handlerAndOptions,
  type XMLRPCHandlerClass,
} from "./_arguments.ts";

export type { XMLRPCHandlerClass };

/** Options of a {@linkcode SimpleXMLRPCServer}. */
export interface SimpleXMLRPCServerOptions
  extends TCPServerOptions, XMLRPCDispatcherOptions {
  /**
   * Whether each request is logged to stderr.
   *
   * @default {true}
   */
  readonly logRequests?: boolean;
}

/**
 * A server of XML-RPC over HTTP.
 *
 * It has the methods of an {@linkcode XMLRPCDispatcher}, for the functions that
 * its handlers call on the event loop. Threads and processes have other copies
 * of everything: for these a handler class has a dispatcher of its own, where
 * functions are registered instead. See {@linkcode SimpleXMLRPCRequestHandler}.
 *
 * Needs `--allow-net=HOSTNAME:PORT`, and nothing else.
 *
 * @example A server that adds
 * ```ts
 * import { decodeXMLRPCResponse, encodeXMLRPCCall, SimpleXMLRPCServer } from "@wire/socketserver/xmlrpc";
 * import { strictEqual } from "node:assert";
 *
 * await using server = new SimpleXMLRPCServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   { logRequests: false },
 * );
 * server.registerFunction((a: number, b: number) => a + b, { name: "add" });
 * server.registerIntrospectionFunctions();
 * server.serveForever();
 *
 * const response = await fetch(`http://127.0.0.1:${server.addr.port}/RPC2`, {
 *   method: "POST",
 *   headers: { "content-type": "text/xml" },
 *   body: encodeXMLRPCCall("add", [2, 3]),
 * });
 * strictEqual(decodeXMLRPCResponse(await response.bytes()), 5);
 * ```
 */
export class SimpleXMLRPCServer extends HTTPServer
  implements XMLRPCRequestServer {
  /** Whether each request is logged. */
  readonly logRequests: boolean;
  /** What answers the calls. */
  readonly dispatcher: XMLRPCDispatcher;
  /** The handler class whose own dispatcher that is, if it is one's. */
  readonly #owner: string | undefined;

  /**
   * Binds and listens, with a {@linkcode SimpleXMLRPCRequestHandler}.
   *
   * @param address Where to listen.
   * @param options Those of `TCPServer` and of `XMLRPCDispatcher`.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If an option or a key of the address has an unknown name.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    options?: SimpleXMLRPCServerOptions,
  );
  /**
   * Binds and listens.
   *
   * @param address Where to listen.
   * @param handler A handler class.
   * @param options Those of `TCPServer` and of `XMLRPCDispatcher`.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is no class that extends
   * {@linkcode SimpleXMLRPCRequestHandler}.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    handler: XMLRPCHandlerClass,
    options?: SimpleXMLRPCServerOptions,
  );
  constructor(
    address: TCPServerAddress | InheritedAddress,
    second?: XMLRPCHandlerClass | SimpleXMLRPCServerOptions,
    third?: SimpleXMLRPCServerOptions,
  ) {
    const [handler, options] = handlerAndOptions(
      second,
      third,
      SimpleXMLRPCRequestHandler,
      ["logRequests", ...DISPATCHER_OPTIONS],
    );
    // Before anything is bound: its options may be wrong.
    const dispatcher = new XMLRPCDispatcher(dispatcherOptions(options));
    super(address, handler, options);
    const own =
      (handler as Partial<typeof SimpleXMLRPCRequestHandler>).dispatcher;
    this.#owner = own === undefined ? undefined : handler.name;
    this.dispatcher = own ?? dispatcher;
    this.logRequests = options.logRequests ?? true;
  }

  /** @ignore */
  getDispatcher(_path: string): XMLRPCDispatcher | undefined {
    return this.dispatcher;
  }

  /**
   * As {@linkcode XMLRPCDispatcher.registerFunction}.
   *
   * @param fn The function.
   * @param options Its name, its signature, what it does.
   * @returns The same function.
   * @throws {TypeError} If it cannot be registered, or the handler class has a
   * dispatcher of its own.
   */
  registerFunction<Fn extends XMLRPCFunction>(
    fn: Fn,
    options?: XMLRPCFunctionOptions,
  ): Fn {
    return this.#own.registerFunction(fn, options);
  }

  /**
   * As {@linkcode XMLRPCDispatcher.registerInstance}.
   *
   * @param instance The object.
   * @param options Whether names may have dots.
   * @throws {TypeError} If it is no object, or the handler class has a
   * dispatcher of its own.
   */
  registerInstance(instance: object, options?: XMLRPCInstanceOptions): void {
    this.#own.registerInstance(instance, options);
  }

  /**
   * As {@linkcode XMLRPCDispatcher.registerIntrospectionFunctions}.
   *
   * @throws {TypeError} If the handler class has a dispatcher of its own.
   */
  registerIntrospectionFunctions(): void {
    this.#own.registerIntrospectionFunctions();
  }

  /**
   * As {@linkcode XMLRPCDispatcher.registerMulticallFunctions}.
   *
   * @throws {TypeError} If the handler class has a dispatcher of its own.
   */
  registerMulticallFunctions(): void {
    this.#own.registerMulticallFunctions();
  }

  /** The dispatcher, if functions may be registered here. */
  get #own(): XMLRPCDispatcher {
    if (this.#owner === undefined) return this.dispatcher;
    // In threads and processes nobody would ever see what is registered here.
    throw new TypeError(
      `Cannot register with the server: the handler class "${this.#owner}" has its own dispatcher; register there, in its module`,
    );
  }
}
