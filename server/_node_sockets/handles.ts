import process from "node:process";
import { lackingOfCore } from "./core.ts";

/** The address of one end, as a handle writes it. */
export interface SocketName {
  address?: string;
  family?: string;
  port?: number;
}

/** What `node:net` holds a socket by. */
export interface Handle {
  /** Takes a descriptor, for good; not 0 where it cannot be what it shall. */
  open(descriptor: number): number;
  /** Begins to listen, or looks for connections again where it listens. */
  listen(backlog: number): number;
  /** Called when there are connections to accept. */
  onconnection: (status: number) => void;
  /** Accepts one; not 0 where there is none. */
  accept(client: Handle): number;
  close(): void;
  ref(): void;
  unref(): void;
  /** Makes a second descriptor for it, which is the caller's; -1 if that fails. */
  fdForIpc(): number;
}

/** One of TCP. */
export interface TCPHandle extends Handle {
  bindWithFlags(address: string, port: number, flags: number): number;
  bind6(address: string, port: number, flags: number): number;
  getsockname(out: SocketName): number;
  getpeername(out: SocketName): number;
  /** Takes a second descriptor of what Deno knows by a number. */
  openFromRid(rid: number): number;
  setNoDelay(noDelay: boolean): number;
  /** The delay is in seconds. */
  setKeepAlive(keepAlive: boolean, delay: number): number;
  /** Gives the connection to Deno, and tells the number that it has there. */
  takeStream(): number;
}

/** One of a Unix socket. */
export interface PipeHandle extends Handle {
  /** Binds it to a path, whose file is removed when it closes. */
  bind(path: string): number;
}

type HandleClass<Kind extends Handle> = new (type: number) => Kind;

/** What is used of the internals of `node:net`. */
interface Internals {
  readonly TCP: HandleClass<TCPHandle>;
  readonly Pipe: HandleClass<PipeHandle>;
}

/** The types of a handle. */
const CONNECTION = 0;
const LISTENER = 1;

/** Has the kernel share an address among several sockets (`SO_REUSEPORT`). */
export const REUSE_PORT = 4;

const TCP_METHODS = [
  ...["open", "listen", "accept", "close", "ref", "unref", "bindWithFlags"],
  ...["bind6", "getsockname", "getpeername", "openFromRid", "fdForIpc"],
  ...["setNoDelay", "setKeepAlive", "takeStream"],
];
const PIPE_METHODS = [
  ...["open", "bind", "listen", "accept", "close", "ref", "unref", "fdForIpc"],
];

let internals: Internals | undefined;

/**
 * Makes the handle of a TCP socket.
 *
 * Deno has no name for a socket that is open already, nor for one that shares its
 * port without a flag. `node:net` has, but accepts whoever comes, as many as there
 * are descriptors. So the handles beneath it are used. They are no public part of
 * Deno, and this file is the only one that knows them.
 *
 * @param listens Whether it is to listen.
 * @throws {Deno.errors.NotSupported} If this version of Deno has others.
 */
export function makeTCPHandle(listens: boolean): TCPHandle {
  internals ??= findInternals();
  return new internals.TCP(listens ? LISTENER : CONNECTION);
}

/** Makes the handle of a Unix socket, as `makeTCPHandle` does. */
export function makePipeHandle(listens: boolean): PipeHandle {
  internals ??= findInternals();
  return new internals.Pipe(listens ? LISTENER : CONNECTION);
}

function findInternals(): Internals {
  const { binding } = process as unknown as {
    binding(name: string): Partial<Record<string, HandleClass<never>>>;
  };
  const TCP = binding("tcp_wrap").TCP;
  const Pipe = binding("pipe_wrap").Pipe;
  const missing = [
    ...lacking(TCP, TCP_METHODS),
    ...lacking(Pipe, PIPE_METHODS),
    ...lackingOfCore(),
  ];
  if (missing.length === 0) return { TCP: TCP!, Pipe: Pipe! };
  throw new Deno.errors.NotSupported(
    `Cannot listen with Deno ${Deno.version.deno}: its node:net, or its core, lacks ${
      missing.join(", ")
    }; use the version that this module is tested with`,
  );
}

function lacking(
  Class: { readonly prototype: object } | undefined,
  methods: readonly string[],
): string[] {
  const prototype = Class?.prototype as Record<string, unknown> | undefined;
  return methods.filter((name) => typeof prototype?.[name] !== "function");
}
