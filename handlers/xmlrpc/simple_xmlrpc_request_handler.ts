import { nextTurn } from "../_next_turn.ts";
import { checkNumber, checkTexts, wrong } from "../_settings.ts";
import { BaseHTTPRequestHandler } from "../http/base_http_request_handler.ts";
import type { RequestServer } from "../base_request_handler.ts";
import { originForm } from "../http/_connection/request_target.ts";
import type { HTTPLimits } from "../http/http_limits.ts";
import { type CallRoom, LARGE, roomOf } from "./_http/call_room.ts";
import { acceptsGzip, compress } from "./_http/gzip.ts";
import { readCallBody } from "./_http/read_call.ts";
import { answerCall } from "./_methods/answer_call.ts";
import type { XMLRPCCallLimits } from "./xmlrpc_call_limits.ts";
import { XMLRPCDispatcher } from "./xmlrpc_dispatcher.ts";
import type { XMLRPCValue } from "./xmlrpc_values.ts";

/** What a handler of XML-RPC looks for in its server. */
export interface XMLRPCRequestServer extends RequestServer {
  /** Whether each request is logged. */
  readonly logRequests: boolean;
  /**
   * What answers the calls that are sent to a path.
   *
   * @param path The path.
   * @returns The dispatcher, if there is one.
   */
  getDispatcher(path: string): XMLRPCDispatcher | undefined;
}

/** A server of an XML-RPC handler: in a thread or process it has no dispatchers. */
export type AnyXMLRPCServer = RequestServer & Partial<XMLRPCRequestServer>;

/** What a client may send, in bytes, where a handler class does not say. */
const MAX_BODY_SIZE = 4 * 1024 * 1024;

const encoder = new TextEncoder();

/**
 * Answers calls of XML-RPC that are sent by POST. Instances are made by servers, one
 * for each connection.
 *
 * Where the functions are: a handler class may have a dispatcher of its own,
 * `static override readonly dispatcher`. Then the class works in every server of
 * connections, also in threads and processes, to which it goes by its module.
 * Without one it asks its server, which must then be a `SimpleXMLRPCServer` or
 * one like it, with the handlers on its own event loop.
 *
 * Bodies that are compressed with gzip are read, and answers are compressed for
 * clients that accept it.
 *
 * What a client may cost is bounded: by `limits` and `callLimits` of the handler
 * class, and by the options of its dispatcher (`maxSize`, `maxValues`,
 * `maxDepth`, `maxCalls`). What is longer than HTTP's limits is answered with
 * 413, too much at once with 503, and what the dispatcher does not take with a
 * fault.
 *
 * @example A handler that works anywhere
 * ```ts
 * import { SimpleXMLRPCRequestHandler, XMLRPCDispatcher } from "@wire/socketserver/xmlrpc";
 *
 * export class Calculator extends SimpleXMLRPCRequestHandler {
 *   static override readonly moduleUrl: string = import.meta.url;
 *   static override readonly dispatcher: XMLRPCDispatcher = new XMLRPCDispatcher();
 *   static {
 *     this.dispatcher.registerFunction((a: number, b: number) => a + b, { name: "add" });
 *   }
 * }
 * ```
 */
export class SimpleXMLRPCRequestHandler<
  Address extends Deno.Addr = Deno.Addr,
  Server extends AnyXMLRPCServer = AnyXMLRPCServer,
> extends BaseHTTPRequestHandler<Address, Server> {
  /** The dispatcher of a handler class that has its own. */
  static readonly dispatcher: XMLRPCDispatcher | undefined = undefined;
  /** The paths, as they are sent, that can be called; all others are 404. */
  static readonly rpcPaths: readonly string[] = ["/", "/RPC2"];
  /**
   * From how many bytes on answers are compressed, for clients that accept it;
   * `Infinity` compresses none. By default as CPython: what is more than a
   * network packet.
   */
  static readonly encodeThreshold: number = 1400;
  /**
   * As of every HTTP handler, but for `maxBodySize`: it is 4 MiB unless it is
   * set, and holds for bodies as they come and as they are decompressed. Who
   * raises it raises `maxSize` of the dispatcher, too.
   */
  static override readonly limits: Partial<HTTPLimits> = {
    maxBodySize: MAX_BODY_SIZE,
  };
  /**
   * What large calls and answers may cost all together, in each thread and
   * process. A subclass sets what differs from the defaults.
   */
  static readonly callLimits: Partial<XMLRPCCallLimits> = {};

  /**
   * Checks what the class is set to, before anybody is served.
   *
   * @throws {RangeError} If a number is out of range.
   * @throws {TypeError} If a setting is of another type, or a limit has an unknown
   * name.
   * @ignore
   */
  static override checkSettings(): void {
    super.checkSettings();
    roomOf(this);
    const action = "answer XML-RPC";
    checkTexts(action, "rpcPaths", this.rpcPaths);
    checkNumber(action, "encodeThreshold", this.encodeThreshold, 0);
    const { dispatcher } = this;
    if (dispatcher === undefined || dispatcher instanceof XMLRPCDispatcher) {
      return;
    }
    throw wrong(action, "dispatcher", "an XMLRPCDispatcher", dispatcher);
  }

  /**
   * What answers this request's calls.
   *
   * @returns The class's own dispatcher, or the server's for this path.
   * @throws {Error} If there is neither.
   */
  get dispatcher(): XMLRPCDispatcher {
    const found = this.#class.dispatcher ??
      this.server.getDispatcher?.(this.rpcPath);
    if (found instanceof XMLRPCDispatcher) return found;
    throw new Error(
      `Cannot find the functions to call: the server has none for this handler; add to the class ${this.#class.name}: static override readonly dispatcher = new XMLRPCDispatcher()`,
    );
  }

  /**
   * What is called, as it was sent, but for the server's own name where a client
   * sends that too (RFC 9112, section 3.2.2).
   *
   * @returns The path, with its query.
   */
  get rpcPath(): string {
    return originForm(this.path);
  }

  /**
   * Whether this request's path can be called.
   *
   * @returns Whether `rpcPaths` has it.
   */
  isRPCPathValid(): boolean {
    return this.#class.rpcPaths.includes(this.rpcPath);
  }

  /**
   * Calls a method. Override it to see, change or refuse calls with what is
   * known of the request: `headers`, `clientAddress`. The calls that a
   * `system.multicall` is made of come here too.
   *
   * @param method Its name.
   * @param params What to call it with.
   * @returns A promise of the answer.
   */
  dispatch(method: string, params: XMLRPCValue[]): Promise<unknown> {
    return this.dispatcher.dispatch(
      method,
      params,
      (method, params) => this.dispatch(method, params),
    );
  }

  /**
   * Answers a call.
   *
   * @returns A promise that resolves when the answer is sent.
   */
  async doPOST(): Promise<void> {
    if (!this.isRPCPathValid()) return await this.reportNotFound();
    const { dispatcher } = this;
    const room = roomOf(this.#class);
    const xml = await this.#dispatchCall(dispatcher, room);
    // To make bytes of it takes a while, too.
    if (xml.length >= LARGE) await nextTurn();
    await this.#answer(encoder.encode(xml), room);
  }

  /**
   * Answers that there is nothing to call at this path.
   *
   * @returns A promise that resolves when the answer is sent.
   */
  async reportNotFound(): Promise<void> {
    const body = encoder.encode("No such page");
    this.sendResponse(404);
    this.sendHeader("Content-Type", "text/plain");
    this.sendHeader("Content-Length", String(body.length));
    this.endHeaders();
    await this.wfile.write(body);
  }

  /**
   * Logs the request, unless the server's `logRequests` is off.
   *
   * @param status The status of its response.
   */
  override logRequest(status: number): void {
    if (this.server.logRequests ?? true) super.logRequest(status);
  }

  async #dispatchCall(
    dispatcher: XMLRPCDispatcher,
    room: CallRoom,
  ): Promise<string> {
    const maxBodySize = this.#class.limits.maxBodySize ?? MAX_BODY_SIZE;
    const { data, share } = await readCallBody(this, maxBodySize, room);
    using _ = share;
    return await answerCall(
      dispatcher,
      data,
      (message) => this.logError(message),
      (method, params) => this.dispatch(method, params),
    );
  }

  async #answer(xml: Uint8Array, room: CallRoom): Promise<void> {
    using _share = room.takeForAnswer(xml.length);
    const compressed = xml.length > this.#class.encodeThreshold &&
      acceptsGzip(this.headers.get("Accept-Encoding"));
    const body = compressed ? await compress(xml) : xml;
    this.sendResponse(200);
    this.sendHeader("Content-Type", "text/xml");
    if (compressed) this.sendHeader("Content-Encoding", "gzip");
    this.sendHeader("Content-Length", String(body.length));
    this.endHeaders();
    await this.wfile.write(body);
  }

  get #class(): typeof SimpleXMLRPCRequestHandler {
    return this.constructor as typeof SimpleXMLRPCRequestHandler;
  }
}
