import { checkDocumentation } from "../../handlers/xmlrpc/_documentation/check_documentation.ts";
import {
  DocXMLRPCRequestHandler,
  type DocXMLRPCRequestServer,
  generateHTMLDocumentation,
} from "../../handlers/xmlrpc/doc_xmlrpc_request_handler.ts";
import type { XMLRPCDocumentation } from "../../handlers/xmlrpc/xmlrpc_documentation.ts";
import {
  SimpleXMLRPCServer,
  type SimpleXMLRPCServerOptions,
} from "./simple_xmlrpc_server.ts";
import type { InheritedAddress, TCPServerAddress } from "../tcp_server.ts";
import { handlerAndOptions, type XMLRPCHandlerClass } from "./_arguments.ts";

/** Options of a {@linkcode DocXMLRPCServer}. */
export interface DocXMLRPCServerOptions extends SimpleXMLRPCServerOptions {
  /** What the page says beside the methods. */
  readonly documentation?: XMLRPCDocumentation;
}

/**
 * A {@linkcode SimpleXMLRPCServer} that answers GET with a page that documents
 * its methods, made from what was said when they were registered.
 *
 * Needs `--allow-net=HOSTNAME:PORT`, and nothing else.
 *
 * @example A server to look at with a browser
 * ```ts
 * import { DocXMLRPCServer } from "@wire/socketserver/xmlrpc";
 * import { match } from "node:assert";
 *
 * await using server = new DocXMLRPCServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   { logRequests: false, documentation: { title: "Calculator" } },
 * );
 * server.registerFunction((a: number, b: number) => a + b, {
 *   name: "add",
 *   signature: ["double", "double", "double"],
 *   help: "The sum of two numbers.",
 * });
 * server.serveForever();
 *
 * const page = await fetch(`http://127.0.0.1:${server.addr.port}/`);
 * match(await page.text(), /The sum of two numbers/);
 * ```
 */
export class DocXMLRPCServer extends SimpleXMLRPCServer
  implements DocXMLRPCRequestServer {
  /** What the page says beside the methods. */
  readonly documentation: XMLRPCDocumentation;

  /**
   * Binds and listens, with a {@linkcode DocXMLRPCRequestHandler}.
   *
   * @param address Where to listen.
   * @param options Those of `SimpleXMLRPCServer`, and what the page says.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    options?: DocXMLRPCServerOptions,
  );
  /**
   * Binds and listens.
   *
   * @param address Where to listen.
   * @param handler A handler class.
   * @param options Those of `SimpleXMLRPCServer`, and what the page says.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is no handler class.
   */
  constructor(
    address: TCPServerAddress | InheritedAddress,
    handler: XMLRPCHandlerClass,
    options?: DocXMLRPCServerOptions,
  );
  constructor(
    address: TCPServerAddress | InheritedAddress,
    second?: XMLRPCHandlerClass | DocXMLRPCServerOptions,
    third?: DocXMLRPCServerOptions,
  ) {
    const [handler, options] = handlerAndOptions(
      second,
      third,
      DocXMLRPCRequestHandler,
      ["documentation"],
    );
    const { documentation = {} } = options;
    checkDocumentation(documentation);
    super(address, handler, options);
    this.documentation = documentation;
  }

  /**
   * The page that answers GET.
   *
   * @returns HTML with everything in it.
   */
  generateHTMLDocumentation(): string {
    return generateHTMLDocumentation(this.dispatcher, this.documentation);
  }
}
