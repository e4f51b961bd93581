// deno run --allow-ffi --allow-sys=uid --allow-write=/tmp/hand_over.sock examples/hand_over.ts work
//
// Hands connections over to another process, by SCM_RIGHTS of unix(7). The front
// accepts and gives each connection away with its first line; the worker has it
// from then on, and it lives on when the front ends. So privileges are separated,
// and a service is taken over by its next version. In another terminal:
//
//     deno run --allow-ffi examples/hand_over.ts front
//     nc 127.0.0.1 1234
//
// Arguments: work or front, the path of the worker (/tmp/hand_over.sock), and of
// the front its port (1234).

import {
  AF_UNIX,
  createServer,
  peerCredentials,
  recvFds,
  sendFds,
  SOCK_SEQPACKET,
  Socket,
} from "../poll/mod.ts";

const LINE_MAX = 1024;
/** A client that has not said its line by then is let go, in milliseconds. */
const PATIENCE = 10_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Takes connections from one front after the other, and serves each. */
async function work(path: string, signal: AbortSignal): Promise<void> {
  // Messages stay apart: a connection comes with its own line, and no other's.
  using listener = new Socket(AF_UNIX, SOCK_SEQPACKET);
  listener.bind({ path });
  listener.listen();
  console.log(`Working on ${path}`);
  try {
    while (true) {
      const [front] = await listener.accept({ signal });
      report(takeFrom(front));
    }
  } finally {
    Deno.removeSync(path);
  }
}

async function takeFrom(front: Socket): Promise<void> {
  using _front = front;
  const { pid, uid } = peerCredentials(front);
  console.log(`Front ${pid} of user ${uid}`);
  // The kernel says who it is, and anybody may know the path.
  if (uid !== Deno.uid()) return;
  while (true) {
    using message = await recvFds(front, LINE_MAX, 1);
    const [fd] = message.fds;
    // A message without a connection is the end.
    if (fd === undefined) return;
    report(serve(Socket.fromFd(fd), decoder.decode(message.data)));
  }
}

/** What the client said first, and then all that it says, in capitals. */
async function serve(client: Socket, line: string): Promise<void> {
  using _client = client;
  client.setTimeout(PATIENCE);
  for (let text = line; text !== "";) {
    await client.sendAll(
      encoder.encode(`${Deno.pid}: ${text.toUpperCase()}`),
    );
    text = decoder.decode(await client.recv(LINE_MAX));
  }
}

/** Accepts, reads the first line, and gives the connection away. */
async function front(
  path: string,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  using worker = new Socket(AF_UNIX, SOCK_SEQPACKET);
  await worker.connect({ path });
  using listener = createServer({ hostname: "127.0.0.1", port });
  const address = listener.getsockname() as Deno.NetAddr;
  console.log(`Listening on 127.0.0.1:${address.port}`);
  while (true) {
    const [client] = await listener.accept({ signal });
    report(giveAway(client, worker));
  }
}

async function giveAway(client: Socket, worker: Socket): Promise<void> {
  // Ours is closed, and the connection goes on by the worker's descriptor.
  using _client = client;
  client.setTimeout(PATIENCE);
  const line = await client.recv(LINE_MAX);
  if (line.length === 0) return;
  await sendFds(worker, [line], [client]);
}

/** One connection's failure is no other's. */
function report(done: Promise<void>): void {
  done.catch((error) => console.error(`${error.name}: ${error.message}`));
}

if (import.meta.main) {
  const [role, path = "/tmp/hand_over.sock", port = "1234"] = Deno.args;
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => abort.abort());
  }
  try {
    if (role === "work") await work(path, abort.signal);
    else if (role === "front") await front(path, Number(port), abort.signal);
    else {
      console.error("Give: work [path], or: front [path [port]]");
      Deno.exit(1);
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  }
  Deno.exit();
}
