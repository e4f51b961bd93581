/** What a report shows: servers of the comparisons, by the names that readers know. */

/** A server of a comparison. */
export interface Shown {
  /** Its label there. */
  readonly label: string;
  /** Its name in the picture. */
  readonly name: string;
}

/** Servers of one comparison. */
export interface Group {
  readonly title: string;
  /** The name of the comparison, or of the load of HTTP. */
  readonly comparison: string;
  readonly ours: Shown;
  readonly peers: readonly Shown[];
}

const LOOP: Shown = { label: "Deno.listen loop", name: "Deno.listen loop" };
const NODE: Shown = { label: "node node_echo", name: "Node net" };
const PYTHON: Shown = {
  label: "python3 cpython_tcp",
  name: "CPython threads",
};
const TCP: Shown = { label: "TCPServer", name: "TCPServer" };

/** Echoes of 64 bytes, over so many connections. */
export const ECHO_CONNECTIONS: readonly number[] = [1, 50, 500];

/** The group whose servers echo over so many connections. */
export const echo = (connections: number): Group => ({
  title: `TCPServer: echo of 64 bytes, ${connections} at a time`,
  comparison: `echo of 64 bytes, ${connections} connections`,
  ours: TCP,
  peers: [LOOP, NODE, PYTHON],
});

/** How many connections of HTTP. */
export const HTTP_CONNECTIONS = 50;

/** What the ratios are of. */
export const RATIOS: readonly Group[] = [
  echo(50),
  {
    title: "TCPServer: connect, 24 bytes, close, 64 at a time",
    comparison: "connect, 24 bytes, close, 64 at a time",
    ours: TCP,
    peers: [
      {
        label: "Deno.listen loop, waits for the client's end",
        name: "Deno.listen loop",
      },
      { ...PYTHON, name: "CPython TCPServer" },
    ],
  },
  {
    title: "UDPServer: echo of 64 bytes, 50 at a time",
    comparison: "UDP echo of 64 bytes, 50 sockets",
    ours: { label: "UDPServer", name: "UDPServer" },
    peers: [
      { label: "receive(buffer) loop", name: "receive loop" },
      { label: "python3 cpython_udp", name: "CPython UDPServer" },
    ],
  },
  {
    title: `HTTPServer: GET, 6 bytes, ${HTTP_CONNECTIONS} at a time`,
    comparison: `GET, keep-alive, ${HTTP_CONNECTIONS} connections`,
    ours: { label: "HTTPServer, fetch", name: "HTTPServer" },
    peers: [
      { label: "Deno.serve", name: "Deno.serve" },
      { label: "node:http in Deno", name: "node:http in Deno" },
      {
        label: "CPython ThreadingHTTPServer, HTTP/1.1, buffered",
        name: "CPython http.server",
      },
    ],
  },
];
