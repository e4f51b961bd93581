/** A CGI script, run as a web server would run it. */

import { CGIXMLRPCRequestHandler } from "../../server/xmlrpc/mod.ts";

const handler = new CGIXMLRPCRequestHandler();
handler.registerFunction((a: number, b: number) => a + b, { name: "add" });
await handler.handleRequest();
