import type { StreamWriter } from "../../streams/stream_writer.ts";
import type { ByteRange } from "./byte_ranges.ts";
import { chunkSize, PartBeingSent } from "./chunk_size.ts";
import { cutShort } from "./cut_short.ts";

/**
 * Sends a part of a file. While one chunk is written the next is read.
 *
 * @param file The file.
 * @param range The part, which is not empty.
 * @param writer Where to send it.
 * @param before Called when the first chunk is read, to write what goes before
 * it: small writes that are apart wait for one another (RFC 9293, section
 * 3.7.4), and a file that cannot be read is told before anything is sent.
 * @throws {Error} If the file ends before the part does.
 * @throws What reading and writing throws.
 */
export async function sendBytes(
  file: Deno.FsFile,
  { from, length }: ByteRange,
  writer: StreamWriter,
  before: () => void,
): Promise<void> {
  using _part = new PartBeingSent();
  // This waits for nothing: it only sets a number.
  file.seekSync(from, Deno.SeekMode.Start);
  let reading = new Uint8Array(chunkSize(length));
  let writing: typeof reading | undefined;
  let written: Promise<void> | undefined;
  let sent = 0;
  while (true) {
    const n = await file.read(reading.subarray(0, length - sent));
    if (n === null) throw cutShort(length, sent);
    await written;
    if (sent === 0) before();
    written = writer.write(reading.subarray(0, n));
    sent += n;
    if (sent === length) break;
    const free = writing;
    writing = reading;
    const size = chunkSize(length);
    reading = free?.length === size ? free : new Uint8Array(size);
  }
  await written;
}
