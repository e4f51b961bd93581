import {
  type StreamHandler,
  type StreamListener,
  StreamServer,
  type StreamServerOptions,
} from "./stream_server.ts";
import { Connections } from "./_closing/connections.ts";
import { checkKeys } from "../handlers/_known_keys.ts";
import { withSeam } from "./_core/seam.ts";
import {
  adoptUnix,
  type InheritedAddress,
  isInherited,
} from "./_node_sockets/adopt.ts";
import { listenUnix } from "./_node_sockets/listen_unix.ts";
import { behindProxies } from "./_proxy/proxy_listener.ts";
import {
  UNIX_OPTION_NAMES,
  type UnixServerAddress,
  UnixSocketFile,
  type UnixSocketFileOptions,
} from "./_unix/unix_socket_file.ts";

export type { UnixServerAddress, UnixSocketFileOptions };

/** Where a {@linkcode UnixStreamServer} listens. */
export interface UnixStreamServerAddress extends UnixServerAddress {
  /**
   * Whether `restart()` can hand the socket to another process. It is accepted
   * from by way of `node:net` then, which takes as many clients out of the
   * kernel's queue at once as there are: up to `backlog` descriptors more.
   *
   * A process that goes on with the socket does not know its file, which is left
   * behind when the last one ends: start the first with `reclaim: true`.
   *
   * @default {false}
   */
  readonly inheritable?: boolean;
}

/** The address a {@linkcode UnixStreamServer} is bound to; `Deno.connect` takes it. */
export type UnixStreamAddr = Deno.UnixAddr & { transport: "unix" };

/** Options of a {@linkcode UnixStreamServer}. */
export interface UnixStreamServerOptions<Config = unknown>
  extends StreamServerOptions<Deno.UnixAddr, Config>, UnixSocketFileOptions {
  /**
   * As every server's. `Deno.connect` takes the address as it is.
   *
   * @param address The address that the server is bound to.
   */
  onListen?(address: UnixStreamAddr): void;
}

/**
 * A server of Unix stream connections. Its socket file is removed when it
 * closes, if it is still its own.
 *
 * A path that begins with `"\0"` is a name of Linux's abstract namespace: there is
 * no file, and whoever is on this machine may connect; see unix(7). It needs
 * `--allow-net`.
 *
 * Needs `--allow-read=PATH --allow-write=PATH --allow-net=unix:PATH`. Deno
 * removes whatever is at the path of a listener that closes; to spare the file
 * of a server that has taken the path meanwhile, permit the path's folder.
 *
 * @example A server on a path
 * ```ts
 * import { UnixStreamServer } from "@wire/socketserver";
 *
 * const path = `${Deno.makeTempDirSync()}/control.sock`;
 * await using server = new UnixStreamServer({ path }, async ({ wfile }) => {
 *   await wfile.write("ready\n");
 * }, { mode: 0o600 });
 * ```
 */
export class UnixStreamServer<Config = unknown>
  extends StreamServer<Deno.UnixConn, Deno.UnixAddr, Config> {
  /**
   * Binds and listens.
   *
   * @param address Where to listen, or the listening socket that this process was
   * started with, whose path is not known: `addr.path` is empty.
   * @param handler A handler class, or a function that receives a
   * {@linkcode StreamRequestHandler}.
   * @param options Limits, timeouts, callbacks, and the socket file's.
   * @throws {Deno.errors.AddrInUse} If the path exists and is not reclaimed.
   * @throws {Deno.errors.NotFound} If the path's folder does not exist.
   * @throws {Deno.errors.NotCapable} If a permission is missing.
   * @throws {TypeError} If the path is empty, or too long for a Unix socket, or
   * an option or a key of the address has an unknown name.
   * @throws {RangeError} If an option is out of range.
   */
  constructor(
    address: UnixStreamServerAddress | InheritedAddress,
    handler: StreamHandler<Deno.UnixConn, Deno.UnixAddr, Config>,
    options: UnixStreamServerOptions<Config> = {},
  ) {
    // An inherited socket has a file that is not this server's, an abstract none.
    let file: UnixSocketFile | undefined;
    checkAdmission(options);
    const connections = new UnixConnections(options, () => file);
    const open = (): StreamListener<Deno.UnixConn, Deno.UnixAddr> => {
      if (isInherited(address)) {
        checkKeys("address key", address, ["fd", "name"]);
        checkNoFile(options);
        return adoptUnix(address);
      }
      const listen = (path: string) =>
        address.inheritable === true
          ? listenUnix(path)
          : Deno.listen({ transport: "unix", path });
      if (isAbstract(address)) {
        checkKeys("address key", address, ["path", "transport", "inheritable"]);
        checkNoFile(options);
        return listen(address.path);
      }
      const bound = UnixSocketFile.bind(address, options, listen, [
        "inheritable",
      ]);
      file = bound.file;
      return bound.socket;
    };
    super(
      () => behindProxies(options, open()),
      handler,
      withSeam(options, {
        transport: connections,
        optionNames: UNIX_OPTION_NAMES,
      }),
    );
  }

  /**
   * The address the server is bound to.
   *
   * @returns The address.
   */
  override get addr(): UnixStreamAddr {
    return super.addr as UnixStreamAddr;
  }
}

/** Connections whose listener has a file. */
class UnixConnections extends Connections<Deno.UnixConn, Deno.UnixAddr> {
  readonly #file: () => UnixSocketFile | undefined;

  constructor(
    options: UnixStreamServerOptions,
    file: () => UnixSocketFile | undefined,
  ) {
    super(options, true);
    this.#file = file;
  }

  override async stopListening(closeSocket: () => void): Promise<void> {
    const stop = () => super.stopListening(closeSocket);
    const file = this.#file();
    await (file === undefined ? stop() : file.closeKeepingOthers(stop));
  }
}

/** Whether a path is a name of Linux's abstract namespace, unix(7). */
function isAbstract(address: UnixServerAddress): boolean {
  // What is no address at all is refused where it is bound.
  const path: unknown = address?.path;
  return typeof path === "string" && path.startsWith("\0");
}

/** @throws {TypeError} If nobody would have an address by which to be let in. */
function checkAdmission(
  { admission, proxyProtocol }: UnixStreamServerOptions,
): void {
  if (admission === undefined || proxyProtocol !== undefined) return;
  throw new TypeError(
    "Cannot create server: admission goes by addresses, and the clients of a Unix socket have none; set proxyProtocol if a balancer tells them, or leave it out",
  );
}

/** @throws {TypeError} If an option is about a file that this server does not make. */
function checkNoFile(options: UnixStreamServerOptions): void {
  for (const name of UNIX_OPTION_NAMES) {
    if (!(name in options)) continue;
    throw new TypeError(
      `Cannot create server: ${name} is for a socket file that it makes, and there is none`,
    );
  }
}
