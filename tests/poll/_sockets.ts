import {
  AF_INET,
  createConnectionSync,
  createServer,
  SOCK_DGRAM,
  Socket,
  socketpair,
} from "../../poll/mod.ts";
import { libc } from "../../poll/_libc.ts";
import "./_open_libc.ts";

const F_DUPFD_CLOEXEC = 1030;

export const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;

export const encode = (text: string) => new TextEncoder().encode(text);
export const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Two connected sockets, closed together if they are not yet. */
export class Pair implements Disposable {
  readonly ours: Socket;
  readonly theirs: Socket;

  constructor([ours, theirs]: [Socket, Socket] = socketpair()) {
    this.ours = ours;
    this.theirs = theirs;
  }

  static tcp(): Pair {
    using listener = createServer(LOOPBACK);
    const ours = createConnectionSync(listener.getsockname());
    const [theirs] = listener.acceptSync();
    return new Pair([ours, theirs]);
  }

  /** Sends until the kernel takes no more; returns how many bytes it took. */
  fill(): number {
    this.ours.setBlocking(false);
    const chunk = new Uint8Array(64 * 1024);
    let sent = 0;
    try {
      while (true) sent += this.ours.sendSync(chunk);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    this.ours.setBlocking(true);
    return sent;
  }

  [Symbol.dispose](): void {
    this.ours[Symbol.dispose]();
    this.theirs[Symbol.dispose]();
  }
}

/** A datagram socket on the loopback interface. */
export function datagramSocket(): Socket {
  const socket = new Socket(AF_INET, SOCK_DGRAM);
  socket.bind(LOOPBACK);
  return socket;
}

/** The descriptors of this process. */
export function descriptors(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name).sort();
}

/**
 * A descriptor number that is not open, and was a moment ago. A high one: the
 * kernel gives the lowest, so no test that runs beside gets it.
 */
export function closedDescriptor(): number {
  using socket = new Socket();
  const { fcntl, close } = libc();
  const fd = fcntl(socket.fileno(), F_DUPFD_CLOEXEC, 3000);
  if (fd < 0) throw new Error("There is no descriptor above 3,000");
  close(fd);
  return fd;
}

/** The error that `fn` throws or rejects with. */
export async function failure(
  fn: () => unknown,
): Promise<Error & { code?: string }> {
  try {
    await fn();
  } catch (error) {
    return error as Error & { code?: string };
  }
  throw new Error("Nothing was thrown");
}

/**
 * Runs a program in a process with just the given flags.
 *
 * @param stdin A file that is its standard input.
 */
export async function run(
  flags: readonly string[],
  program: string,
  stdin = "/dev/null",
): Promise<{ code: number; stdout: string; stderr: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/program.ts`;
    await Deno.writeTextFile(file, program);
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: [
        ...["-c", 'exec "$@" < "$0"', stdin, Deno.execPath(), "run"],
        ...["--no-prompt", "--no-config", ...flags, file],
      ],
      env: { NO_COLOR: "1" },
    }).output();
    return { code, stdout: decode(stdout), stderr: decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

export const MODULE = JSON.stringify(
  import.meta.resolve("../../poll/mod.ts"),
);
