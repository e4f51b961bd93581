import { type DatagramHandler, DatagramServer } from "./datagram_server.ts";
import type { DatagramRequest } from "../handlers/datagram_request_handler.ts";
import { withSeam } from "./_core/seam.ts";
import type { ServerOptions } from "./server_options.ts";
import { UnixDatagramSocket } from "./_unix/unix_datagram_socket.ts";
import {
  UNIX_OPTION_NAMES,
  type UnixServerAddress,
  UnixSocketFile,
  type UnixSocketFileOptions,
} from "./_unix/unix_socket_file.ts";

/** Options of a {@linkcode UnixDatagramServer}. */
export interface UnixDatagramServerOptions<Config = unknown>
  extends
    ServerOptions<Deno.UnixAddr, DatagramRequest<Deno.UnixAddr>, Config>,
    UnixSocketFileOptions {}

/**
 * A server of Unix datagrams, of up to 65,535 bytes each; a longer one is told
 * to `handleError` and not served. Its socket file is removed when it closes, if
 * it is still its own.
 *
 * Needs `--unstable-net`, and `--allow-read`, `--allow-write` and
 * `--allow-net=unix:` of its path and, to reply, of the clients'. Clients whose name is
 * another one each time, as those of `connectDatagram`, take `--allow-net` without a
 * path, and the other two of their folder.
 *
 * @example A log that takes one line a datagram
 * ```ts
 * import { UnixDatagramServer } from "@wire/socketserver";
 *
 * const path = `${Deno.makeTempDirSync()}/log.sock`;
 * await using server = new UnixDatagramServer({ path }, ({ packet }) => {
 *   console.log(new TextDecoder().decode(packet));
 * });
 * ```
 */
export class UnixDatagramServer<Config = unknown>
  extends DatagramServer<Deno.UnixAddr, Config> {
  /**
   * Binds.
   *
   * @param address Where to listen.
   * @param handler A handler class, or a function that receives a
   * {@linkcode DatagramRequestHandler}.
   * @param options Limits, timeouts, callbacks, and the socket file's.
   * @throws {Deno.errors.AddrInUse} If the path exists and is not reclaimed.
   * @throws {Deno.errors.NotFound} If the path's folder does not exist.
   * @throws {Deno.errors.NotCapable} If a permission is missing.
   * @throws {Deno.errors.NotSupported} Without `--unstable-net`.
   * @throws {TypeError} If the path is empty, or too long for a Unix socket, or
   * an option or a key of the address has an unknown name.
   * @throws {RangeError} If an option is out of range.
   */
  constructor(
    address: UnixServerAddress,
    handler: DatagramHandler<Deno.UnixAddr, Config>,
    options: UnixDatagramServerOptions<Config> = {},
  ) {
    let file!: UnixSocketFile;
    let socket!: UnixDatagramSocket;
    super(
      () => {
        const bound = UnixSocketFile.bind(
          address,
          options,
          (path) => new UnixDatagramSocket(path, () => file.isOurs()),
        );
        file = bound.file;
        return socket = bound.socket;
      },
      handler,
      withSeam(options, {
        transport: {
          stopListening: async () => {
            await socket.stop();
            file.remove();
          },
        },
        optionNames: UNIX_OPTION_NAMES,
      }),
    );
  }

  /**
   * Receives the next datagram.
   *
   * @returns The datagram with the socket, and the sender's address. Sending to
   * a sender that has no path is an error that says so.
   */
  override async getRequest(): Promise<
    [DatagramRequest<Deno.UnixAddr>, Deno.UnixAddr]
  > {
    const [[data, socket], sender] = await super.getRequest();
    if (sender.path !== null) return [[data, socket], sender];
    return [[data, {
      addr: socket.addr,
      send: (data, address) =>
        address === sender || address.path === null
          ? Promise.reject(
            new Deno.errors.AddrNotAvailable(
              `Cannot reply with ${data.length} bytes: the client's socket has no path; it must bind one to be answered`,
            ),
          )
          : socket.send(data, address),
    }], sender];
  }
}
