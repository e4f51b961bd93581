import { addForgetful } from "../handlers/_replying.ts";
import type { DatagramRequest } from "../handlers/datagram_request_handler.ts";
import {
  type DatagramHandler,
  DatagramServer,
  type ReceivingSocket,
} from "./datagram_server.ts";
import type { ServerOptions } from "./server_options.ts";
import { admissionOf } from "./_admission/admission_of.ts";
import type { AdmissionOptions } from "./admission_options.ts";
import { listenAt } from "./_core/listen_at.ts";
import { withSeam } from "./_core/seam.ts";

/** Where a {@linkcode UDPServer} listens. */
export interface UDPServerAddress {
  /**
   * A host name or a literal IP address.
   *
   * @default {"0.0.0.0"}
   */
  readonly hostname?: string;
  /** The port, 0 to 65,535; 0 lets the system choose one. */
  readonly port: number;
  /**
   * Lets several processes bind the same address (`SO_REUSEADDR`). On Linux the
   * socket that was bound last receives everything.
   *
   * @default {false}
   */
  readonly reuseAddress?: boolean;
}

/** Options of a {@linkcode UDPServer}. */
export interface UDPServerOptions<Config = unknown>
  extends ServerOptions<Deno.NetAddr, DatagramRequest<Deno.NetAddr>, Config> {
  /** Whose datagrams to take. Without it, everybody's are taken. */
  readonly admission?: AdmissionOptions;
}

/**
 * A server of UDP datagrams. Each datagram is a request, an empty one too.
 *
 * Needs `--unstable-net`, `--allow-net=HOSTNAME:PORT` to listen, and
 * `--allow-net` of the clients' addresses (all ports of a host:
 * `--allow-net=HOST`) to reply.
 *
 * @example Echo
 * ```ts
 * import { UDPServer } from "@wire/socketserver";
 *
 * await using server = new UDPServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   async ({ packet, socket, clientAddress }) => {
 *     await socket.send(packet, clientAddress);
 *   },
 * );
 * ```
 */
export class UDPServer<Config = unknown>
  extends DatagramServer<Deno.NetAddr, Config> {
  /**
   * Binds.
   *
   * @param address Where to listen.
   * @param handler A handler class, or a function that receives a
   * {@linkcode DatagramRequestHandler}.
   * @param options Limits, timeouts and callbacks.
   * @throws {Deno.errors.AddrInUse} If the port is taken.
   * @throws {Deno.errors.NotCapable} If the net permission is missing.
   * @throws {Deno.errors.NotSupported} Without `--unstable-net`.
   * @throws {RangeError} If the port or an option is out of range.
   * @throws {TypeError} If `handler` is neither a handler class of its kind nor a
   * function, or an option or a key of the address has an unknown name.
   */
  constructor(
    address: UDPServerAddress,
    handler: DatagramHandler<Deno.NetAddr, Config>,
    options: UDPServerOptions<Config> = {},
  ) {
    super(
      () =>
        listenAt(
          "udp",
          address,
          ["reuseAddress"],
          () => {
            // Add ref() and unref(), which only Deno's types leave out.
            const socket = Deno.listenDatagram(
              { ...address, transport: "udp" },
            ) as unknown as ReceivingSocket<Deno.NetAddr>;
            addForgetful(socket);
            return socket;
          },
        ),
      handler,
      withSeam(options, {
        admission: admissionOf(options),
        optionNames: ["admission"],
      }),
    );
  }
}
