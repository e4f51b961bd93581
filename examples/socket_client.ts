// deno run --allow-ffi examples/socket_client.ts
//
// The other end: waits for the server's words, then says hello once a second.
// It blocks, too: while it sleeps and while it receives it does nothing else.
//
// Arguments: port (1234), how many messages (endless), milliseconds between
// them (1000).

import { createConnectionSync, selectSync } from "../poll/mod.ts";

const decoder = new TextDecoder();

export function greet(port: number, count: number, interval: number) {
  using socket = createConnectionSync({ hostname: "127.0.0.1", port });
  console.log(decoder.decode(socket.recvSync(1024)));
  for (let sent = 0; sent < count; sent++) {
    socket.sendAllSync(new TextEncoder().encode("hello\n"));
    // Sleeping would do as well; this notices that the server has gone.
    const [readable] = selectSync([socket], [], [], interval);
    if (readable.length > 0 && socket.recvSync(1024).length === 0) return;
  }
}

if (import.meta.main) {
  const [port = 1234, count = Infinity, interval = 1000] = Deno.args.map(
    Number,
  );
  try {
    greet(port, count, interval);
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
