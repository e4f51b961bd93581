import { PageTexts } from "./_documentation/page_texts.ts";
import {
  type CGIResponse,
  CGIXMLRPCRequestHandler,
} from "./cgi_xmlrpc_request_handler.ts";
import { generateHTMLDocumentation } from "./doc_xmlrpc_request_handler.ts";
import type { XMLRPCDispatcherOptions } from "./xmlrpc_dispatcher.ts";
import type { XMLRPCDocumentation } from "./xmlrpc_documentation.ts";

/** Options of a {@linkcode DocCGIXMLRPCRequestHandler}. */
export interface DocCGIXMLRPCOptions extends XMLRPCDispatcherOptions {
  /** What the page says beside the methods. */
  readonly documentation?: XMLRPCDocumentation;
}

/**
 * Answers one call of XML-RPC as a CGI script, and GET with a page that
 * documents the methods.
 *
 * @example A CGI script that documents itself
 * ```ts
 * import { DocCGIXMLRPCRequestHandler } from "@wire/socketserver/xmlrpc";
 *
 * const handler = new DocCGIXMLRPCRequestHandler();
 * handler.registerFunction(Math.sqrt, { help: "The square root." });
 * if (Deno.env.has("GATEWAY_INTERFACE")) await handler.handleRequest();
 * ```
 */
export class DocCGIXMLRPCRequestHandler extends CGIXMLRPCRequestHandler {
  readonly #page: PageTexts;

  /**
   * Constructs a new instance.
   *
   * @param options Those of a dispatcher, and what the page says.
   * @throws {RangeError} If a limit is not a positive integer.
   */
  constructor(options: DocCGIXMLRPCOptions = {}) {
    const { documentation, ...others } = options;
    super(others);
    this.#page = new PageTexts(documentation);
  }

  /**
   * Sets the title of the page, as the browser shows it.
   *
   * @param title The title.
   * @throws {TypeError} If it is no text.
   */
  setServerTitle(title: string): void {
    this.#page.set("title", title);
  }

  /**
   * Sets the heading of the page.
   *
   * @param name The heading.
   * @throws {TypeError} If it is no text.
   */
  setServerName(name: string): void {
    this.#page.set("name", name);
  }

  /**
   * Sets what the page says that the script is for.
   *
   * @param documentation The text. Paragraphs are separated by an empty line.
   * @throws {TypeError} If it is no text.
   */
  setServerDocumentation(documentation: string): void {
    this.#page.set("introduction", documentation);
  }

  /**
   * Answers GET with the documentation.
   *
   * @returns The page.
   */
  override handleGet(): CGIResponse {
    return {
      status: "200 OK",
      type: "text/html; charset=UTF-8",
      body: generateHTMLDocumentation(this, this.#page.texts),
    };
  }
}
