import { StreamRequestHandler } from "../../handlers/stream_request_handler.ts";
import { type AnyHandlerClass, FarSide } from "../_bridge/far_side.ts";
import { FrameType } from "../_bridge/frames.ts";
import { packJson } from "../_bridge/payloads.ts";
import { PipeCarrier } from "./pipe_carrier.ts";

const QUESTION = new TextEncoder().encode("?\n");

class Rehearsal extends StreamRequestHandler {
  override async handle(): Promise<void> {
    for await (const line of this.rfile) await this.wfile.write(`${line}\n`);
  }
}

/**
 * Handles a request that nobody sent: the first real one finds the code compiled,
 * which takes a millisecond in a process that has just started.
 */
export async function rehearse(addr: Deno.Addr): Promise<void> {
  const written: Uint8Array[] = [];
  const near = new PipeCarrier({
    read: () => Promise.resolve(null),
    write: (bytes) => void written.push(bytes.slice()),
  });
  near.send(FrameType.Open, 1, packJson({ localAddr: addr, remoteAddr: addr }));
  near.send(FrameType.Data, 1, QUESTION);
  near.send(FrameType.End, 1);
  await near.flushed();
  const far = new PipeCarrier({
    read: () => Promise.resolve(written.shift() ?? null),
    write() {},
  });
  await far.receive(
    new FarSide(far, Rehearsal as unknown as AnyHandlerClass, addr),
  );
}
