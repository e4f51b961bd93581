import type { FrameType } from "./frames.ts";

/** What takes frames to the other side, in order. */
export interface Carrier {
  /**
   * Sends a frame. The payload is copied before the call returns. Never waits:
   * what does not fit is kept, and the carrier is congested until it is gone.
   */
  send(type: FrameType, channel: number, payload?: Uint8Array): void;
  /**
   * Whether frames are kept that did not fit. Whoever has much to send looks at
   * this first, and waits.
   */
  readonly congested: boolean;
  /** Waits until the carrier is not congested, or is closed. */
  drained(): Promise<void>;
}
