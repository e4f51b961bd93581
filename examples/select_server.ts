// deno run --allow-ffi examples/select_server.ts
//
// Many clients in one thread: select tells which sockets have something to
// read. Waiting with await leaves the event loop free for timers and the like.
//
// Arguments: port (1234).

import { run } from "../mod.ts";
import { createServer, select, type Socket } from "../poll/mod.ts";

const decoder = new TextDecoder();

/** The end of a connection and a broken one are the same to this server. */
function receive(socket: Socket): string {
  try {
    return decoder.decode(socket.recvSync(1024));
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return "";
    throw error;
  }
}

export async function serve(
  port: number,
  signal: AbortSignal,
  onListen: (port: number) => void,
) {
  const listener = createServer({ hostname: "127.0.0.1", port });
  onListen((listener.getsockname() as Deno.NetAddr).port);
  const names = new Map<Socket, string>();
  try {
    while (true) {
      const [readable] = await select(
        [listener, ...names.keys()],
        [],
        [],
        null,
        {
          signal,
        },
      );
      for (const socket of readable) {
        if (socket === listener) {
          const [client, address] = listener.acceptSync();
          const { hostname, port } = address as Deno.NetAddr;
          names.set(client, `${hostname}:${port}`);
          console.log(`Got connection from ${names.get(client)}`);
          continue;
        }
        const text = receive(socket);
        if (text !== "") console.log(text.trimEnd());
        else {
          console.log(`${names.get(socket)} disconnected`);
          names.delete(socket);
          socket.close();
        }
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    for (const client of names.keys()) client.close();
    listener.close();
  }
}

if (import.meta.main) {
  const abort = new AbortController();
  const onListen = (port: number) =>
    console.log(`Listening on 127.0.0.1:${port}`);
  // What serves and can be told to end can be run, as servers are.
  await run({
    serveForever: () =>
      serve(Number(Deno.args[0] ?? 1234), abort.signal, onListen),
    shutdown: () => abort.abort(),
  });
}
