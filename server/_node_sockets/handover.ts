import process from "node:process";

/** The name of {@linkcode Inheritable}'s methods. */
export const DESCRIPTOR: unique symbol = Symbol("descriptor");
export const HANDED_OVER: unique symbol = Symbol("handed over");

/** A listening socket that another process can be given. */
export interface Inheritable {
  /** A second descriptor of it, which is the caller's to close. */
  [DESCRIPTOR](): number;
  /**
   * Takes nothing more out of the kernel's queue: somebody else does. Those who
   * have been taken out of it are accepted still.
   */
  [HANDED_OVER](): void;
}

/** The name of the property in which something has the socket that it is about. */
export const SOCKET: unique symbol = Symbol("socket");

/** The listening socket of a server, if another process can be given it. */
export function inheritableOf(server: object): Inheritable | undefined {
  let found: object | undefined = server;
  while (found !== undefined && !(DESCRIPTOR in found)) {
    found = (found as { readonly [SOCKET]?: object })[SOCKET];
  }
  return found as Inheritable | undefined;
}

/** What stands before the parent's number in `LISTEN_PID`, for a successor. */
const PARENT = "parent-";

/** What `LISTEN_PID` says in a process that this one starts. */
export function pidForSuccessor(): string {
  return `${PARENT}${Deno.pid}`;
}

/** Whether this process was started by the one that `LISTEN_PID` names. */
export function isSuccessor(listenPid: string | undefined): boolean {
  return listenPid === `${PARENT}${Deno.ppid}`;
}

/** The sockets that are to be served before this process is ready. */
let awaited: { readonly fds: Set<number>; readonly pipe: number } | undefined;

/**
 * Says that this process is a successor.
 *
 * @param count How many sockets it has been given, from `first` on. The
 * descriptor behind them is the pipe to its parent.
 */
export function expectServing(first: number, count: number): void {
  awaited ??= {
    fds: new Set(Array.from({ length: count }, (_, i) => first + i)),
    pipe: first + count,
  };
}

/** Notes that a socket is being served, and tells the parent when all are. */
export function noteServing(fd: number): void {
  if (awaited === undefined || !awaited.fds.delete(fd)) return;
  if (awaited.fds.size > 0) return;
  const net = process.getBuiltinModule("node:net");
  const pipe = new net.Socket({ fd: awaited.pipe, readable: false });
  // A parent that is gone has no use for it.
  pipe.on("error", () => {});
  pipe.end(READY);
}

/** What a successor tells its parent. */
export const READY = "READY=1\n";
