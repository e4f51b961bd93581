import type { FrameType } from "../../../server/_bridge/frames.ts";
import type { ChildCommand } from "../../../server/_processes/child_command.ts";
import { encode } from "../bridge/_frames.ts";

/**
 * A process that is none: the test says what it writes and whether it reads. It
 * ends when its stdin does.
 */
export class FakeProcess {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  readonly status: Promise<Deno.CommandStatus>;
  readonly pid = 0;
  #stdout!: ReadableByteStreamController;
  #stderr!: ReadableByteStreamController;
  #end!: (status: Deno.CommandStatus) => void;

  /** @param reads Whether it takes what it is sent. */
  constructor(reads: boolean) {
    const ended = Promise.withResolvers<Deno.CommandStatus>();
    this.status = ended.promise;
    this.#end = ended.resolve;
    this.stdin = new WritableStream({
      write: () => reads ? undefined : ended.promise.then(() => {}),
      close: () => this.#endWith({ success: true, code: 0, signal: null }),
    });
    this.stdout = new ReadableStream({
      type: "bytes",
      start: (controller) => void (this.#stdout = controller),
    });
    this.stderr = new ReadableStream({
      type: "bytes",
      start: (controller) => void (this.#stderr = controller),
    });
  }

  /** Writes a frame to its stdout. */
  write(type: FrameType, channel: number, payload = new Uint8Array(0)): void {
    this.#stdout.enqueue(encode(type, channel, payload));
  }

  kill(signal: Deno.Signal): void {
    this.#endWith({ success: false, code: 128 + 9, signal });
  }

  #endWith(status: Deno.CommandStatus): void {
    for (const controller of [this.#stdout, this.#stderr]) {
      try {
        controller.close();
        controller.byobRequest?.respond(0);
      } catch {
        // It has been killed before.
      }
    }
    this.#end(status);
  }

  ref(): void {}
  unref(): void {}
}

/** A command that starts what `spawn` returns, or throws what it throws. */
export function fakeCommand(spawn: () => FakeProcess): ChildCommand {
  return {
    mayResolve: () => false,
    spawn,
  } as unknown as ChildCommand;
}
