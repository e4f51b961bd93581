// deno run --allow-net=127.0.0.1:1234 examples/tcp_client.ts
//
// The other end: a client that waits for the server's first words and then
// says hello once a second, until the server closes. It reads and writes as a
// handler does.
//
// Run it against examples/start.ts, which answers, or against
// examples/tcp_server.ts, which thanks and closes.
//
// Arguments: port (1234), how many messages (endless), milliseconds between
// them (1000).

import { setTimeout } from "node:timers/promises";
import { connect } from "../handlers/client/mod.ts";
import type { StreamReader } from "../mod.ts";

/** Prints what arrives; resolves when the server has ended its side. */
async function print(rfile: StreamReader) {
  const decoder = new TextDecoder();
  let chunk: Uint8Array | null;
  while ((chunk = await rfile.read(1024)) !== null) {
    console.log(decoder.decode(chunk, { stream: true }).trimEnd());
  }
}

export async function greet(port: number, count: number, interval: number) {
  await using client = await connect({ hostname: "127.0.0.1", port });
  const { rfile, wfile } = client;
  // A server speaks first: until it does, there is nothing to answer.
  await rfile.peek();

  const gone = new AbortController();
  const printed = print(rfile).finally(() => gone.abort());
  // Awaited below; a reset must not count as unhandled until then.
  printed.catch(() => {});
  for (let sent = 0; sent < count && !gone.signal.aborted; sent++) {
    await wfile.write("hello\n");
    await setTimeout(interval, undefined, { signal: gone.signal })
      .catch(() => {});
  }
  // The server sees the end of our side and still gets its last words in.
  if (!gone.signal.aborted) await wfile.closeWrite();
  await printed;
}

if (import.meta.main) {
  const [port = 1234, count = Infinity, interval = 1000] = Deno.args.map(
    Number,
  );
  try {
    await greet(port, count, interval);
    console.log("The connection has ended");
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) {
      console.error(`Nothing listens on 127.0.0.1:${port}`);
      Deno.exit(1);
    }
    if (
      !(error instanceof Deno.errors.ConnectionReset ||
        error instanceof Deno.errors.BrokenPipe)
    ) throw error;
    console.log("The server has gone");
  }
}
