// deno run --allow-ffi examples/poll_server.ts
//
// As select_server.ts, with poll: sockets are registered once, and each ready
// one comes with a mask of what has happened to it.
//
// Arguments: port (1234).

import { run } from "../mod.ts";
import {
  createServer,
  poll,
  POLLERR,
  POLLHUP,
  POLLIN,
  type Socket,
} from "../poll/mod.ts";

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
  const clients = new Map<number, { socket: Socket; name: string }>();
  const polling = poll();
  polling.register(listener, POLLIN);
  try {
    while (true) {
      for (const [fd, event] of await polling.poll(null, { signal })) {
        const client = clients.get(fd);
        if (client === undefined) {
          const [socket, address] = listener.acceptSync();
          const { hostname, port } = address as Deno.NetAddr;
          console.log(`Got connection from ${hostname}:${port}`);
          clients.set(socket.fileno(), { socket, name: `${hostname}:${port}` });
          polling.register(socket, POLLIN);
        } else if ((event & (POLLIN | POLLHUP | POLLERR)) !== 0) {
          const text = receive(client.socket);
          if (text !== "") console.log(text.trimEnd());
          else {
            console.log(`${client.name} disconnected`);
            polling.unregister(fd);
            clients.delete(fd);
            client.socket.close();
          }
        }
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    for (const { socket } of clients.values()) socket.close();
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
