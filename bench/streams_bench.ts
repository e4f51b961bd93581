/** The streams of a handler, without sockets: what each read and write costs. */
import { StreamReader, StreamWriter } from "../mod.ts";

const line = new TextEncoder().encode(
  "a line of 64 bytes".padEnd(63, ".") + "\n",
);
const kilobyte = new Uint8Array(1024);
kilobyte.set(line);
for (let at = line.length; at < kilobyte.length; at += line.length) {
  kilobyte.copyWithin(at, 0, line.length);
}

/** Always has as much as it is asked for. */
const endless = {
  read(buffer: Uint8Array<ArrayBuffer>) {
    const part = kilobyte.subarray(0, buffer.length);
    buffer.set(part);
    return Promise.resolve(part.length);
  },
};
const reader = new StreamReader(endless);
const own = new Uint8Array(64);

Deno.bench("StreamReader.read(64)", { group: "64 bytes" }, async () => {
  await reader.read(64);
});
Deno.bench("StreamReader.readInto(64)", { group: "64 bytes" }, async () => {
  await new StreamReader(endless).readInto(own);
});
Deno.bench("StreamReader.readExactly(64)", { group: "64 bytes" }, async () => {
  await reader.readExactly(64);
});
Deno.bench("StreamReader.readLine()", { group: "64 bytes" }, async () => {
  await reader.readLine();
});
Deno.bench(
  "the source alone",
  { group: "64 bytes", baseline: true },
  async () => {
    await endless.read(own);
  },
);

const sink = { write: (data: Uint8Array) => Promise.resolve(data.length) };
const writer = new StreamWriter(sink);

Deno.bench("StreamWriter.write", { group: "write" }, async () => {
  await writer.write(line);
});
Deno.bench("eight writes in one tick", { group: "write" }, async () => {
  for (let i = 0; i < 7; i++) writer.write(line);
  await writer.write(line);
});
Deno.bench("the sink alone", { group: "write", baseline: true }, async () => {
  await sink.write(line);
});
