import { chunkStream } from "../_compression/chunk_stream.ts";
import { encodeStream } from "../_compression/encode_stream.ts";
import type { CompleteCompression } from "../http_compression.ts";
import type { OpenAnswer } from "./file_answer.ts";
import { PartsReader } from "./parts_reader.ts";
import { type WholeFile, wholeFile } from "./whole_file.ts";

/** What is up to this size is read at once, in bytes: nothing stays open for it. */
const AT_ONCE = 64 * 1024;

/**
 * The body of an answer. What is large is a stream, which closes the file when it
 * has ended, has failed or is cancelled; else the file is closed already.
 *
 * @param answer The answer, whose file is the body's.
 * @param compression How the file may be compressed, if at all.
 * @throws {Error} If the file has become shorter.
 * @throws What reading throws.
 */
export async function fileBody(
  { file, content }: OpenAnswer,
  compression: CompleteCompression | undefined,
): Promise<
  ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null
> {
  using unused = new DisposableStack();
  unused.use(file);
  if (content === undefined) return null;
  if (content.kind === "bytes") return content.bytes;
  if (content.kind === "encoded") {
    const { coding, size } = content;
    const source = new ClosingSource(wholeFile(file, size), unused.move());
    return encodeStream(source, coding, compression!, false);
  }
  const reader = unused.use(new PartsReader(file, content));
  if (content.length <= AT_ONCE) return (await reader.read())!;
  // While one chunk is sent the next is read.
  return chunkStream(
    new ClosingSource(reader, unused.move()),
    1,
    (chunk) => reader.takeBack(chunk),
  );
}

/** A source that closes what it reads when nothing more is read of it. */
class ClosingSource {
  readonly #source: Pick<WholeFile, "read">;
  readonly #open: DisposableStack;

  constructor(source: Pick<WholeFile, "read">, open: DisposableStack) {
    this.#source = source;
    this.#open = open;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      const chunk = await this.#source.read();
      if (chunk === undefined) this.#open.dispose();
      return chunk;
    } catch (error) {
      this.#open.dispose();
      throw error;
    }
  }

  cancel(): void {
    this.#open.dispose();
  }
}
