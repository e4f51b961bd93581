// deno run --unstable-net --allow-net=127.0.0.1:1234,127.0.0.1:0 examples/udp_time_client.ts
//
// The other end: asks examples/udp_time.ts what time it is. A datagram may get
// lost, and nobody tells: the question is asked again when no answer has come,
// and given up in the end. Asking takes the permission for the server's port, and
// for a port of its own, which the system chooses (0).
//
// Another port is the first argument, and belongs in --allow-net too.

import { connectDatagram } from "../handlers/client/mod.ts";

/** Asks three times at most, half a second each. */
export async function askTime(port: number): Promise<string> {
  await using client = await connectDatagram({ hostname: "127.0.0.1", port });
  const question = "What time is it?";
  const answer = await client.request(question, { timeout: 500, attempts: 3 });
  return new TextDecoder().decode(answer).trimEnd();
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  try {
    console.log(await askTime(port));
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "TimeoutError")) {
      throw error;
    }
    console.error(`Nobody answers on 127.0.0.1:${port}`);
    Deno.exit(1);
  }
}
