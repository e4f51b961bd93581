import { match, ok, rejects, strictEqual } from "node:assert";
import { FrameType } from "../../../server/_bridge/frames.ts";
import type { NearSide } from "../../../server/_bridge/near_side.ts";
import { ChildPool } from "../../../server/_processes/child_pool.ts";
import { MessageHub } from "../../../server/_messages/message_hub.ts";
import { patiently } from "../../_patience.ts";
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
const messages = () =>
  new MessageHub(
    { handleMessage: () => {}, report: () => Promise.resolve() },
    undefined,
  );
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
  const told = Promise.withResolvers<unknown>();
  const processes: FakeProcess[] = [];
  const pool = new ChildPool(
    fakeCommand(() => {
      const process = new FakeProcess(processes.length > 0);
      processes.push(process);
      return process;
    }),
    LIMITS,
    () => {},
    told.resolve,
    messages(),
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
  const error = await patiently(told.promise, () => "an error");
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

/** What `Deno.Command` throws where no descriptor is left. */
function wantOfDescriptors(): Error {
  return Object.assign(new Error("Too many open files"), { code: "EMFILE" });
}

Deno.test("while no process can be started for want of descriptors, nobody is refused, and no more are accepted", async () => {
  const errors: unknown[] = [];
  let left = 0;
  let tried = 0;
  const processes: FakeProcess[] = [];
  const pool = new ChildPool(
    fakeCommand(() => {
      tried++;
      if (left-- <= 0) throw wantOfDescriptors();
      const process = new FakeProcess(true);
      processes.push(process);
      return process;
    }),
    { ...LIMITS, maxChildren: 9, spareChildren: 1, requestsPerChild: 1 },
    () => {},
    (error) => void errors.push(error),
    messages(),
  );
  const opened = opener(0);
  const waiting = pool.wait(opened.open);
  let accepts = false;
  const drained = pool.drained();
  ok(drained !== undefined);
  drained.then(() => accepts = true);
  while (tried < 5) await turn();
  strictEqual(accepts, false);
  strictEqual(errors.length, 1);
  // Something has ended, and given back what a process needs.
  left = 1;
  while (processes.length < 1) await turn();
  processes[0]!.write(FrameType.Pong, 0);
  const assigned = await patiently(
    waiting.assigned.promise,
    () => "a process",
  );
  strictEqual(accepts, false);
  pool.shuttingDown();
  await drained;
  strictEqual(pool.drained(), undefined);
  processes[0]!.write(FrameType.Done, 1);
  await assigned.channel.ended;
  assigned.release();
  await pool.close();
});

Deno.test("where descriptors are wanted and no process is left to give any back, the last that came gives way", async () => {
  let left = 0;
  const process = new FakeProcess(true);
  const pool = new ChildPool(
    fakeCommand(() => {
      if (left-- <= 0) throw wantOfDescriptors();
      return process;
    }),
    { ...LIMITS, spareChildren: 1 },
    () => {},
    () => {},
    messages(),
  );
  const first = pool.wait(opener(0).open);
  const last = pool.wait(opener(0).open);
  await rejects(last.assigned.promise, { code: "EMFILE" });
  left = 1;
  while (left > 0) await turn();
  process.write(FrameType.Pong, 0);
  const { channel, release } = await first.assigned.promise;
  process.write(FrameType.Done, 1);
  await channel.ended;
  release();
  await pool.close();
});

Deno.test("a process that still starts when all are replaced is not taken for one that cannot", async () => {
  const errors: unknown[] = [];
  const processes: FakeProcess[] = [];
  const pool = new ChildPool(
    fakeCommand(() => {
      const process = new FakeProcess(true);
      processes.push(process);
      return process;
    }),
    { ...LIMITS, spareChildren: 1 },
    () => {},
    (error) => void errors.push(error),
    messages(),
  );
  const recycled = pool.recycle(0);
  while (processes.length < 2) await turn();
  // The one that replaces is ready first.
  processes[1]!.write(FrameType.Pong, 0);
  while (pool.numbers().workers.running.length < 1) await turn();
  for (let i = 0; i < 3; i++) await turn();
  processes[0]!.write(FrameType.Pong, 0);
  await patiently(recycled, () => "the end of the old process");
  const { started, lost, retired, running } = pool.numbers().workers;
  strictEqual(`${started} ${lost} ${retired} ${running.length}`, "2 0 1 1");
  strictEqual(errors.length, 0);
  await pool.close();
});
