/**
 * `add` over XML-RPC, with `SimpleXMLRPCServer`.
 *
 * Argument: signature, to have parameters checked against one; or none.
 */
import { SimpleXMLRPCServer } from "../../server/xmlrpc/mod.ts";

class Server extends SimpleXMLRPCServer {
  // Clients that are gone when the load ends are no news.
  override handleError() {}
}

const server = new Server({ hostname: "127.0.0.1", port: 0 }, {
  logRequests: false,
});
server.registerFunction(
  (a: number, b: number) => a + b,
  Deno.args[0] === "signature"
    ? { name: "add", signature: ["int", "int", "int"] }
    : { name: "add" },
);
console.log(server.addr.port);
await server.serveForever();
