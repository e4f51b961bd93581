import { checkIsAddress } from "../../handlers/_check_address.ts";
import { checkKeys } from "../../handlers/_known_keys.ts";
import type { TLSCertificate } from "../../handlers/_tls/tls_options.ts";
import { checkTime } from "../_core/options.ts";
import type { StreamHandler } from "../stream_server.ts";
import { TCPServer } from "../tcp_server.ts";
import { TLSServer } from "../tls_server.ts";
import { UnixDatagramServer } from "../unix_datagram_server.ts";
import { UnixStreamServer } from "../unix_stream_server.ts";
import { ErrorLog } from "./_error_log.ts";
import { selfSignedCertificate } from "./certificate_authority.ts";
import { type TestableServer, TestServer } from "./test_server.ts";

/** The constructor of a server of this module, or of a class of one's own. */
export type TestableServerClass = new (
  address: never,
  handler: never,
  options?: never,
) => TestableServer;

/** Options of {@linkcode serveForTest} for any server. */
export interface ServedOptions {
  /**
   * Whether errors are no failure of the test, or what says that of each. Those that
   * the test has taken, by `untilErrors` or `takeErrors`, never are.
   *
   * Whether a client that leaves is an error depends on when the server learns of
   * it: `(error) => error instanceof Deno.errors.BrokenPipe` allows that, and
   * nothing else.
   *
   * @default {false}
   */
  readonly allowErrors?: boolean | ((error: unknown) => boolean);
  /**
   * How long handlers have to end when the test does, in milliseconds. Then they
   * are aborted, which is an error.
   *
   * @default {5000}
   */
  readonly gracePeriod?: number;
}

/** Options of {@linkcode serveForTest} for a handler. */
export interface ServeForTestOptions<Class extends TestableServerClass>
  extends ServedOptions {
  /**
   * The server's class: any of this module whose constructor takes an address, a
   * handler and options, or a subclass. Left out, it is {@linkcode TCPServer}.
   */
  readonly server: Class;
  /**
   * What the address has beside, or in the place of, `hostname: "127.0.0.1"` and
   * `port: 0`, a certificate that signs itself, or the path of a folder that is
   * removed in the end.
   */
  readonly address?: Partial<ConstructorParameters<Class>[0]>;
  /** The options of the server. */
  readonly options?: ConstructorParameters<Class>[2];
}

/** What fails, as errors begin. */
const ACTION = "serve for a test";

const SERVED_OPTIONS: readonly (keyof ServedOptions)[] = [
  "allowErrors",
  "gracePeriod",
];

/**
 * Serves a handler until the end of a test's block, at an address that nobody else
 * has. A test whose handlers fail fails too, when the server is disposed of.
 *
 * Servers of TLS get a certificate that signs itself; clients by `connect()` trust
 * it. The servers of Unix sockets get a path in a folder of their own.
 *
 * @param handler A handler class or a function, as the server takes it.
 * @param options The server's class, and what it is given.
 * @returns The server, serving.
 * @throws {TypeError} If an option is unknown, or the constructor of the server
 * throws it.
 *
 * @example A test of a handler
 * ```ts
 * import { StreamRequestHandler } from "@wire/socketserver";
 * import { serveForTest } from "@wire/socketserver/testing";
 * import { strictEqual } from "node:assert";
 *
 * class Shout extends StreamRequestHandler {
 *   override async handle() {
 *     for await (const line of this.rfile) {
 *       await this.wfile.write(`${line.toUpperCase()}\n`);
 *     }
 *   }
 * }
 *
 * Deno.test("Shout answers in capitals", async () => {
 *   await using served = await serveForTest(Shout);
 *   await using client = await served.connect();
 *   await client.wfile.write("hello\n");
 *   strictEqual(await client.rfile.readLine(), "HELLO");
 * });
 * ```
 */
export function serveForTest<Class extends TestableServerClass>(
  handler: ConstructorParameters<Class>[1],
  options: ServeForTestOptions<Class>,
): Promise<TestServer<InstanceType<Class>>>;
/**
 * Serves a handler with a {@linkcode TCPServer} until the end of a test's block, as
 * above.
 *
 * @param handler A handler class or a function, as the server takes it.
 * @param options What the server is given.
 * @returns The server, serving.
 */
export function serveForTest<Config = unknown>(
  handler: StreamHandler<Deno.TcpConn, Deno.NetAddr, Config>,
  options?: Omit<ServeForTestOptions<typeof TCPServer<Config>>, "server">,
): Promise<TestServer<TCPServer<Config>>>;
/**
 * Serves with a server that the test has made until the end of the test's block.
 *
 * @param server The server. What its `handleError` is told, the test is told too.
 * @param options What its errors are.
 * @returns The server, serving.
 */
export function serveForTest<Server extends TestableServer>(
  server: Server,
  options?: ServedOptions,
): Promise<TestServer<Server>>;
export async function serveForTest(
  what: unknown,
  options: GivenOptions = {},
): Promise<TestServer<TestableServer>> {
  const made = isServer(what);
  const more = made ? [] : ["server", "address", "options"];
  checkKeys("option", options, [...SERVED_OPTIONS, ...more], undefined, ACTION);
  checkTime("gracePeriod", options.gracePeriod ?? 0);
  if (made) {
    return new TestServer(
      what,
      new ErrorLog(),
      options,
      new AsyncDisposableStack(),
      undefined,
    );
  }
  const Server = (options.server ?? TCPServer) as Constructor;
  if (typeof Server !== "function") {
    throw new TypeError(
      `Cannot ${ACTION}: server must be the class of a server, received ${
        Deno.inspect(Server)
      }; give one that is made already in the place of the handler`,
    );
  }
  await using undo = new AsyncDisposableStack();
  const address = await addressFor(
    Server,
    options.address as object ?? {},
    undo,
  );
  const log = undo.use(new ErrorLog());
  const server = new Server(address, what, {
    // Not printed too: whoever reads the test's failure has it there.
    onError() {},
    ...options.options as object | undefined,
  });
  return new TestServer(
    server,
    log,
    options,
    undo.move(),
    certificateOf(address),
  );
}

/** The options of both ways to call it. */
interface GivenOptions extends ServedOptions {
  readonly server?: unknown;
  readonly address?: unknown;
  readonly options?: unknown;
}

/** The constructor of a server, as far as it is called here. */
type Constructor = new (
  address: object,
  handler: unknown,
  options: object,
) => TestableServer;

function isServer(what: unknown): what is TestableServer {
  return typeof what === "object" && what !== null && "serveForever" in what;
}

/** Makes an address that nobody else has. */
async function addressFor(
  Server: Constructor,
  given: object,
  undo: AsyncDisposableStack,
): Promise<object> {
  const isPath = isKindOf(Server, UnixStreamServer, UnixDatagramServer);
  checkIsAddress(isPath ? "path" : "host", given, ACTION);
  // One that is inherited has all it needs.
  if ("fd" in given) return given;
  if (isPath) {
    if ("path" in given) return given;
    const folder = await Deno.makeTempDir();
    undo.defer(() => Deno.remove(folder, { recursive: true }));
    return { path: `${folder}/s`, ...given };
  }
  const address = { hostname: "127.0.0.1", port: 0, ...given };
  if (!isKindOf(Server, TLSServer) || "cert" in given) return address;
  return { ...address, ...await selfSignedCertificate() };
}

function isKindOf(
  Server: Constructor,
  ...kinds: readonly { readonly prototype: object }[]
): boolean {
  return kinds.some(({ prototype }) =>
    Server.prototype === prototype ||
    Object.prototype.isPrototypeOf.call(prototype, Server.prototype)
  );
}

function certificateOf(address: object): TLSCertificate | undefined {
  const { cert, key } = address as Partial<TLSCertificate>;
  return cert === undefined || key === undefined ? undefined : { cert, key };
}
