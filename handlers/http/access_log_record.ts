import type { ForwardedClient } from "./forwarded_settings.ts";

/** What an access log tells of one request, when that is over. */
export interface AccessLogRecord {
  /** When its headers had come, in milliseconds since the epoch. */
  readonly time: number;
  /** How long it has taken from then on, in milliseconds. */
  readonly duration: number;
  /**
   * Who has asked, as `addressString()` of the handler has it: behind PROXY, and
   * behind proxies that are trusted, the real client.
   */
  readonly client: string;
  /** The address that its connection has come from; behind PROXY, the client's. */
  readonly clientAddress: Deno.Addr;
  /** What trusted proxies have told of the client, if they have. */
  readonly forwarded: ForwardedClient | undefined;
  /** The method; empty where what came has none. */
  readonly method: string;
  /** What it was for, as it was sent; empty where what came has none. */
  readonly target: string;
  /** `HTTP/1.1` or `HTTP/1.0`. */
  readonly protocol: string;
  /** The status of the response; 0 if none was begun. */
  readonly status: number;
  /**
   * How many bytes were written behind the head of the response, with what
   * frames chunks; of a connection that was taken over, all that were.
   */
  readonly bytes: number;
  /**
   * Whether all of the response was written; not where its client has left, it
   * took too long, or its handler failed midway.
   */
  readonly complete: boolean;
  /** Whether the connection is encrypted. */
  readonly encrypted: boolean;
  /** The request's headers. */
  readonly headers: Headers;
}
