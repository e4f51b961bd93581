import { denoServer, peerServer, type ServerCommand } from "./_programs.ts";

/** What one measurement is told. */
export interface Run {
  readonly port: number;
  /** How long it lasts, in milliseconds. */
  readonly duration: number;
}

/** Servers that do the same, under the same load. */
export interface Comparison {
  readonly name: string;
  /** The arguments of the load generator. */
  readonly load: (run: Run) => readonly (string | number)[];
  /** The first is ours; the others are what it is compared with. */
  readonly servers: readonly ServerCommand[];
  /** Whether runs that do not count go first: the code is not compiled yet. */
  readonly warmUp: boolean;
  /** Whether it is about how long a request takes, not how many there can be. */
  readonly latency?: boolean;
}

/** Connections that are held while the server's memory is looked at. */
export interface Footprint {
  readonly name: string;
  readonly server: ServerCommand;
  readonly count: number;
  /** The further arguments of `load idle`. */
  readonly args: readonly number[];
}

const GIB = 2 ** 30;

const ours = (...args: string[]) =>
  denoServer("TCPServer", "ours_tcp.ts", ...args);
const oursOwnBuffer = denoServer(
  "TCPServer, readInto",
  "ours_tcp.ts",
  "echo-own-buffer",
);
const threading = (workers: number, ...args: string[]): ServerCommand => ({
  ...denoServer(
    workers === 1 ? "threading, 1 worker" : `threading, ${workers} workers`,
    "ours_threading.ts",
    args[0]!,
    `${workers}`,
    ...args.slice(1),
  ),
  anyCore: true,
});
/** The same, whose main thread accepts and carries. */
const carrying = (mode: string): ServerCommand => ({
  ...denoServer(
    "threading, 1 worker, main accepts",
    "ours_threading.ts",
    mode,
    ...["1", "0", "main"],
  ),
  anyCore: true,
});
/** One process for all requests. */
const reusedChild = (...args: string[]): ServerCommand => ({
  ...denoServer(
    "forking, 1 child",
    "ours_forking.ts",
    args[0]!,
    ...["1", "0", "0", "1"],
    ...args.slice(1),
  ),
  anyCore: true,
});
/** A process for each request, and 4 spare ones. */
const freshChildren = (mode: string): ServerCommand => ({
  ...denoServer(
    "forking, a child each",
    "ours_forking.ts",
    mode,
    ...["40", "1", "1", "4"],
  ),
  anyCore: true,
});
/** Where threads or processes take part, all servers may use both cores. */
const anyCore = (server: ServerCommand): ServerCommand => ({
  ...server,
  anyCore: true,
});
const raw = (...args: string[]) =>
  denoServer("Deno.listen loop", "raw_tcp.ts", ...args);

/**
 * All comparisons.
 *
 * @param scale What to multiply amounts of work by; less than 1 in a short run.
 */
export const comparisons = (scale: number): readonly Comparison[] => [
  ...([[64, 1], [64, 50], [64, 500], [1000, 50]] as const).map((
    [size, connections],
  ): Comparison => ({
    name: `echo of ${size} bytes, ${connections} connections`,
    load: ({ port, duration }) => ["echo", port, connections, size, duration],
    servers: [
      ours("echo"),
      oursOwnBuffer,
      raw("echo"),
      peerServer("node", "node_echo.mjs"),
      peerServer("python3", "cpython_tcp.py", "threading", "echo"),
    ],
    warmUp: true,
  })),
  ...[1, 64].map((atOnce): Comparison => ({
    name: `connect, 24 bytes, close, ${atOnce} at a time`,
    load: ({ port, duration }) => ["connect", port, atOnce, 24, duration],
    servers: [
      ours("reply"),
      raw("reply"),
      {
        ...raw("reply-in-full"),
        label: "Deno.listen loop, waits for the client's end",
      },
      peerServer("python3", "cpython_tcp.py", "plain", "reply"),
    ],
    warmUp: true,
  })),
  {
    name: "MiB received by the server, 1 GiB",
    load: ({ port }) => ["send", port, GIB * scale],
    servers: [ours("sink"), raw("sink")],
    warmUp: false,
  },
  {
    name: "MiB sent by the server, 1 GiB",
    load: ({ port }) => ["recv", port, GIB * scale],
    servers: [
      ours("source", `${GIB * scale}`),
      raw("source", `${GIB * scale}`),
    ],
    warmUp: false,
  },
  ...[1, 50].map((sockets): Comparison => ({
    name: `UDP echo of 64 bytes, ${sockets} sockets`,
    load: ({ port, duration }) => ["udp", port, sockets, 64, duration],
    servers: [
      denoServer("UDPServer", "ours_udp.ts", "reply"),
      denoServer("UDPServer, rfile", "ours_udp.ts", "read"),
      denoServer("receive(buffer) loop", "raw_udp.ts"),
      peerServer("python3", "cpython_udp.py"),
    ],
    warmUp: true,
  })),
  ...[1, 50, 500].map((connections): Comparison => ({
    name: `threads: echo of 64 bytes, ${connections} connections`,
    load: ({ port, duration }) => ["echo", port, connections, 64, duration],
    servers: [
      threading(1, "echo"),
      threading(2, "echo"),
      threading(8, "echo"),
      carrying("echo"),
      anyCore(oursOwnBuffer),
      anyCore(peerServer("python3", "cpython_tcp.py", "threading", "echo")),
    ],
    warmUp: true,
  })),
  {
    name: "threads: connect, 24 bytes, close, 64 at a time",
    load: ({ port, duration }) => ["connect", port, 64, 24, duration],
    servers: [
      threading(1, "reply"),
      threading(2, "reply"),
      threading(8, "reply"),
      carrying("reply"),
      anyCore(ours("reply")),
      anyCore(peerServer("python3", "cpython_tcp.py", "threading", "reply")),
    ],
    warmUp: true,
  },
  {
    name: "threads: MiB received by the server, 1 GiB",
    load: ({ port }) => ["send", port, GIB * scale],
    servers: [threading(1, "sink"), carrying("sink"), anyCore(ours("sink"))],
    warmUp: false,
  },
  {
    name: "threads: MiB sent by the server, 1 GiB",
    load: ({ port }) => ["recv", port, GIB * scale],
    servers: [
      threading(1, "source", `${GIB * scale}`),
      anyCore(ours("source", `${GIB * scale}`)),
    ],
    warmUp: false,
  },
  {
    name: "threads: UDP echo of 64 bytes, 50 sockets",
    load: ({ port, duration }) => ["udp", port, 50, 64, duration],
    servers: [
      threading(1, "udp"),
      anyCore(denoServer("UDPServer", "ours_udp.ts", "reply")),
      anyCore(peerServer("python3", "cpython_udp.py", "threading")),
    ],
    warmUp: true,
  },
  {
    name: "threads: 1 ms of computing, 16 connections",
    load: ({ port, duration }) => ["echo", port, 16, 64, duration],
    servers: [
      threading(2, "burn"),
      threading(1, "burn"),
      anyCore(ours("burn")),
    ],
    warmUp: true,
  },
  ...[1, 50, 500].map((connections): Comparison => ({
    name: `processes: echo of 64 bytes, ${connections} connections`,
    load: ({ port, duration }) => ["echo", port, connections, 64, duration],
    servers: [reusedChild("echo"), anyCore(oursOwnBuffer)],
    warmUp: true,
  })),
  {
    name: "processes: connect, 24 bytes, close, 64 at a time",
    load: ({ port, duration }) => ["connect", port, 64, 24, duration],
    servers: [
      reusedChild("reply"),
      anyCore(ours("reply")),
      anyCore(peerServer("python3", "cpython_tcp.py", "forking", "reply")),
    ],
    warmUp: true,
  },
  {
    name: "processes: connect, 24 bytes, close, a client every 50 ms",
    load: ({ port, duration }) => ["visit", port, 50, 24, 2 * duration],
    servers: [
      freshChildren("reply"),
      anyCore(peerServer("python3", "cpython_tcp.py", "forking", "reply")),
    ],
    warmUp: true,
    latency: true,
  },
  {
    name: "processes: connect, 24 bytes, close, 1 at a time",
    load: ({ port, duration }) => ["connect", port, 1, 24, duration],
    servers: [
      freshChildren("reply"),
      anyCore(peerServer("python3", "cpython_tcp.py", "forking", "reply")),
    ],
    warmUp: false,
  },
  {
    name: "processes: MiB received by the server, 1 GiB",
    load: ({ port }) => ["send", port, GIB * scale],
    servers: [reusedChild("sink"), anyCore(ours("sink"))],
    warmUp: false,
  },
  {
    name: "processes: MiB sent by the server, 1 GiB",
    load: ({ port }) => ["recv", port, GIB * scale],
    servers: [
      reusedChild("source", `${GIB * scale}`),
      anyCore(ours("source", `${GIB * scale}`)),
    ],
    warmUp: false,
  },
  ...[0, 1_000, 10_000].map((idle): Comparison => ({
    name: `echo of 64 bytes, 10 of ${idle + 10} connections`,
    load: ({ port, duration }) => [
      "echo",
      port,
      10,
      64,
      duration,
      Math.round(idle * Math.max(scale, 0.01)),
    ],
    servers: [ours("echo"), raw("echo")],
    warmUp: false,
  })),
];

export const footprints: readonly Footprint[] = [
  {
    name: "10,000 that sent nothing yet",
    server: ours("echo"),
    count: 10_000,
    args: [0],
  },
  {
    name: "10,000 after an echo of 64 bytes",
    server: ours("echo"),
    count: 10_000,
    args: [64],
  },
  {
    name: "10,000 after an echo of 20,000 bytes",
    server: ours("echo"),
    count: 10_000,
    args: [20_000],
  },
  {
    name: "10,000 that sent nothing yet",
    server: raw("echo"),
    count: 10_000,
    args: [0],
  },
];
