/**
 * Handlers that write frames of their own making to the pipe of their process,
 * without end: what a hostile handler can do that has no permission.
 */
import { writeSync } from "node:fs";
import {
  DatagramRequestHandler,
  StreamRequestHandler,
} from "../../../handlers/mod.ts";
import {
  FrameType,
  MAX_CONTROL,
  MAX_DATA,
} from "../../../server/_bridge/frames.ts";
import {
  packDatagram,
  packJson,
  packNumber,
  packShutdown,
} from "../../../server/_bridge/payloads.ts";
import {
  messagePacking,
  packValue,
} from "../../../server/_messages/pack_value.ts";
import { encode } from "../bridge/_frames.ts";

/** The first request of a process. */
const ID = 1;
const STDOUT = 1;
const NOTHING = new Uint8Array(0);
/** Objects with ever more keys than bytes. */
const ELEVENS = new Uint8Array(MAX_CONTROL).fill(11);
const PACKING = messagePacking("forge");
const HUGE_ERROR = { error: { message: "m".repeat(MAX_CONTROL - 100) } };

/** One frame of each kind that goes to the server's process, and some that do not. */
export const FORGERIES: Readonly<Record<string, () => Uint8Array>> = {
  "huge errors": () => encode(FrameType.Error, ID, packJson(HUGE_ERROR)),
  "settlings": () => encode(FrameType.Settling, ID, NOTHING),
  "ends of its request": () => encode(FrameType.Done, ID, NOTHING),
  "ends of others' requests": () => encode(FrameType.Done, 2, NOTHING),
  "pongs": () => encode(FrameType.Pong, 0, NOTHING),
  "bytes past its window": () =>
    encode(FrameType.Data, ID, new Uint8Array(MAX_DATA)),
  "credit": () => encode(FrameType.Credit, ID, packNumber(1 << 20)),
  "pings": () => encode(FrameType.Ping, 0, NOTHING),
  "requests": () => encode(FrameType.Open, 9, packJson({})),
  "deep JSON": () =>
    encode(FrameType.SetOption, ID, new Uint8Array(MAX_CONTROL).fill(0x5b)),
  "half a frame, then zeros": () => NOTHING,
  "messages": () => encode(FrameType.Message, 0, packValue("m", PACKING)),
  "messages that are none": () => encode(FrameType.Message, 0, ELEVENS),
  "messages of a request": () =>
    encode(FrameType.Message, ID, packValue("m", PACKING)),
  "that it took messages": () =>
    encode(FrameType.Taken, 0, packNumber(1_000_000)),
  "that it took none": () => encode(FrameType.Taken, 0, packNumber(0)),
  "failures with messages": () =>
    encode(FrameType.Error, 0, packJson(HUGE_ERROR)),
  "configurations": () => encode(FrameType.Config, 0, NOTHING),
};

/** Those that shut the server down, which a handler may. */
export const SHUTDOWNS: Readonly<Record<string, () => Uint8Array>> = {
  "shutdowns": () =>
    encode(FrameType.Shutdown, ID, packShutdown({ gracePeriod: Infinity })),
  "shutdowns of nobody": () =>
    encode(FrameType.Shutdown, 0, packShutdown({ gracePeriod: Infinity })),
  "shutdowns that are none": () =>
    encode(FrameType.Shutdown, 0, packJson({ gracePeriod: [HUGE_ERROR] })),
};

/** Those of a datagram's request. */
export const DATAGRAM_FORGERIES: Readonly<Record<string, () => Uint8Array>> = {
  "datagrams to a client that reads": () => datagram(FrameType.Send),
  "replies": () => datagram(FrameType.Reply),
  "bytes": () => encode(FrameType.Data, ID, new Uint8Array(9)),
};

let client: Deno.Addr | undefined;

function datagram(type: FrameType): Uint8Array {
  return encode(type, ID, packDatagram(1, client!, new Uint8Array(8_000)));
}

/** Writes the same bytes for ever, and reads nothing. */
function forge(frame: Uint8Array): never {
  const many = frame.length === 0 ? new Uint8Array(64) : frame;
  for (;;) writeSync(STDOUT, many);
}

/** Forges what its client's line names; answers to `?`. */
export class Forger extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    const what = await this.rfile.readLine();
    if (what === "?") return await this.wfile.write("done");
    forge((FORGERIES[what!] ?? SHUTDOWNS[what!])!());
  }
}

/** Forges what its datagram names; answers to `?`. */
export class DatagramForger extends DatagramRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override handle() {
    const what = new TextDecoder().decode(this.packet);
    if (what === "?") return void this.wfile.write("done");
    client = this.clientAddress;
    forge(DATAGRAM_FORGERIES[what]!());
  }
}
