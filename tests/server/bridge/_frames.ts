import {
  FrameType,
  HEADER_SIZE,
  MAX_CONTROL,
  MAX_DATA,
  putHeader,
} from "../../../server/_bridge/frames.ts";
import type { Random } from "./_random.ts";

export const TYPES: readonly FrameType[] = Object.values(FrameType);

/** A frame as bytes. */
export function encode(
  type: FrameType,
  channel: number,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEADER_SIZE + payload.length);
  putHeader(frame, 0, type, channel, payload.length);
  frame.set(payload, HEADER_SIZE);
  return frame;
}

/** A size that is mostly small, and now and then as large as may be. */
export function anySize(random: Random, type: FrameType): number {
  const least = type === FrameType.Data ? 1 : 0;
  if (!random.oneIn(500)) return least + random.below(40);
  return (type === FrameType.Data ? MAX_DATA : MAX_CONTROL) - random.below(10);
}
