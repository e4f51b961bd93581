import { Buffer } from "node:buffer";
import { ok, rejects, strictEqual } from "node:assert";
import { sendBytes } from "../../handlers/http/_files/send_bytes.ts";
import type { StreamWriter } from "../../handlers/streams/stream_writer.ts";
import { patiently } from "../_patience.ts";
import { Folder } from "../_program.ts";

const KIB = 1024;

/** A client that takes a chunk when it is told to. */
class SlowClient {
  /** What it was sent, copied when it took it. */
  readonly taken: Uint8Array[] = [];
  /** The buffers that it was given. */
  readonly buffers = new Set<ArrayBufferLike>();
  #takeNext: (() => void) | undefined;
  #given: (() => void) | undefined;

  readonly writer = {
    write: (chunk: Uint8Array) => {
      this.buffers.add(chunk.buffer);
      this.#given?.();
      return new Promise<void>((resolve) => {
        this.#takeNext = () => {
          this.taken.push(chunk.slice());
          resolve();
        };
      });
    },
  } as unknown as StreamWriter;

  /** Resolves when something is there to be taken. */
  given(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#takeNext !== undefined) resolve();
      else this.#given = resolve;
    });
  }

  take(): void {
    const take = this.#takeNext!;
    this.#takeNext = undefined;
    take();
  }

  /** Takes chunk after chunk until all is sent. */
  async takeAll(sent: Promise<void>): Promise<void> {
    let done = false;
    const end = sent.finally(() => done = true);
    while (!done) {
      await Promise.race([this.given(), end]);
      if (!done) this.take();
      await Promise.resolve();
    }
    await end;
  }

  /** What its buffers hold, in bytes. */
  get held(): number {
    return [...this.buffers].reduce(
      (sum, { byteLength }) => sum + byteLength,
      0,
    );
  }
}

Deno.test("slow clients of files hold 64 KiB each where there are many", async () => {
  await using folder = new Folder();
  const bytes = crypto.getRandomValues(new Uint8Array(64 * KIB));
  const content = new Uint8Array(10 * 64 * KIB);
  for (let i = 0; i < 10; i++) {
    content.set(bytes.map((b) => b + i), i * 64 * KIB);
  }
  await Deno.writeFile(folder.at("file"), content);
  const range = { from: 1, length: content.length - 1 };
  const open: Deno.FsFile[] = [];
  const begin = (client: SlowClient) => {
    const file = Deno.openSync(folder.at("file"));
    open.push(file);
    return sendBytes(file, range, client.writer, () => {});
  };
  const clients = Array.from({ length: 60 }, () => new SlowClient());
  const sent = clients.map(begin);
  for (const client of clients) await client.given();
  // Each has one chunk on its way and reads the next, which comes when that one
  // is taken.
  for (const client of clients) client.take();
  for (const client of clients) await client.given();
  const held = clients.map((client) => client.held);
  ok(held.filter((bytes) => bytes > 64 * KIB).length <= 16);
  ok(held.slice(16).every((bytes) => bytes <= 64 * KIB), `${held}`);
  await patiently(
    Promise.all(clients.map((client, i) => client.takeAll(sent[i]!))),
    () => "all clients to be sent the file",
  );
  for (const { taken } of clients) {
    const all = new Uint8Array(
      await new Blob(taken as BlobPart[]).arrayBuffer(),
    );
    strictEqual(Buffer.compare(all, content.subarray(1)), 0);
  }
  // Alone again, one is sent large chunks.
  const alone = new SlowClient();
  await alone.takeAll(begin(alone));
  strictEqual(alone.taken[0]!.length, 256 * KIB);
  for (const file of open) file.close();
});

Deno.test("clients that fail do not count as slow ones for ever", async () => {
  await using folder = new Folder();
  await Deno.writeFile(folder.at("file"), new Uint8Array(600 * KIB));
  const range = { from: 0, length: 600 * KIB };
  const failing = {
    write: () => {
      const failed = Promise.reject(new Deno.errors.BrokenPipe("gone"));
      // As of a StreamWriter: whoever does not wait for it need not catch it.
      failed.catch(() => {});
      return failed;
    },
  } as unknown as StreamWriter;
  for (let i = 0; i < 40; i++) {
    using file = Deno.openSync(folder.at("file"));
    await rejects(sendBytes(file, range, failing, () => {}), {
      name: "BrokenPipe",
    });
  }
  const client = new SlowClient();
  using file = Deno.openSync(folder.at("file"));
  await client.takeAll(sendBytes(file, range, client.writer, () => {}));
  strictEqual(client.taken[0]!.length, 256 * KIB);
});
