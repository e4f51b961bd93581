/**
 * Network servers from a handler class: TCP, TLS, UDP and Unix sockets.
 *
 * Write a handler, pick a server, call `serveForever`.
 *
 * @example An echo of lines
 * ```ts
 * import { StreamRequestHandler, TCPServer } from "@wire/socketserver";
 *
 * class Echo extends StreamRequestHandler {
 *   override async handle() {
 *     for await (const line of this.rfile) await this.wfile.write(line + "\n");
 *   }
 * }
 *
 * await using server = new TCPServer({ hostname: "127.0.0.1", port: 0 }, Echo);
 * ```
 *
 * @module
 */

export * from "./handlers/mod.ts";
export * from "./server/mod.ts";
