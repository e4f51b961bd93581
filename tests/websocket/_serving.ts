/** Servers of WebSockets for tests, and what they report. */
import { HTTPServer, type HTTPServerOptions } from "../../server/http/mod.ts";
import {
  type ServerWebSocket,
  upgradeWebSocket,
  type UpgradeWebSocketOptions,
} from "../../handlers/websocket/mod.ts";
import { LOOPBACK, Reports, serve } from "../_serve.ts";
import { Wire } from "./_wire.ts";

/** A server whose requests are all opened as WebSockets. */
export class Scene implements AsyncDisposable {
  readonly reports = new Reports();
  readonly server: HTTPServer;

  /**
   * @param use What is done with each socket.
   * @param options Those of the sockets.
   * @param serverOptions Those of the server.
   */
  constructor(
    use: (socket: ServerWebSocket, request: Request) => unknown,
    options: UpgradeWebSocketOptions = {},
    serverOptions: HTTPServerOptions = {},
  ) {
    this.server = serve(
      new HTTPServer(LOOPBACK, (request) => {
        const { socket, response } = upgradeWebSocket(request, options);
        use(socket, request);
        return response;
      }, { ...serverOptions, onError: this.reports.take }),
    );
  }

  get url(): string {
    return `ws://127.0.0.1:${this.server.addr.port}/`;
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect(this.server.addr);
  }

  /** Opens a WebSocket on bare bytes. */
  open(
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<Wire> {
    return Wire.open(this.connect(), headers);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

/** A server, and the socket of its first client. */
export function serveOne(
  options: UpgradeWebSocketOptions = {},
  use: (socket: ServerWebSocket) => unknown = () => {},
): { readonly scene: Scene; readonly socket: Promise<ServerWebSocket> } {
  const { promise, resolve } = Promise.withResolvers<ServerWebSocket>();
  const scene = new Scene((socket) => {
    use(socket);
    resolve(socket);
  }, options);
  return { scene, socket: promise };
}

/** Sends back what comes, in a loop. */
export async function echo(socket: ServerWebSocket): Promise<void> {
  for await (const message of socket) await socket.send(message);
}
