import { inspectBounded } from "../../../_inspect_bounded.ts";
import type { Answer, Transport } from "./transport.ts";

/** What sends a request, as `fetch` does. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Calls over `fetch`, which keeps connections itself and inflates answers. */
export class FetchTransport implements Transport {
  readonly #url: string;
  readonly #headers: Headers;
  readonly #fetch: Fetch;

  constructor(url: URL, headers: Headers, fetch: Fetch) {
    this.#url = url.href;
    this.#headers = headers;
    this.#fetch = fetch;
  }

  async send(
    body: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const send = this.#fetch;
    const response: unknown = await send(this.#url, {
      method: "POST",
      headers: this.#headers,
      // Deno 2.9.6 sends bytes and texts again where a connection that it had
      // kept ends before the answer: the call would be made twice. What it reads
      // as it sends, it does not, and of a Blob it knows the length.
      body: new Blob([body]),
      signal,
      // A server must not have the call, and who makes it, sent elsewhere.
      redirect: "manual",
    });
    if (!(response instanceof Response)) {
      throw new TypeError(
        `Cannot call: fetch must give a Response, received ${
          inspectBounded(response)
        }`,
      );
    }
    const { status, statusText, headers } = response;
    return {
      status,
      statusText,
      headers,
      body: bodyOf(response, signal),
      coding: "identity",
    };
  }

  close(): void {}
}

/**
 * The body of a response, which ends with the signal. That `fetch` ends it, too,
 * cannot be counted on: Deno 2.9.6 forgets the signal of a response whose body is
 * being read when garbage is collected.
 */
function bodyOf(
  { body }: Response,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const reader = body?.getReader();
  // What a stream has to say about its end, its own errors too, nobody waits for.
  const cancel = () => void reader?.cancel().catch(() => {});
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  return partsOf(reader, cancel);
}

async function* partsOf(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  cancel: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    while (reader !== undefined) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    cancel();
  }
}
