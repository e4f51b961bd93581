/** What is known of an answer that is none of XML-RPC. */
export interface XMLRPCProtocolErrorInit extends ErrorOptions {
  /** Where the call was sent, without a name and a password. */
  readonly url: string;
  /** The status of HTTP. */
  readonly status: number;
  /** What the server calls that status. */
  readonly statusText: string;
  /** The headers of the answer. */
  readonly headers: Headers;
}

/**
 * Thrown where a server answered a call, but not as XML-RPC has it: with another
 * status than 200, with something else than an answer of XML-RPC, with more than
 * the client takes, or with an answer that ends too soon. Whether the server has
 * made the call is not known.
 *
 * @example Telling the two kinds of errors apart
 * ```ts
 * import { ServerProxy, XMLRPCFault, XMLRPCProtocolError } from "@wire/socketserver/xmlrpc";
 *
 * async function add(url: string): Promise<number> {
 *   using server = new ServerProxy<{ add(a: number, b: number): number }>(url);
 *   try {
 *     return await server.add(2, 3);
 *   } catch (error) {
 *     if (error instanceof XMLRPCFault) console.error("refused:", error.faultString);
 *     if (error instanceof XMLRPCProtocolError) console.error("status", error.status);
 *     throw error;
 *   }
 * }
 * ```
 */
export class XMLRPCProtocolError extends Error {
  /** Where the call was sent, without a name and a password. */
  readonly url: string;
  /** The status of HTTP; 200 where what came with it is wrong. */
  readonly status: number;
  /** What the server calls that status. */
  readonly statusText: string;
  /** The headers of the answer. */
  readonly headers: Headers;

  /**
   * Constructs a new instance.
   *
   * @param message What is wrong with the answer.
   * @param init What is known of it.
   */
  constructor(message: string, init: XMLRPCProtocolErrorInit) {
    super(message, init);
    this.name = "XMLRPCProtocolError";
    this.url = init.url;
    this.status = init.status;
    this.statusText = init.statusText;
    this.headers = init.headers;
  }
}
