/** The answer to a call, whose body is still on its way. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** Throws where it ends too soon. */
  readonly body: AsyncIterable<Uint8Array>;
  /** How the body is encoded still. */
  readonly coding: "identity" | "gzip" | "unknown";
}

/** What carries calls to a server, and answers back. */
export interface Transport {
  /**
   * Sends a call.
   *
   * @param body The call.
   * @param signal Ends it, the body of its answer too.
   * @returns A promise of the answer.
   */
  send(body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Answer>;
  /** Closes what is open. */
  close(): void;
}
