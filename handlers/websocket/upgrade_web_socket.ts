import { TAKE_OVER } from "../http/_inside.ts";
import { BaseHTTPRequestHandler } from "../http/base_http_request_handler.ts";
import { FetchRequestHandler } from "../http/fetch_request_handler.ts";
import { serving, unmarkedScope } from "../http/_connection/late.ts";
import { setUpgrade, upgradeHead } from "../http/_connection/upgrades.ts";
import { shakeHands } from "./_handshake.ts";
import { BEGIN, FAIL } from "./_inside.ts";
import { ServerWebSocket } from "./server_web_socket.ts";
import {
  completeUpgradeOptions,
  type UpgradeWebSocketOptions,
} from "./upgrade_options.ts";

/** What {@linkcode upgradeWebSocket} makes of a `Request`. */
export interface UpgradedWebSocket {
  /** The socket, which opens when the response is sent. */
  readonly socket: ServerWebSocket;
  /** What to return from the handler: it has the connection speak WebSocket. */
  readonly response: Response;
}

const DEFAULTS: UpgradeWebSocketOptions = {};

/**
 * Opens a WebSocket for a request that asks for one: RFC 6455. It works over every
 * server of this module, TCP, TLS and Unix sockets, in threads and in processes,
 * and needs no permission beyond the server's.
 *
 * In a `fetch` handler give it the request, and return the response; the socket
 * opens when that is sent. Do not await the socket before: it would wait for ever.
 * Where messages come in a loop, start the function that has the loop and return.
 *
 * In a `doGET` method give it the handler. The response is sent by it, and the
 * socket is open at once.
 *
 * The connection is served until the socket is closed, whatever the method or the
 * function does meanwhile. `requestTimeout` counts no more. A server's `idleTimeout`
 * does, of any byte either way; that of the options sends pings before.
 *
 * @param request The request, or a copy of it, while it is being handled.
 * @param options Subprotocols, limits and times.
 * @returns The socket, and the response to return.
 * @throws {HTTPError} 400, 403, 405 or 426 if the request opens no WebSocket, or
 * comes from an origin that may not. A handler that lets it pass is answered so.
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If an option is of another type or has an unknown name, or if
 * the request is none that a handler of this module is serving.
 *
 * @example An echo
 * ```ts
 * import { HTTPServer } from "@wire/socketserver/http";
 * import { upgradeWebSocket } from "@wire/socketserver/websocket";
 * import { strictEqual } from "node:assert";
 *
 * await using server = new HTTPServer({ hostname: "127.0.0.1", port: 0 }, (request) => {
 *   const { socket, response } = upgradeWebSocket(request);
 *   socket.onmessage = ({ data }) => socket.send(data as string);
 *   return response;
 * });
 * server.serveForever();
 *
 * const client = new WebSocket(`ws://127.0.0.1:${server.addr.port}/`);
 * client.onopen = () => client.send("hello");
 * const echoed = await new Promise((resolve) => {
 *   client.onmessage = ({ data }) => resolve(data);
 * });
 * strictEqual(echoed, "hello");
 * client.close();
 * await new Promise((resolve) => client.onclose = resolve);
 * ```
 */
export function upgradeWebSocket(
  request: Request,
  options?: UpgradeWebSocketOptions,
): UpgradedWebSocket;
/**
 * Opens a WebSocket on the connection of a handler, which is answering a request
 * that asks for one.
 *
 * @param handler The handler, in a method such as `doGET`.
 * @param options Subprotocols, limits and times.
 * @returns The socket, which is open.
 * @throws {HTTPError} 400, 403, 405 or 426 if the request opens no WebSocket, or
 * comes from an origin that may not. A method that lets it pass is answered so.
 * @throws {Error} If a response was begun already.
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If an option is of another type or has an unknown name, or if
 * the handler answers with `fetch`.
 *
 * @example Messages that wait for each other
 * ```ts
 * import { BaseHTTPRequestHandler } from "@wire/socketserver/http";
 * import { upgradeWebSocket } from "@wire/socketserver/websocket";
 *
 * export class Echo extends BaseHTTPRequestHandler {
 *   static override readonly moduleUrl: string = import.meta.url;
 *   async doGET(): Promise<void> {
 *     const socket = upgradeWebSocket(this, { protocols: ["echo"] });
 *     for await (const message of socket) await socket.send(message);
 *     const { code } = await socket.closed;
 *     this.logMessage(`closed with ${code}`);
 *   }
 * }
 * ```
 */
export function upgradeWebSocket<Address extends Deno.Addr>(
  handler: BaseHTTPRequestHandler<Address>,
  options?: UpgradeWebSocketOptions,
): ServerWebSocket;
export function upgradeWebSocket(
  from: Request | BaseHTTPRequestHandler,
  options: UpgradeWebSocketOptions = DEFAULTS,
): UpgradedWebSocket | ServerWebSocket {
  const complete = completeUpgradeOptions(options);
  const scope = serving.getStore() ?? unmarkedScope();
  const isHandler = from instanceof BaseHTTPRequestHandler;
  if (!isHandler && !(from instanceof Request)) {
    throw new TypeError(
      "Cannot upgrade to WebSocket: give it a Request or a handler of HTTP",
    );
  }
  if (from instanceof FetchRequestHandler) {
    throw new TypeError(
      "Cannot upgrade to WebSocket: this handler answers with fetch(); give the request, and return the response",
    );
  }
  if (scope === undefined) {
    throw new TypeError(
      "Cannot upgrade to WebSocket: no handler of @wire/socketserver/http is serving this request; Deno.upgradeWebSocket() is for those of Deno.serve()",
    );
  }
  const { upgrades } = scope;
  const method = isHandler ? from.command : from.method;
  const { headers } = from;
  const handshake = shakeHands({ method, headers, upgrades }, complete);
  const socket = new ServerWebSocket(handshake, complete);
  if (isHandler) {
    const head = upgradeHead(handshake.headers);
    const takeover = from[TAKE_OVER](101);
    socket[BEGIN](takeover, head);
    return socket;
  }
  const response = new UpgradeResponse(null, { headers: handshake.headers });
  setUpgrade(response, {
    open: (takeover, head) => socket[BEGIN](takeover, head),
    fail: (error) => socket[FAIL](error),
  });
  return { socket, response };
}

/** A response of a status that no other may have. */
class UpgradeResponse extends Response {
  override get status(): number {
    return 101;
  }

  override get statusText(): string {
    return "Switching Protocols";
  }

  override get ok(): boolean {
    return false;
  }
}
