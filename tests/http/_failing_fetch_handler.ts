import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";

/** Fails, and answers that itself, wherever it runs. */
export class Failing extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override fetch(request: Request): Response {
    throw new RangeError(`cannot answer ${new URL(request.url).pathname}`);
  }

  override onError(error: unknown, request: Request): Response {
    return new Response(`${request.method}: ${error}`, { status: 503 });
  }
}
