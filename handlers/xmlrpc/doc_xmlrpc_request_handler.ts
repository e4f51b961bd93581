import { checkDocumentation } from "./_documentation/check_documentation.ts";
import { documentationPage } from "./_documentation/documentation_page.ts";
import {
  type AnyXMLRPCServer,
  SimpleXMLRPCRequestHandler,
  type XMLRPCRequestServer,
} from "./simple_xmlrpc_request_handler.ts";
import type { XMLRPCDispatcher } from "./xmlrpc_dispatcher.ts";
import type { XMLRPCDocumentation } from "./xmlrpc_documentation.ts";

/** What a handler of documentation looks for in its server. */
export interface DocXMLRPCRequestServer extends XMLRPCRequestServer {
  /** What the page says beside the methods. */
  readonly documentation: XMLRPCDocumentation;
}

/** A server of a handler of documentation. */
export type AnyDocXMLRPCServer =
  & AnyXMLRPCServer
  & Partial<DocXMLRPCRequestServer>;

const encoder = new TextEncoder();

/**
 * Makes the page that documents a dispatcher's methods.
 *
 * @example The documentation of one method
 * ```ts
 * import { generateHTMLDocumentation, XMLRPCDispatcher } from "@wire/socketserver/xmlrpc";
 * import { match } from "node:assert";
 *
 * const dispatcher = new XMLRPCDispatcher();
 * dispatcher.registerFunction(Math.sqrt, { signature: ["double", "double"] });
 * match(generateHTMLDocumentation(dispatcher), /sqrt/);
 * ```
 *
 * @param dispatcher Knows the methods, their signatures and help.
 * @param documentation What the page says beside them.
 * @returns HTML with everything in it, without a script. All that methods say
 * is escaped.
 * @throws {TypeError} If `documentation` has an unknown name, or something that is
 * no text.
 */
export function generateHTMLDocumentation(
  dispatcher: XMLRPCDispatcher,
  documentation: XMLRPCDocumentation = {},
): string {
  checkDocumentation(documentation);
  const methods = dispatcher.listMethods()
    .map((name) => dispatcher.methodInfo(name));
  return documentationPage(documentation, methods);
}

/**
 * Answers calls of XML-RPC, and GET with a page that documents the methods.
 * Instances are made by servers, one for each connection.
 *
 * Like its dispatcher, a class may have its own `documentation`; without, it is
 * the server's.
 *
 * @example A handler that documents itself
 * ```ts
 * import { DocXMLRPCRequestHandler, type XMLRPCDocumentation, XMLRPCDispatcher } from "@wire/socketserver/xmlrpc";
 *
 * export class Calculator extends DocXMLRPCRequestHandler {
 *   static override readonly dispatcher: XMLRPCDispatcher = new XMLRPCDispatcher();
 *   static override readonly documentation: XMLRPCDocumentation = { title: "Calculator" };
 *   static {
 *     this.dispatcher.registerFunction(Math.sqrt, {
 *       signature: ["double", "double"],
 *       help: "The square root.",
 *     });
 *   }
 * }
 * ```
 */
export class DocXMLRPCRequestHandler<
  Address extends Deno.Addr = Deno.Addr,
  Server extends AnyDocXMLRPCServer = AnyDocXMLRPCServer,
> extends SimpleXMLRPCRequestHandler<Address, Server> {
  /** The documentation of a handler class that has its own. */
  static readonly documentation: XMLRPCDocumentation | undefined = undefined;
  /** @ignore */
  static override checkSettings(): void {
    super.checkSettings();
    checkDocumentation(this.documentation ?? {});
  }

  /**
   * What the page says beside the methods.
   *
   * @returns The class's own, or the server's.
   */
  get documentation(): XMLRPCDocumentation {
    const own = (this.constructor as typeof DocXMLRPCRequestHandler)
      .documentation;
    return own ?? this.server.documentation ?? {};
  }

  /**
   * Answers with the documentation.
   *
   * @returns A promise that resolves when the page is sent.
   */
  async doGET(): Promise<void> {
    if (!this.isRPCPathValid()) return await this.reportNotFound();
    const page = encoder.encode(
      generateHTMLDocumentation(this.dispatcher, this.documentation),
    );
    this.sendResponse(200);
    this.sendHeader("Content-Type", "text/html; charset=UTF-8");
    // The page needs nothing but its own style.
    this.sendHeader(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    );
    this.sendHeader("Content-Length", String(page.length));
    this.endHeaders();
    await this.wfile.write(page);
  }

  /**
   * Answers as to GET, without the page.
   *
   * @returns A promise that resolves when the headers are sent.
   */
  doHEAD(): Promise<void> {
    return this.doGET();
  }
}
