import type { PlaceLink } from "../_messages/remote_place.ts";
import type { Carrier } from "./carrier.ts";
import { FrameType, MAX_CONTROL } from "./frames.ts";
import { packNumber } from "./payloads.ts";

/** The first byte of a part of a configuration. */
const MORE_FOLLOWS = 0;
export const LAST_PART = 1;

/** Takes messages and configurations to a thread or process in frames. */
export function frameLink(carrier: Carrier): PlaceLink {
  return {
    message: (packed) => carrier.send(FrameType.Message, 0, packed),
    handled: (cost) => carrier.send(FrameType.Taken, 0, packNumber(cost)),
    congestion: () => carrier.congested ? carrier.drained() : undefined,
    config: (packed) => {
      const most = MAX_CONTROL - 1;
      for (let at = 0; at < packed.length; at += most) {
        const piece = packed.subarray(at, at + most);
        const part = new Uint8Array(1 + piece.length);
        part[0] = at + most >= packed.length ? LAST_PART : MORE_FOLLOWS;
        part.set(piece, 1);
        carrier.send(FrameType.Config, 0, part);
      }
    },
  };
}
