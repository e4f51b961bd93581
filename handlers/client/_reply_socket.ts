import { needsOfHost, needsOfPath } from "../_granted.ts";
import { checkPermitted } from "./_target.ts";

/** Where datagrams are sent, by its IP address or its path. */
export type Peer =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string };

/** A socket that answers come to. */
export interface ReplySocket {
  /** Sends to the peer. */
  send(data: Uint8Array): Promise<number>;
  /**
   * Waits for what the peer sends; what others do is thrown away.
   *
   * @param buffer Where it goes.
   * @returns It, in that buffer.
   */
  receive(buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** Ends what waits to be received. */
  close(): void;
}

/**
 * Opens a socket that the answers of one peer come to.
 *
 * @param peer Whose.
 * @param folder Where its file is, if it is to have one.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 */
export function openReplySocket(
  peer: Peer,
  folder: string | undefined,
): ReplySocket {
  return "path" in peer
    ? openAtPath(peer.path, folder)
    : openAtPort(peer.hostname, peer.port);
}

function openAtPort(hostname: string, port: number): ReplySocket {
  const own = { hostname: ownHost(hostname), port: 0 };
  checkPermitted(needsOfHost(own), "receive answers at");
  const socket = Deno.listenDatagram({ transport: "udp", ...own });
  return replySocket(
    socket,
    { transport: "udp", hostname, port },
    (from) =>
      (from as Deno.NetAddr).hostname === hostname &&
      (from as Deno.NetAddr).port === port,
    () => socket.close(),
  );
}

/** The address to bind: loopback alone where that is enough. */
function ownHost(hostname: string): string {
  if (hostname.includes(":")) return hostname === "::1" ? "::1" : "::";
  return hostname.startsWith("127.") ? "127.0.0.1" : "0.0.0.0";
}

function openAtPath(path: string, folder: string | undefined): ReplySocket {
  // Nobody can guess it. What others send there is thrown away all the same.
  const name = `socketserver-${crypto.randomUUID()}`;
  const own = folder === undefined ? `\0${name}` : `${folder}/${name}`;
  // Each name is a new one, and the permission is that of all.
  const key = folder === undefined
    ? "the abstract namespace"
    : `a socket in ${JSON.stringify(folder)}`;
  checkPermitted({ ...needsOfPath(own, true), key }, "receive answers at");
  const socket = Deno.listenDatagram({ transport: "unixpacket", path: own });
  return replySocket(
    socket,
    { transport: "unixpacket", path },
    (from) => (from as Deno.UnixAddr).path === path,
    () => {
      socket.close();
      if (folder !== undefined) Deno.removeSync(own);
    },
  );
}

function replySocket(
  socket: Deno.DatagramConn,
  to: Deno.Addr,
  isPeer: (from: Deno.Addr) => boolean,
  close: () => void,
): ReplySocket {
  return {
    send: (data) => socket.send(data, to),
    async receive(buffer) {
      for (;;) {
        const [data, from] = await socket.receive(buffer);
        if (isPeer(from)) return data as Uint8Array<ArrayBuffer>;
      }
    },
    close,
  };
}
