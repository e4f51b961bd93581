import type { StreamReader } from "../streams/stream_reader.ts";
import type { StreamWriter } from "../streams/stream_writer.ts";

/**
 * A connection that a handler has taken over from HTTP, by
 * {@linkcode BaseHTTPRequestHandler.hijack}.
 */
export interface HijackedConnection<Address extends Deno.Addr = Deno.Addr> {
  /**
   * The connection. What had been read behind the request already is what it reads
   * first. Read from it or from `rfile`, and write to it or to `wfile`, not both.
   */
  readonly connection: Deno.Conn<Address>;
  /** Reads from it. */
  readonly rfile: StreamReader;
  /** Writes to it. What was written is sent before the connection is closed. */
  readonly wfile: StreamWriter;
  /**
   * What a `fetch` method returns that has taken the connection over: it must
   * return a `Response`, and whichever it is, none is sent.
   */
  readonly response: Response;
}
