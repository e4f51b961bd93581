// Requests that wait for a process that has not read all that it was sent.

import { FrameType } from "../../../server/_bridge/frames.ts";
import type { NearSide } from "../../../server/_bridge/near_side.ts";
import { MessageHub } from "../../../server/_messages/message_hub.ts";
import { ChildPool } from "../../../server/_processes/child_pool.ts";
import { patiently } from "../../_patience.ts";
import { fakeCommand, FakeProcess } from "./_fake_process.ts";

/** A process that reads when it is told to. */
class SlowReader extends FakeProcess {
  readonly #mayRead = Promise.withResolvers<void>();
  override readonly stdin = new WritableStream<Uint8Array>({
    write: () => this.#mayRead.promise,
    close: () => this.kill("SIGTERM"),
  });

  constructor() {
    super(true);
  }

  read(): void {
    this.#mayRead.resolve();
  }
}

const LIMITS = {
  maxChildren: 1,
  spareChildren: 0,
  requestsPerChild: Infinity,
  connectionsPerChild: 1,
  startTimeout: 20_000,
  killTimeout: 20_000,
};

const ADDRESS = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;

/** Opens a request whose client says nothing. */
const open = (side: NearSide) =>
  side.openStream(
    {
      localAddr: ADDRESS,
      remoteAddr: ADDRESS,
      read: () => new Promise<never>(() => {}),
      write: ({ length }: Uint8Array) => Promise.resolve(length),
      closeWrite: () => Promise.resolve(),
      close: () => {},
    } as unknown as Deno.Conn,
    {
      settling: () => {},
      abort: () => {},
      shutdown: () => Promise.resolve(),
    },
  );

Deno.test("a request is served by a process that has started before its configuration was read", async () => {
  const process = new SlowReader();
  const pool = new ChildPool(
    fakeCommand(() => process),
    LIMITS,
    () => {},
    () => {},
    new MessageHub(
      { handleMessage: () => {}, report: () => Promise.resolve() },
      "x".repeat(1_000_000),
    ),
  );
  const waiting = pool.wait(open);
  process.write(FrameType.Pong, 0);
  // It takes requests now, and nothing that is sent to it.
  while (pool.numbers().workers.running.length === 0) {
    await new Promise<void>((resolve) => setTimeout(resolve));
  }
  process.read();
  const { channel, release } = await patiently(
    waiting.assigned.promise,
    () => "a process",
  );
  process.write(FrameType.Done, 1);
  await channel.ended;
  release();
  await pool.close();
});
