/**
 * Network servers from a handler class, after Python's `socketserver`.
 *
 * A server accepts requests: connections of TCP, TLS and Unix sockets, or
 * datagrams of UDP and Unix sockets. For each request it makes an instance of
 * a handler class, and calls `setup()`, `handle()` and `finish()`. So there are
 * three steps: write a handler, choose a server, call `serveForever()`.
 *
 * @example An echo of lines of text
 * ```ts
 * import { StreamRequestHandler, TCPServer } from "@wire/socketserver";
 * import { strictEqual } from "node:assert";
 *
 * class Echo extends StreamRequestHandler {
 *   override async handle() {
 *     for await (const line of this.rfile) await this.wfile.write(line + "\n");
 *   }
 * }
 *
 * await using server = new TCPServer({ hostname: "127.0.0.1", port: 0 }, Echo);
 * server.serveForever();
 *
 * using client = await Deno.connect(server.addr);
 * await client.write(new TextEncoder().encode("hello\n"));
 * const buffer = new Uint8Array(100);
 * const n = await client.read(buffer);
 * strictEqual(new TextDecoder().decode(buffer.subarray(0, n!)), "hello\n");
 * ```
 *
 * A line is decoded as UTF-8 and loses its `\r`. For bytes, read with
 * `rfile.read()` or `rfile.readExactly(n)`, or pipe `rfile.readable`.
 *
 * ## Servers
 *
 *     BaseServer
 *     ├── StreamServer                  handler.rfile, handler.wfile
 *     │   ├── TCPServer
 *     │   ├── TLSServer
 *     │   └── UnixStreamServer
 *     └── DatagramServer                handler.packet, rfile, wfile
 *         ├── UDPServer
 *         └── UnixDatagramServer
 *
 * {@linkcode TCPServer} is the one to begin with. {@linkcode TLSServer} takes a
 * certificate and its key. {@linkcode UnixStreamServer} is for programs of this
 * machine, and its socket file says who may connect. A datagram of
 * {@linkcode UDPServer} or {@linkcode UnixDatagramServer} is a request of its
 * own: it may get lost, and is answered by at most one datagram from `wfile`.
 * `BaseServer` has the lifecycle (`serveForever`, `handleRequest`, `shutdown`,
 * `close`) and the hooks to override, from `verifyRequest` to `handleError`.
 * HTTP, WebSockets and XML-RPC are in `@wire/socketserver/http`,
 * `@wire/socketserver/websocket` and `@wire/socketserver/xmlrpc`.
 *
 * ## Where handlers run
 *
 * On the event loop, many at a time: a handler that waits holds up nobody. One
 * that computes does. Two mixins run handlers elsewhere; mix one into any
 * server class, or take the class that is ready-made:
 *
 *     class Server extends ThreadingMixIn(TCPServer) {}   // ThreadingTCPServer
 *     class Server extends ForkingMixIn(TCPServer) {}     // ForkingTCPServer
 *
 * | take | where handlers | flags beside the server's |
 * |---|---|---|
 * | the plain server | wait: for clients, files, other servers | none |
 * | {@linkcode ThreadingMixIn} | compute, and are trusted | `--allow-read` of what a thread imports |
 * | {@linkcode ForkingMixIn} | may fail, or must not be able to do much: a process holds no permission but those it is given | `--allow-run=deno` |
 *
 * A class cannot travel to another thread or process, and a module can. So a
 * handler for a mixin says where it lives, and its module exports it. The other
 * side imports that module: what shall happen once belongs behind
 * `if (import.meta.main)`. Such a class serves in the plain servers as well.
 *
 * ```ts
 * import { StreamRequestHandler, ThreadingTCPServer } from "@wire/socketserver";
 *
 * export class Echo extends StreamRequestHandler {
 *   static override readonly moduleUrl: string = import.meta.url;
 *   override async handle() {
 *     for await (const line of this.rfile) await this.wfile.write(line + "\n");
 *   }
 * }
 *
 * if (import.meta.main) {
 *   const server = new ThreadingTCPServer({ port: 1234 }, Echo);
 *   await server.serveForever();
 * }
 * ```
 *
 * ## Permissions
 *
 * | server | needs |
 * |---|---|
 * | `TCPServer`, `TLSServer` | `--allow-net=HOST:PORT` |
 * | `UDPServer` | `--unstable-net --allow-net=HOST:PORT`, and `--allow-net=CLIENT` to reply |
 * | `UnixStreamServer` | `--allow-read=PATH --allow-write=PATH --allow-net=unix:PATH` |
 * | `UnixDatagramServer` | `--unstable-net`, those three, and those of the clients' paths to reply |
 *
 * Importing this module needs none.
 *
 * ## Ends
 *
 * `shutdown()` accepts nothing more, lets running handlers finish, and after
 * `gracePeriod` milliseconds aborts their `signal` and closes their connections.
 * It may be awaited inside a handler. `await using` calls it at the end of the
 * block. `maxConnections`, `requestTimeout` and `idleTimeout` bound what clients
 * can take; the last two are off unless set. What handlers throw goes to
 * `handleError`, or the `onError` option, and the server goes on.
 *
 * @module
 */

export * from "./handlers/mod.ts";
export * from "./server/_own_exports.ts";
