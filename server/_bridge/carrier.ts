import type { FrameType } from "./frames.ts";
import type { Lender } from "./lease.ts";

/** What takes frames to the other side, in order. */
export interface Carrier {
  /**
   * Sends a frame. The payload is copied before the call returns. Never waits:
   * what does not fit is kept, and the carrier is congested until it is gone.
   */
  send(type: FrameType, channel: number, payload?: Uint8Array): void;
  /** Has memory for bytes that are sent where they are, if there is such. */
  readonly lender?: Lender;
  /**
   * Whether frames are kept that did not fit. Whoever has much to send looks at
   * this first, and waits.
   */
  readonly congested: boolean;
  /** Waits until the carrier is not congested, or is closed. */
  drained(): Promise<void>;
  /**
   * Waits until what was sent is out of this process's hands, unless it is.
   * Where there is no such method, it always is.
   */
  flushed?(): Promise<void> | undefined;
}
