import { FetchRequestHandler } from "../../server/http/mod.ts";

/** Says what it was sent, wherever it runs. */
export class Mirror extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async fetch(request: Request): Promise<Response> {
    return new Response(
      `${request.method} ${request.url} ${await request.text()}`,
    );
  }
}
