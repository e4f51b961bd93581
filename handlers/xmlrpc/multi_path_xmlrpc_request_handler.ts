import {
  type AnyXMLRPCServer,
  SimpleXMLRPCRequestHandler,
} from "./simple_xmlrpc_request_handler.ts";

/**
 * Answers calls of XML-RPC at every path that its server has a dispatcher for.
 * Instances are made by servers, one for each connection.
 *
 * @example The handler of a server with several dispatchers
 * ```ts
 * import { MultiPathXMLRPCRequestHandler, MultiPathXMLRPCServer } from "@wire/socketserver/xmlrpc";
 *
 * class Quiet extends MultiPathXMLRPCRequestHandler {
 *   override logMessage(): void {}
 * }
 *
 * await using server = new MultiPathXMLRPCServer({ hostname: "127.0.0.1", port: 0 }, Quiet);
 * ```
 */
export class MultiPathXMLRPCRequestHandler<
  Address extends Deno.Addr = Deno.Addr,
  Server extends AnyXMLRPCServer = AnyXMLRPCServer,
> extends SimpleXMLRPCRequestHandler<Address, Server> {
  /**
   * Whether this request's path can be called.
   *
   * @returns Whether the server has a dispatcher for it.
   */
  override isRPCPathValid(): boolean {
    return this.server.getDispatcher?.(this.rpcPath) !== undefined;
  }
}
