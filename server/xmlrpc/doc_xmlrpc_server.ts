import { PageTexts } from "../../handlers/xmlrpc/_documentation/page_texts.ts";
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
import { seamOf } from "../_core/seam.ts";
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
  readonly #page: PageTexts;
  /** Why what is said here would be on no page, if that is so. */
  readonly #unseen: string | undefined;

  /**
   * Binds and listens, with a {@linkcode DocXMLRPCRequestHandler}.
   *
   * @param address Where to listen.
   * @param options Those of `SimpleXMLRPCServer`, and what the page says.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If an option or a key of the address has an unknown name.
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
   * @throws {TypeError} If `handler` is no handler class, or its handlers run in
   * threads or processes, where they do not see the `documentation` given here.
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
    const page = new PageTexts(options.documentation);
    const own = (handler as Partial<typeof DocXMLRPCRequestHandler>)
      .documentation;
    const elsewhere = seamOf(options).runner !== undefined;
    if (elsewhere && own === undefined && options.documentation !== undefined) {
      throw new TypeError(
        `Cannot create server: its documentation would be on no page, as ${
          elsewhereOf(handler)
        }`,
      );
    }
    super(address, handler, options);
    this.#page = page;
    this.#unseen = own !== undefined
      ? `the handler class "${handler.name}" has its own documentation; set it there, in its module`
      : elsewhere
      ? elsewhereOf(handler)
      : undefined;
  }

  /**
   * What the page says beside the methods.
   *
   * @returns What the constructor was given, and what was set since.
   */
  get documentation(): XMLRPCDocumentation {
    return this.#page.texts;
  }

  /**
   * Sets the title of the page, as the browser shows it.
   *
   * @param title The title.
   * @throws {TypeError} If it is no text; or if the page would not have it: the
   * handler class has documentation of its own, or handlers run in threads or
   * processes, where that is the only kind there is.
   */
  setServerTitle(title: string): void {
    this.#set("title", title);
  }

  /**
   * Sets the heading of the page.
   *
   * @param name The heading.
   * @throws {TypeError} As {@linkcode DocXMLRPCServer.setServerTitle}.
   */
  setServerName(name: string): void {
    this.#set("name", name);
  }

  /**
   * Sets what the page says that the server is for.
   *
   * @param documentation The text. Paragraphs are separated by an empty line.
   * @throws {TypeError} As {@linkcode DocXMLRPCServer.setServerTitle}.
   */
  setServerDocumentation(documentation: string): void {
    this.#set("introduction", documentation);
  }

  /**
   * The page that answers GET.
   *
   * @returns HTML with everything in it.
   */
  generateHTMLDocumentation(): string {
    return generateHTMLDocumentation(this.dispatcher, this.documentation);
  }

  #set(name: keyof XMLRPCDocumentation, text: string): void {
    if (this.#unseen !== undefined) {
      throw new TypeError(
        `Cannot set the ${name} of the documentation: ${this.#unseen}`,
      );
    }
    this.#page.set(name, text);
  }
}

/** Why handlers do not see what a server has. */
function elsewhereOf({ name }: XMLRPCHandlerClass): string {
  return `handlers run in threads or processes; add to the class ${name}: static override readonly documentation = { … }`;
}
