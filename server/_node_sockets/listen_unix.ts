import { acceptedUnix } from "./accepted.ts";
import { makePipeHandle, type PipeHandle } from "./handles.ts";
import { HANDED_OVER } from "./handover.ts";
import { NodeListener } from "./node_listener.ts";
import type { ResourceConnection } from "./resource_connection.ts";
import { errorName, systemError } from "./system_error.ts";

/**
 * Listens on a path by a handle, which can be handed to another process.
 *
 * @param path The path, or the name of an abstract socket.
 * @throws {Deno.errors.AddrInUse} If something is there.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 * @throws {Deno.errors.NotFound} If its folder does not exist.
 * @throws {TypeError} If it is too long.
 */
export function listenUnix(path: string): UnixNodeListener {
  const bound = makePipeHandle(true);
  try {
    const status = bound.bind(path);
    if (status === 0) return new UnixNodeListener(bound, path);
    if (errorName(status) === "EINVAL") {
      throw new TypeError("the path is longer than SUN_LEN allows");
    }
    throw systemError(status);
  } catch (error) {
    bound.close();
    throw error;
  }
}

/**
 * Listens by a second descriptor of a socket that is bound. The handle that has
 * bound it removes the file when it closes, which must not be where another process
 * goes on with the socket; and accepts from it for as long as it is open, if it is
 * the one that listens.
 */
class UnixNodeListener
  extends NodeListener<ResourceConnection<Deno.UnixAddr>, Deno.UnixAddr> {
  /** Closes with this, unless another process has the socket. */
  readonly #bound: PipeHandle;
  #handedOver = false;
  #closed = false;

  constructor(bound: PipeHandle, path: string) {
    const handle = makePipeHandle(true);
    const status = handle.open(bound.fdForIpc());
    if (status !== 0) {
      handle.close();
      throw systemError(status);
    }
    super(handle, { transport: "unix", path }, acceptedUnix);
    this.#bound = bound;
  }

  override close(): void {
    super.close();
    if (this.#closed || this.#handedOver) return;
    this.#closed = true;
    this.#bound.close();
  }

  override [HANDED_OVER](): void {
    this.#handedOver = true;
    super[HANDED_OVER]();
  }
}
