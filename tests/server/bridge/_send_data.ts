import { FrameType } from "../../../server/_bridge/frames.ts";
import type { RingCarrier } from "../../../server/_threads/ring_carrier.ts";
import type { Random } from "./_random.ts";

/** Sends bytes through the ring or, where one is free, in a slot. */
export function sendData(
  carrier: RingCarrier,
  random: Random,
  channel: number,
  bytes: Uint8Array,
): void {
  const slot = random.oneIn(2) ? carrier.lender.take() : undefined;
  if (slot === undefined) return carrier.send(FrameType.Data, channel, bytes);
  slot.bytes.set(bytes);
  carrier.lender.send(channel, slot, bytes.length);
}
