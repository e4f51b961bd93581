import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";
import { SimpleHTTPRequestHandler } from "../../handlers/http/simple_http_request_handler.ts";
import { wordy } from "./_decoded.ts";

/** Compresses what it answers, wherever it runs. */
export class Compressing extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly compression = true;

  override fetch(request: Request): Response {
    const size = Number(new URL(request.url).pathname.slice(1));
    return new Response(wordy(size), { headers: { ETag: '"whole"' } });
  }
}

/** Compresses the files of this folder, wherever it runs. */
export class CompressingFiles extends SimpleHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly compression = true;
  static override readonly directory: string = import.meta.dirname!;

  override logMessage(): void {}
}
