import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";

/** Says what it was sent, wherever it runs. */
export class Mirror extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async fetch(request: Request): Promise<Response> {
    return new Response(
      `${request.method} ${request.url} ${await request.text()}`,
    );
  }
}
