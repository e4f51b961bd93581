import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";
import type { RequestServer } from "../../handlers/mod.ts";

/** Answers with a stream of what its server broadcasts, until that shuts down. */
export class Events extends FetchRequestHandler<
  Deno.NetAddr,
  RequestServer<{ readonly first: string }, string>
> {
  static override readonly moduleUrl: string = import.meta.url;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  override fetch(): Response {
    const { shutdownSignal, config, remoteAddr } = this;
    this.server.post(remoteAddr.hostname);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        this.#tell(config.first);
        shutdownSignal.addEventListener("abort", () => {
          this.#tell(`end: ${(shutdownSignal.reason as Error).name}`);
          controller.close();
        });
      },
    });
    return new Response(body, {
      headers: { "Content-Type": "text/event-stream" },
    });
  }

  override onMessage(message: string): void {
    this.#tell(message);
  }

  #tell(text: string): void {
    this.#controller?.enqueue(new TextEncoder().encode(`data: ${text}\n\n`));
  }
}
