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
    const response = await send(this.#url, {
      method: "POST",
      headers: this.#headers,
      body,
      signal,
      // A server must not have the call, and who makes it, sent elsewhere.
      redirect: "manual",
    });
    const { status, statusText, headers } = response;
    return {
      status,
      statusText,
      headers,
      body: response.body ?? nothing(),
      coding: "identity",
    };
  }

  close(): void {}
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
