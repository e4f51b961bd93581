/** Handlers that threads and processes import. */

import { DocXMLRPCRequestHandler } from "../../handlers/xmlrpc/doc_xmlrpc_request_handler.ts";
import { SimpleXMLRPCRequestHandler } from "../../handlers/xmlrpc/simple_xmlrpc_request_handler.ts";
import { XMLRPCDispatcher } from "../../handlers/xmlrpc/xmlrpc_dispatcher.ts";
import type { XMLRPCDocumentation } from "../../handlers/xmlrpc/xmlrpc_documentation.ts";
import { XMLRPCFault } from "../../handlers/xmlrpc/xmlrpc_fault.ts";

/** How often a function was called, in this thread. */
let count = 0;

/** Its functions go wherever its module does. */
export class Everywhere extends DocXMLRPCRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly dispatcher: XMLRPCDispatcher = new XMLRPCDispatcher({
    allowNil: true,
  });
  static override readonly documentation: XMLRPCDocumentation = {
    title: "Everywhere",
  };
  static {
    this.dispatcher.registerFunction((a: number, b: number) => a + b, {
      name: "add",
    });
    this.dispatcher.registerFunction((x: unknown) => x, { name: "same" });
    this.dispatcher.registerFunction(() => Deno.pid, { name: "pid" });
    this.dispatcher.registerFunction(() => ++count, { name: "count" });
    this.dispatcher.registerFunction(() => {
      throw new XMLRPCFault(42, "from afar");
    }, { name: "fail" });
    this.dispatcher.registerMulticallFunctions();
  }
  override logMessage(): void {}
}

/** It has no functions, and no server to ask where it runs. */
export class Nowhere extends SimpleXMLRPCRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override logMessage(): void {}
}

/** It has functions, and nothing to say beside them. */
export class Undocumented extends DocXMLRPCRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly dispatcher: XMLRPCDispatcher =
    new XMLRPCDispatcher();
}
