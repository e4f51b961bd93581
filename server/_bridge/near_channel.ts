import type { Traffic } from "../../handlers/_traffic.ts";
import type { Unsent } from "../../handlers/_unsent.ts";
import type { Closing } from "../../handlers/_host.ts";
import type { Carrier } from "./carrier.ts";
import { packError, unpackError } from "./errors.ts";
import { CUT_SHORT, FrameType, ProtocolError } from "./frames.ts";
import type { Lease } from "./lease.ts";
import {
  packShutdown,
  type ShutdownRequest,
  unpackShutdown,
} from "./payloads.ts";
import { MOST_SHUTDOWNS } from "./shutdowns.ts";

/** A handler fails once, and its `onShutdown` may. */
const MOST_ERRORS = 2;

/** What the server of a request does for it. */
export interface RequestOwner {
  /** The handler has ended; what is left is still being written. */
  settling(unsent: Unsent): void;
  /** How long each request may take, where the handler measures that. */
  readonly requestTimeout?: number;
  /** Where its bytes are counted, if anybody counts. */
  readonly traffic?: Traffic | undefined;
  /**
   * The request is over before its handler is.
   *
   * @param cause Why, where that is not that the connection has failed.
   */
  abort(reason: unknown, cause?: "shutdown"): void;
  /** The handler shuts the server down. */
  shutdown(options: ShutdownRequest): Promise<void>;
}

/** The near side of one request, whose handler runs on the far side. */
export abstract class NearChannel {
  /** Settles when the handler has ended: rejected with what it threw. */
  readonly ended: Promise<void>;
  readonly id: number;
  /** Whether bytes have come since `write` was last called. */
  toWrite = false;
  protected readonly carrier: Carrier;
  protected readonly owner: RequestOwner;
  /** Whether nothing is to be sent any more. */
  protected over = false;
  /** Whether the handler has said that its reply is not whole. */
  protected isCutShort = false;
  #handlerEnded = false;
  /** How many shutdowns it has asked for that are not done. */
  #shutdowns = 0;
  #settled = false;
  #toldShuttingDown = false;
  #errors = 0;
  #error: { readonly error: unknown } | undefined;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(carrier: Carrier, id: number, owner: RequestOwner) {
    this.carrier = carrier;
    this.id = id;
    this.owner = owner;
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether only what the handler left is still being written. */
  get handlerEnded(): boolean {
    return this.#handlerEnded;
  }

  /** What of the handler's bytes is left to be sent, if it can tell. */
  get unsent(): Unsent | undefined {
    return undefined;
  }

  /** How the connection is to be closed by now. */
  closing(): Closing {
    return "linger";
  }

  /** Opens the channel on the far side. */
  abstract open(): void;

  /** Takes bytes that are lent, maybe in memory that can be kept, for `write`. */
  data(part: Uint8Array, _lease?: Lease): void {
    throw new ProtocolError(
      `Cannot take ${part.length} bytes: a datagram has no stream`,
    );
  }

  /** Begins to write what has come, unless that is being done. */
  write(): void {}

  /** Takes a frame that is lent. */
  frame(type: FrameType, payload: Uint8Array): void {
    switch (type) {
      case FrameType.Settling:
        if (this.#settled) throw repeated("settles");
        this.#settled = true;
        return this.settling();
      case FrameType.Error:
        if (++this.#errors > MOST_ERRORS) throw repeated("fails");
        return this.failed(unpackError(payload).error);
      case FrameType.Done:
        this.isCutShort = payload[0] === CUT_SHORT;
        this.over = this.#handlerEnded = true;
        this.done();
        return;
      case FrameType.Shutdown:
        if (this.#shutdowns === MOST_SHUTDOWNS) {
          throw new ProtocolError(
            `Cannot shut down: a request asks for more than ${MOST_SHUTDOWNS} shutdowns at once`,
          );
        }
        void this.#shutdown(unpackShutdown(payload));
        return;
      default:
        throw new ProtocolError(
          `Cannot take a frame of type ${type}: it does not go to the near side`,
        );
    }
  }

  /** Ends the request, since what runs its handler is to end. */
  end(reason: unknown): void {
    this.owner.abort(reason, "shutdown");
  }

  /** Tells the handler that the request is over before it is done. */
  abort(reason: unknown): void {
    if (this.over) return;
    this.over = true;
    this.carrier.send(FrameType.Abort, this.id, packError(reason));
  }

  /**
   * Tells the handler that the server begins to shut down, or that what runs it is
   * to end. Later calls change nothing.
   */
  shuttingDown(gracePeriod: number): void {
    if (this.over || this.#toldShuttingDown) return;
    this.#toldShuttingDown = true;
    this.carrier.send(
      FrameType.ShuttingDown,
      this.id,
      packShutdown({ gracePeriod }),
    );
  }

  /** The far side is gone. */
  lose(error: unknown): void {
    this.over = true;
    this.#reject(error);
  }

  protected settling(): void {}

  /** The request has failed, which is told when it is finished. */
  protected failed(error: unknown): void {
    this.#error ??= { error };
  }

  /** The handler has ended. */
  protected done(): void {
    this.finish();
  }

  /** Nothing is left to do for the request. */
  protected finish(): void {
    if (this.#error === undefined) this.#resolve();
    else this.#reject(this.#error.error);
  }

  async #shutdown(options: ShutdownRequest): Promise<void> {
    this.#shutdowns++;
    try {
      await this.owner.shutdown(options);
    } catch (error) {
      // A server of the user's own may refuse to.
      this.failed(error);
    }
    this.#shutdowns--;
    // A handler that was aborted may wait for it too.
    this.carrier.send(FrameType.ShutdownDone, this.id);
  }
}

/** What the far side tells again that it has told. */
export function repeated(what: string): ProtocolError {
  return new ProtocolError(
    `Cannot take a frame: a request ${what} that has done so already`,
  );
}
