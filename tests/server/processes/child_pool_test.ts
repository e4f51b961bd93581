import { match, ok, strictEqual } from "node:assert";
import { FrameType } from "../../../server/_bridge/frames.ts";
import type { NearSide } from "../../../server/_bridge/near_side.ts";
import { ChildPool } from "../../../server/_processes/child_pool.ts";
import { patiently } from "../../_patience.ts";
import { Reports } from "../../_serve.ts";
import { fakeCommand, FakeProcess } from "./_fake_process.ts";

const LIMITS = {
  maxChildren: 1,
  spareChildren: 0,
  requestsPerChild: Infinity,
  connectionsPerChild: 1,
  startTimeout: 20_000,
  killTimeout: 20_000,
};
const OWNER = {
  settling: () => {},
  abort: () => {},
  shutdown: () => Promise.resolve(),
};
const ADDRESS: Deno.NetAddr = {
  transport: "tcp",
  hostname: "127.0.0.1",
  port: 1,
};
const turn = () => new Promise<void>((done) => setTimeout(done));

/** Opens a request whose client sends so many bytes, and then nothing. */
function opener(bytes: number) {
  const state = { left: bytes };
  const open = (side: NearSide) =>
    side.openStream(
      {
        localAddr: ADDRESS,
        remoteAddr: ADDRESS,
        read: ({ length }: Uint8Array) => {
          const n = Math.min(length, state.left);
          state.left -= n;
          return n === 0 ? new Promise<never>(() => {}) : Promise.resolve(n);
        },
        write: ({ length }: Uint8Array) => Promise.resolve(length),
        closeWrite: () => Promise.resolve(),
        close: () => {},
      } as unknown as Deno.Conn,
      OWNER,
    );
  return { open, state };
}

Deno.test("a process that reads nothing of what it was sent gets no further request, and is ended", async () => {
  const reports = new Reports();
  const processes: FakeProcess[] = [];
  const pool = new ChildPool(
    fakeCommand(() => {
      const process = new FakeProcess(processes.length > 0);
      processes.push(process);
      return process;
    }),
    LIMITS,
    () => {},
    reports.take,
  );
  const much = opener(400 * 1024);
  const first = pool.wait(much.open);
  processes[0]!.write(FrameType.Pong, 0);
  const { channel, release } = await first.assigned.promise;
  // Then the carrier has more than it takes before it is congested.
  for (let last = -1; last !== much.state.left;) {
    last = much.state.left;
    await turn();
  }
  ok(much.state.left < 150 * 1024);
  processes[0]!.write(FrameType.Done, 1);
  await channel.ended;
  release();
  const next = opener(0);
  strictEqual(pool.assign(next.open), undefined);
  const second = pool.wait(next.open);
  const [error] = await reports.until(1);
  match(
    (error as Error).message,
    /^A process that ran no request is gone: it did not read what it was sent for 1000 ms$/,
  );
  while (processes.length < 2) await turn();
  processes[1]!.write(FrameType.Pong, 0);
  const assigned = await patiently(second.assigned.promise, () => "a process");
  processes[1]!.write(FrameType.Done, 1);
  await assigned.channel.ended;
  assigned.release();
  await pool.close();
});
