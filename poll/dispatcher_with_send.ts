import { byteLength, part } from "./_check.ts";
import { SOCK_STREAM } from "./constants_socket.ts";
import { Dispatcher, type DispatcherMap } from "./dispatcher.ts";
import type { Socket } from "./socket.ts";

/** What one turn sends at most, in bytes. */
const CHUNK = 64 * 1024;

/**
 * A dispatcher that keeps what the kernel does not take, and sends it later, as
 * Python's `asyncore.dispatcher_with_send`.
 */
export class DispatcherWithSend extends Dispatcher {
  readonly #waiting: Uint8Array[] = [];
  #buffered = 0;

  /**
   * Watches a socket, or none yet.
   *
   * @param socket A socket, connected or not. It is set not to block.
   * @param map The dispatchers it belongs to. Default: {@linkcode socketMap}.
   * @throws {Deno.errors.BadResource} If the socket is closed.
   */
  constructor(socket?: Socket, map?: DispatcherMap) {
    super(socket, map);
  }

  /** How many bytes have not been sent yet. */
  get buffered(): number {
    return this.#buffered;
  }

  /**
   * Sends bytes, now or later, in the order of the calls.
   *
   * @param data The bytes; they are copied if they have to wait.
   * @returns How many bytes there are.
   * @throws {TypeError} If the buffer is detached.
   * @throws {Error} With code `EMSGSIZE` if a datagram is too long; it is
   * dropped.
   */
  override send(data: Uint8Array): number {
    const length = byteLength(data, "send");
    this.#waiting.push(new Uint8Array(part(data, 0, length)));
    this.#buffered += length;
    this.initiateSend();
    if (this.#waiting.length > 0) this.wakeLoop();
    return length;
  }

  /** Sends what waits, as far as the kernel takes it. */
  initiateSend(): void {
    // The rest comes in the next turn: others have theirs between.
    for (let room = CHUNK; room > 0 && this.connected;) {
      const first = this.#waiting.shift();
      if (first === undefined) return;
      // A datagram that was cut would be two.
      const piece = this.socket?.type === SOCK_STREAM
        ? part(first, 0, room)
        : first;
      let sent;
      try {
        sent = super.send(piece);
      } catch (error) {
        // What cannot be sent, as too long a datagram, does not wait any more.
        this.#buffered -= first.length;
        throw error;
      }
      this.#buffered -= sent;
      if (sent < first.length) {
        this.#waiting.unshift(part(first, sent, first.length));
      }
      if (sent < piece.length) return;
      room -= sent;
    }
  }

  /** Sends what waits. */
  override handleWrite(): void {
    this.initiateSend();
  }

  /**
   * Whether there is something to send, or a connection to be made.
   *
   * @returns False once all is sent.
   */
  override writable(): boolean {
    return !this.connected || this.#waiting.length > 0;
  }
}
