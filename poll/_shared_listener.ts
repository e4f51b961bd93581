import { AF_UNIX, IPPROTO_TCP, TCP_NODELAY } from "./constants_socket.ts";
import { createServer } from "./create_server.ts";
import { disown, own, ownNew, toDescriptor } from "./_descriptors.ts";
import { CLOEXEC, EFD_NONBLOCK } from "./_epoll_event.ts";
import { systemError } from "./_errors.ts";
import { errno, linuxLibc } from "./_libc.ts";
import { checkOptions } from "./_options.ts";
import { type AddressLike, Socket } from "./socket.ts";

/** What servers by readiness are called in errors. */
export const ACTION = "serve by readiness";

/** A listening socket for another thread; of {@linkcode ReadinessServer.share}. */
export interface SharedListener {
  /** The descriptor of the socket. */
  readonly listener: number;
  /** The descriptor that stops every server of the socket. */
  readonly stop: number;
}

/** A listener and what stops it. */
export function openListener(
  address: AddressLike,
  backlog: number | undefined,
): [Socket, number] {
  const listener = createServer(
    address,
    backlog === undefined ? {} : { backlog },
  );
  try {
    // Each connection inherits it. What a handler sends in two calls would else
    // wait until the client has acknowledged the first.
    if (listener.family !== AF_UNIX) {
      listener.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    }
    const stop = linuxLibc(ACTION).eventfd(0, CLOEXEC | EFD_NONBLOCK);
    if (stop < 0) throw systemError(errno(), "eventfd", ACTION);
    ownNew(stop);
    return [listener, stop];
  } catch (error) {
    listener.close();
    throw error;
  }
}

/** Takes over what another thread shared: both descriptors, or neither. */
export function adoptListener(shared: SharedListener): [Socket, number] {
  checkOptions(shared, ["listener", "stop"], "take over a listener");
  const stop = toDescriptor(shared.stop);
  own(stop);
  try {
    return [Socket.fromFd(shared.listener), stop];
  } catch (error) {
    disown(stop);
    throw error;
  }
}
