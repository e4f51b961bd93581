/** Servers of WebSockets for tests. */
import { HTTPServer, type HTTPServerOptions } from "../../server/http/mod.ts";
import {
  type ServerWebSocket,
  upgradeWebSocket,
  type UpgradeWebSocketOptions,
} from "../../handlers/websocket/mod.ts";
import { serveForTest, type TestServer } from "../../server/testing/mod.ts";
import { Wire } from "./_wire.ts";

/** A server whose requests are all opened as WebSockets. */
export class Scene implements AsyncDisposable {
  readonly served: TestServer<HTTPServer>;

  private constructor(served: TestServer<HTTPServer>) {
    this.served = served;
  }

  /**
   * @param use What is done with each socket.
   * @param options Those of the sockets.
   * @param serverOptions Those of the server.
   */
  static async serve(
    use: (socket: ServerWebSocket, request: Request) => unknown,
    options: UpgradeWebSocketOptions = {},
    serverOptions: HTTPServerOptions = {},
  ): Promise<Scene> {
    return new Scene(
      await serveForTest((request) => {
        const { socket, response } = upgradeWebSocket(request, options);
        use(socket, request);
        return response;
      }, { server: HTTPServer, options: serverOptions }),
    );
  }

  get server(): HTTPServer {
    return this.served.server;
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
    return this.served[Symbol.asyncDispose]();
  }
}

/** A server, and the socket of its first client. */
export async function serveOne(
  options: UpgradeWebSocketOptions = {},
  use: (socket: ServerWebSocket) => unknown = () => {},
): Promise<
  { readonly scene: Scene; readonly socket: Promise<ServerWebSocket> }
> {
  const { promise, resolve } = Promise.withResolvers<ServerWebSocket>();
  const scene = await Scene.serve((socket) => {
    use(socket);
    resolve(socket);
  }, options);
  return { scene, socket: promise };
}

/** Sends back what comes, in a loop. */
export async function echo(socket: ServerWebSocket): Promise<void> {
  for await (const message of socket) await socket.send(message);
}
