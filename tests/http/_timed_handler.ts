import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";

/** Takes its time, of which it has little. */
export class Timed extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly limits = { requestTimeout: 1_000 };

  override fetch(request: Request): Response | Promise<Response> {
    switch (new URL(request.url).pathname) {
      case "/report":
        return new Promise((_, reject) => {
          const { signal } = request;
          signal.onabort = () => reject(new Error(`told ${signal.reason}`));
        });
      case "/long":
        return new Promise(() => {});
      default:
        return new Response("short");
    }
  }
}
